//! What is answered: clusters of Kubernetes' objects, and questions to them by way of real messages.

mod any;
mod beyond;
mod reverse;
mod services;
mod specification;
mod speed;
mod wire;

use std::str::FromStr;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

use crate::responder::{Response, Transport, respond};
use crate::zone::Zone;

/// A question, and the records of its answer: those in `Additional` are marked with a `+`. Without records it is
/// `NXDOMAIN` or `NODATA`, both of which come with the zone's SOA record.
type Row = (&'static str, &'static [&'static str]);

const NXDOMAIN: &[&str] = &["NXDOMAIN"];
const NODATA: &[&str] = &["NODATA"];

#[test]
fn every_row_is_answered() {
    let tables: [(Zone, &[&[Row]]); 3] = [
        (services::cluster(), &[services::ROWS, beyond::ROWS]),
        (reverse::cluster(), &[reverse::ROWS]),
        (specification::cluster(), &[specification::ROWS]),
    ];
    let (mut count, mut wrong) = (0, Vec::new());
    for (zone, tables) in &tables {
        for (question, expected) in tables.iter().copied().flatten() {
            count += 1;
            let answered = answer(zone, question);
            if answered != *expected {
                wrong.push(format!(
                    "{question}\n  expected {expected:#?}\n  answered {answered:#?}"
                ));
            }
        }
    }
    println!("{count} questions");
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The answer to `NAME TYPE` by TCP, in the form of a row.
fn answer(zone: &Zone, question: &str) -> Vec<String> {
    let request = request(question);
    let bytes = request.to_vec().unwrap();
    let Response::Ready(response) = respond(zone, &bytes, Transport::Tcp) else {
        return vec!["nothing".to_owned()];
    };
    let response = Message::from_vec(&response).unwrap();
    assert_eq!(response.metadata.id, request.metadata.id);
    assert_eq!(response.metadata.message_type, MessageType::Response);
    assert!(response.metadata.authoritative);
    assert_eq!(response.queries, request.queries);
    let mut rows: Vec<String> = response.answers.iter().map(Record::to_string).collect();
    if rows.is_empty() {
        rows.push(match response.metadata.response_code {
            ResponseCode::NoError => "NODATA".to_owned(),
            ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
            other => other.to_string(),
        });
    }
    let authorities: Vec<_> = response.authorities.iter().map(Record::to_string).collect();
    let expected = if response.answers.is_empty() {
        vec![soa(zone, request.queries[0].name())]
    } else {
        Vec::new()
    };
    if authorities != expected {
        rows.push(format!("Authority: {authorities:?}"));
    }
    rows.extend(response.additionals.iter().map(|record| format!("+ {record}")));
    rows
}

/// Of the zone that the name is in, in the name's letters. All zones here have two labels.
fn soa(zone: &Zone, name: &Name) -> String {
    let (at, serial) = (name.trim_to(2), zone.serial());
    format!("{at} 5 IN SOA ns.dns.{at} hostmaster.{at} {serial} 7200 1800 86400 5")
}

fn request(question: &str) -> Message {
    let (name, kind) = question.split_once(' ').unwrap();
    let labels = name.trim_end_matches('.').split('.').map(str::as_bytes);
    let name = Name::from_labels(labels).unwrap();
    let query = Query::query(name, RecordType::from_str(kind).unwrap());
    let mut request = Message::query();
    request.metadata.id = 4711;
    request.add_query(query);
    request
}

/// A cluster with these objects.
fn zone(namespaces: &[&str], services: &[Service], slices: &[EndpointSlice]) -> Zone {
    let mut zone = Zone::new(Name::from_ascii("cluster.local.").unwrap());
    for name in namespaces {
        zone.set_namespace(&namespace(name), true);
    }
    for service in services {
        zone.set_service(service, true);
    }
    for slice in slices {
        zone.set_slice(slice, true);
    }
    zone
}

fn namespace(name: &str) -> Namespace {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

/// `name` is that of the service and of its namespace, with a dot.
fn service(name: &str, spec: Value) -> Service {
    serde_json::from_value(json!({"metadata": metadata(name), "spec": spec})).unwrap()
}

/// With a port `http` of TCP, and these addresses.
fn cluster_ip(name: &str, addresses: &[&str]) -> Service {
    let spec = json!({
        "type": "ClusterIP", "clusterIP": addresses[0], "clusterIPs": addresses,
        "ports": [{"name": "http", "protocol": "TCP", "port": 80}],
    });
    service(name, spec)
}

fn external(name: &str, target: &str) -> Service {
    service(name, json!({"type": "ExternalName", "externalName": target}))
}

/// The `number`th slice of a service. Endpoints are addresses, some with a host name: `172.0.0.4 dup-name`.
fn slice(service: &str, number: u32, endpoints: &[&str], ports: Value) -> EndpointSlice {
    let mut metadata = metadata(&service.replacen('.', &format!("-{number}."), 1));
    metadata["labels"] = json!({"kubernetes.io/service-name": service.split_once('.').unwrap().0});
    let family = if endpoints.iter().any(|endpoint| endpoint.contains(':')) {
        "IPv6"
    } else {
        "IPv4"
    };
    let endpoint = |endpoint: &&str| {
        let (address, hostname) = endpoint.split_once(' ').unwrap_or((endpoint, ""));
        let mut object = json!({"addresses": [address], "conditions": {"ready": true}});
        if !hostname.is_empty() {
            object["hostname"] = json!(hostname);
        }
        object
    };
    let endpoints: Vec<Value> = endpoints.iter().map(endpoint).collect();
    let slice = json!({
        "metadata": metadata, "addressType": family, "endpoints": endpoints, "ports": ports,
    });
    serde_json::from_value(slice).unwrap()
}

fn metadata(name: &str) -> Value {
    let (name, namespace) = name.split_once('.').unwrap();
    json!({"name": name, "namespace": namespace})
}

fn http() -> Value {
    json!([{"name": "http", "protocol": "TCP", "port": 80}])
}
