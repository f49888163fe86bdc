//! Services.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec, ServiceStatus};

use super::text::{age, given, labels, name, or_empty, or_none};
use super::{AGE, Cell, Column, NAME, Printed, SELECTOR, cells};

impl Printed for Service {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Type", "How the service is reached."),
        Column::text("Cluster-IP", "The service's address inside the cluster."),
        Column::text("External-IP", "Its addresses outside of the cluster."),
        Column::text(
            "Port(s)",
            "The ports that it has, with the nodes' ports for them.",
        ),
        AGE,
        SELECTOR,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let spec = self.spec.as_ref();
        let type_ = spec.and_then(|spec| spec.type_.as_deref()).unwrap_or_default();
        let ip = spec.and_then(|spec| spec.cluster_ip.as_deref());
        let ports = spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        let ports: Vec<String> = ports.map(port).collect();
        cells![
            name(&self.metadata),
            type_,
            given(ip, "<none>"),
            spec.map_or_else(unknown, |spec| external_ip(spec, self.status.as_ref())),
            or_none(ports.join(",")),
            age(&self.metadata, now),
            labels(spec.and_then(|spec| spec.selector.as_ref())),
        ]
    }
}

/// `80/TCP`, `80:30080/TCP`
fn port(port: &ServicePort) -> String {
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    match port.node_port {
        Some(node_port) if node_port > 0 => format!("{}:{node_port}/{protocol}", port.port),
        _ => format!("{}/{protocol}", port.port),
    }
}

fn external_ip(spec: &ServiceSpec, status: Option<&ServiceStatus>) -> String {
    let external_ips = spec.external_ips.as_deref().unwrap_or_default();
    match spec.type_.as_deref() {
        Some("ClusterIP" | "NodePort") => or_none(external_ips.join(",")),
        Some("LoadBalancer") => {
            let balancers = status.map(load_balancers).unwrap_or_default();
            let all: Vec<&str> = balancers
                .into_iter()
                .chain(external_ips.iter().map(String::as_str))
                .collect();
            if all.is_empty() {
                "<pending>".to_owned()
            } else {
                all.join(",")
            }
        }
        Some("ExternalName") => spec.external_name.clone().unwrap_or_default(),
        _ => unknown(),
    }
}

fn load_balancers(status: &ServiceStatus) -> BTreeSet<&str> {
    let ingress = status
        .load_balancer
        .iter()
        .flat_map(|status| status.ingress.iter().flatten());
    ingress
        .map(|ingress| given(ingress.ip.as_deref(), or_empty(&ingress.hostname)))
        .filter(|address| !address.is_empty())
        .collect()
}

fn unknown() -> String {
    "<unknown>".to_owned()
}
