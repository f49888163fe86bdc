//! EndpointSlices, which people write for services without a selector.

use std::collections::BTreeSet;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointHints, EndpointPort, EndpointSlice};

use super::addresses::endpoint_ip_of;
use super::{Errors, names};

// How many of them a slice, an endpoint, a hint may have, whoever writes it.
const ENDPOINTS: usize = 1_000;
const PORTS: usize = 20_000;
const ADDRESSES: usize = 100;
const LABELS: usize = 16;
const HINTS: usize = 8;

pub(super) fn validate(slice: &EndpointSlice, errors: &mut Errors) {
    match slice.address_type.as_str() {
        "" => errors.required("addressType", ""),
        family => errors.one_of("addressType", Some(family), &["FQDN", "IPv4", "IPv6"]),
    }
    if errors.at_most("endpoints", slice.endpoints.len(), ENDPOINTS) {
        errors.each("endpoints", &slice.endpoints, |endpoint, errors| {
            validate_endpoint(endpoint, &slice.address_type, errors);
        });
    }
    let ports = slice.ports.as_deref().unwrap_or_default();
    if errors.at_most("ports", ports.len(), PORTS) {
        validate_ports(ports, errors);
    }
}

fn validate_endpoint(endpoint: &Endpoint, family: &str, errors: &mut Errors) {
    if endpoint.addresses.is_empty() {
        errors.required("addresses", "must contain at least 1 address");
    }
    errors.at_most("addresses", endpoint.addresses.len(), ADDRESSES);
    errors.each("addresses", &endpoint.addresses, |address, errors| match family {
        "IPv4" | "IPv6" => endpoint_ip_of(family, "", address, errors),
        "FQDN" if address.is_empty() => errors.required("", ""),
        "FQDN" => errors.name("", address, names::fully_qualified),
        _ => {}
    });
    if let Some(name) = endpoint.node_name.as_deref() {
        errors.name("nodeName", name, names::subdomain);
    }
    let labels = endpoint.deprecated_topology.as_ref();
    errors.at_most(
        "deprecatedTopology",
        labels.map_or(0, |labels| labels.len()),
        LABELS,
    );
    super::labels::labels("deprecatedTopology", labels, errors);
    if let Some(name) = endpoint.hostname.as_deref() {
        errors.name("hostname", name, names::label);
    }
    if let Some(hints) = &endpoint.hints {
        errors.at("hints", |errors| validate_hints(hints, errors));
    }
}

fn validate_hints(hints: &EndpointHints, errors: &mut Errors) {
    let zones = hints.for_zones.iter().flatten().map(|zone| zone.name.as_str());
    validate_hinted("forZones", zones.collect(), names::label_value, errors);
    let nodes = hints.for_nodes.iter().flatten().map(|node| node.name.as_str());
    validate_hinted("forNodes", nodes.collect(), names::subdomain, errors);
}

fn validate_hinted(field: &str, hinted: Vec<&str>, rule: fn(&str) -> Vec<String>, errors: &mut Errors) {
    if !errors.at_most(field, hinted.len(), HINTS) {
        return;
    }
    let mut seen = BTreeSet::new();
    errors.each(field, &hinted, |name, errors| {
        if !seen.insert(*name) {
            errors.duplicate("name", *name);
        }
        errors.name("name", name, rule);
    });
}

fn validate_ports(ports: &[EndpointPort], errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    errors.each("ports", ports, |port, errors| {
        let name = port.name.as_deref().unwrap_or_default();
        if !name.is_empty() {
            errors.name("name", name, names::label);
        }
        if !seen.insert(name) {
            errors.duplicate("name", name);
        }
        // Kubernetes takes any number, and nothing comes of one that is no port.
        if let Some(number) = port.port {
            errors.port("port", number);
        }
        errors.one_of("protocol", port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
        if let Some(protocol) = port.app_protocol.as_deref() {
            errors.name("appProtocol", protocol, names::qualified);
        }
    });
}
