//! EndpointSlices, which people write for services without a selector.

use std::net::{Ipv4Addr, Ipv6Addr};

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::addresses::endpoint_ip;
use super::{Errors, FieldReason, names};

/// How many endpoints a slice may have, whoever writes it.
const MAX_ENDPOINTS: usize = 1_000;
/// How many addresses an endpoint may have.
const MAX_ADDRESSES: usize = 100;

pub(super) fn validate(slice: &EndpointSlice, errors: &mut Errors) {
    errors.one_of(
        "addressType",
        Some(&slice.address_type),
        &["FQDN", "IPv4", "IPv6"],
    );
    if slice.endpoints.len() > MAX_ENDPOINTS {
        too_many("endpoints", MAX_ENDPOINTS, errors);
    }
    errors.each("endpoints", &slice.endpoints, |endpoint, errors| {
        validate_endpoint(endpoint, &slice.address_type, errors);
    });
    let ports = slice.ports.as_deref().unwrap_or_default();
    let mut seen = Vec::new();
    errors.each("ports", ports, |port, errors| {
        let name = port.name.as_deref().unwrap_or_default();
        if seen.contains(&name) {
            errors.duplicate("name", name);
        }
        seen.push(name);
        if !name.is_empty() {
            errors.name("name", name, names::label);
        }
        if let Some(number) = port.port {
            errors.port("port", number);
        }
        errors.one_of("protocol", port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
        if let Some(protocol) = port.app_protocol.as_deref() {
            errors.name("appProtocol", protocol, names::qualified);
        }
    });
}

fn validate_endpoint(endpoint: &Endpoint, address_type: &str, errors: &mut Errors) {
    if endpoint.addresses.is_empty() {
        errors.required("addresses", "must contain at least 1 address");
    }
    if endpoint.addresses.len() > MAX_ADDRESSES {
        too_many("addresses", MAX_ADDRESSES, errors);
    }
    errors.each(
        "addresses",
        &endpoint.addresses,
        |address, errors| match address_type {
            "IPv4" if address.parse::<Ipv4Addr>().is_err() => {
                errors.invalid("", address.as_str(), "must be a valid IPv4 address");
            }
            "IPv6" if address.parse::<Ipv6Addr>().is_err() => {
                errors.invalid("", address.as_str(), "must be a valid IPv6 address");
            }
            "IPv4" | "IPv6" => endpoint_ip("", address, errors),
            "FQDN" => errors.name("", address, names::subdomain),
            _ => {}
        },
    );
    if let Some(name) = endpoint.node_name.as_deref() {
        errors.name("nodeName", name, names::subdomain);
    }
    if let Some(zone) = endpoint.zone.as_deref() {
        errors.name("zone", zone, names::label_value);
    }
    if let Some(name) = endpoint.hostname.as_deref() {
        errors.name("hostname", name, names::label);
    }
    let hints = endpoint.hints.iter();
    for hints in hints {
        errors.each(
            "hints.forZones",
            hints.for_zones.iter().flatten(),
            |zone, errors| {
                errors.name("name", &zone.name, names::label_value);
            },
        );
        errors.each(
            "hints.forNodes",
            hints.for_nodes.iter().flatten(),
            |node, errors| {
                errors.name("name", &node.name, names::subdomain);
            },
        );
    }
}

fn too_many(field: &str, most: usize, errors: &mut Errors) {
    errors.add(
        field,
        FieldReason::TooMany,
        format!("must have at most {most} items"),
    );
}
