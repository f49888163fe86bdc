//! What is answered: clusters of Kubernetes' objects, and questions to them by way of real messages.

mod any;
mod speed;
#[path = "../tests/tables/mod.rs"]
mod tables;
mod wire;

use std::str::FromStr;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use serde_json::json;

use crate::responder::{Response, Transport, respond};
use crate::zone::Zone;
use tables::{Objects, cluster, cluster_ip, external, http, namespace, service, services, slice};

#[test]
fn every_row_is_answered() {
    let (mut count, mut wrong) = (0, Vec::new());
    for (objects, rows) in tables::all() {
        let zone = zone(&objects);
        for (question, expected) in rows {
            count += 1;
            let answered = answer(&zone, question);
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
    let response = match respond(zone, &bytes, Transport::Tcp) {
        response @ (Response::Ready(_) | Response::Alias(_)) => response.alone().unwrap(),
        _ => return vec!["nothing".to_owned()],
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

/// The names of a cluster with these objects.
fn zone(objects: &Objects) -> Zone {
    let mut zone = Zone::new(Name::from_ascii("cluster.local.").unwrap());
    for namespace in &objects.namespaces {
        zone.set_namespace(namespace, true);
    }
    for service in &objects.services {
        zone.set_service(service, true);
    }
    for slice in &objects.slices {
        zone.set_slice(slice, true);
    }
    zone
}

#[test]
fn the_top_says_the_state_of_the_zone() {
    let zone = zone(&services::cluster());
    let soa = |name: &str| vec![soa(&zone, &Name::from_ascii(name).unwrap())];
    for name in ["cluster.local.", "Cluster.local.", "in-addr.arpa.", "ip6.arpa."] {
        assert_eq!(answer(&zone, &format!("{name} SOA")), soa(name));
    }
    let empty = Zone::new(Name::from_ascii("cluster.local.").unwrap());
    assert_eq!(
        answer(&empty, "cluster.local. NS"),
        ["cluster.local. 5 IN NS ns.dns.cluster.local."]
    );
}
