//! Clusters of Kubernetes' objects, and what is answered to questions about them.

mod beyond;
mod reverse;
pub(crate) mod services;
mod specification;

use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde_json::{Value, json};

/// A question, and the records of its answer: those in `Additional` are marked with a `+`. Without records it is
/// `NXDOMAIN` or `NODATA`, both of which come with the zone's SOA record.
pub(crate) type Row = (&'static str, &'static [&'static str]);

pub(crate) const NXDOMAIN: &[&str] = &["NXDOMAIN"];
pub(crate) const NODATA: &[&str] = &["NODATA"];

/// What names are made of.
pub(crate) struct Objects {
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) services: Vec<Service>,
    pub(crate) slices: Vec<EndpointSlice>,
}

/// Each cluster, with its questions.
pub(crate) fn all() -> Vec<(Objects, Vec<Row>)> {
    vec![
        (services::cluster(), [services::ROWS, beyond::ROWS].concat()),
        (reverse::cluster(), reverse::ROWS.to_vec()),
        (specification::cluster(), specification::ROWS.to_vec()),
    ]
}

/// A cluster with these.
pub(crate) fn cluster(namespaces: &[&str], services: &[Service], slices: &[EndpointSlice]) -> Objects {
    Objects {
        namespaces: namespaces.iter().map(|name| namespace(name)).collect(),
        services: services.to_vec(),
        slices: slices.to_vec(),
    }
}

pub(crate) fn namespace(name: &str) -> Namespace {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

/// `name` is that of the service and of its namespace, with a dot.
pub(crate) fn service(name: &str, spec: Value) -> Service {
    serde_json::from_value(json!({"metadata": metadata(name), "spec": spec})).unwrap()
}

/// With a port `http` of TCP, and these addresses.
pub(crate) fn cluster_ip(name: &str, addresses: &[&str]) -> Service {
    let spec = json!({
        "type": "ClusterIP", "clusterIP": addresses[0], "clusterIPs": addresses,
        "ports": [{"name": "http", "protocol": "TCP", "port": 80}],
    });
    service(name, spec)
}

pub(crate) fn external(name: &str, target: &str) -> Service {
    service(name, json!({"type": "ExternalName", "externalName": target}))
}

/// The `number`th slice of a service. Endpoints are addresses, some with a host name: `172.0.0.4 dup-name`.
pub(crate) fn slice(service: &str, number: u32, endpoints: &[&str], ports: Value) -> EndpointSlice {
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

pub(crate) fn metadata(name: &str) -> Value {
    let (name, namespace) = name.split_once('.').unwrap();
    json!({"name": name, "namespace": namespace})
}

pub(crate) fn http() -> Value {
    json!([{"name": "http", "protocol": "TCP", "port": 80}])
}
