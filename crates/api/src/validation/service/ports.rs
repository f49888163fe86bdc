//! The ports of a service.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::validation::{Errors, FieldReason, names};

/// Each port for itself, and their names.
pub(super) fn validate(spec: &ServiceSpec, errors: &mut Errors) {
    let ports = spec.ports.as_deref().unwrap_or_default();
    let mut seen = BTreeSet::new();
    errors.each("ports", ports, |port, errors| {
        match port.name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => {
                errors.name("name", name, names::label);
                if !seen.insert(name) {
                    errors.duplicate("name", name);
                }
            }
            None if ports.len() > 1 => {
                let help = "each port of a service with several ports has a name".to_owned();
                errors.add_with_help("name", FieldReason::Required, String::new(), Some(help));
            }
            None => {}
        }
        errors.port("port", port.port);
        errors.one_of("protocol", port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
        match &port.target_port {
            // It is the port when nobody says otherwise, and that is told already.
            Some(IntOrString::Int(number)) if *number == port.port => {}
            Some(target) => errors.port_or_name("targetPort", target),
            None => {}
        }
        if let Some(protocol) = port.app_protocol.as_deref() {
            errors.name("appProtocol", protocol, names::qualified);
        }
    });
}

pub(super) fn validate_node_ports(spec: &ServiceSpec, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    errors.each("ports", spec.ports.iter().flatten(), |port, errors| {
        let Some(node_port) = port.node_port.filter(|number| *number != 0) else {
            return;
        };
        if super::kind(spec) == "ClusterIP" {
            errors.forbidden("nodePort", "may not be used when `type` is 'ClusterIP'");
        }
        if !seen.insert((&port.protocol, node_port)) {
            errors.duplicate("nodePort", node_port);
        }
    });
}

/// A port of a protocol can't be there twice.
pub(super) fn validate_unique(spec: &ServiceSpec, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    errors.each("ports", spec.ports.iter().flatten(), |port, errors| {
        if !seen.insert((&port.protocol, port.port)) {
            errors.add("", FieldReason::Duplicate, told(port));
        }
    });
}

/// What Kubernetes compares of a port, by the names of its program's fields.
fn told(port: &ServicePort) -> String {
    let protocol = port.protocol.as_deref().unwrap_or_default();
    let port = port.port;
    format!(
        "{{\"Name\":\"\",\"Protocol\":{protocol:?},\"AppProtocol\":null,\"Port\":{port},\"TargetPort\":0,\"NodePort\":0}}"
    )
}
