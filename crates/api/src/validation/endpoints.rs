//! Endpoints, the older form of EndpointSlices.

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, Endpoints};

use super::addresses::endpoint_ip;
use super::{Errors, names};

pub(super) fn validate(endpoints: &Endpoints, errors: &mut Errors) {
    let subsets = endpoints.subsets.as_deref().unwrap_or_default();
    errors.each("subsets", subsets, |subset, errors| {
        let ready = subset.addresses.as_deref().unwrap_or_default();
        let not_ready = subset.not_ready_addresses.as_deref().unwrap_or_default();
        if ready.is_empty() && not_ready.is_empty() {
            errors.required("", "must specify `addresses` or `notReadyAddresses`");
        }
        errors.each("addresses", ready, validate_address);
        errors.each("notReadyAddresses", not_ready, validate_address);
        let ports = subset.ports.as_deref().unwrap_or_default();
        errors.each("ports", ports, |port, errors| {
            validate_port(port, ports.len() > 1, errors)
        });
    });
}

fn validate_address(address: &EndpointAddress, errors: &mut Errors) {
    if let Some(name) = address.hostname.as_deref().filter(|name| !name.is_empty()) {
        errors.name("hostname", name, names::label);
    }
    if let Some(name) = address.node_name.as_deref() {
        errors.name("nodeName", name, names::subdomain);
    }
    endpoint_ip("ip", &address.ip, errors);
}

fn validate_port(port: &EndpointPort, several: bool, errors: &mut Errors) {
    match port.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => errors.name("name", name, names::label),
        None if several => errors.required("name", ""),
        None => {}
    }
    errors.port("port", port.port);
    errors.one_of("protocol", port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
    if let Some(protocol) = port.app_protocol.as_deref() {
        errors.name("appProtocol", protocol, names::qualified);
    }
}
