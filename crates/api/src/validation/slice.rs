//! EndpointSlices, which people write for services without a selector.

use std::net::{Ipv4Addr, Ipv6Addr};

use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::{Errors, FieldReason, names};

pub(super) fn validate(slice: &EndpointSlice, errors: &mut Errors) {
    errors.one_of(
        "addressType",
        Some(&slice.address_type),
        &["FQDN", "IPv4", "IPv6"],
    );
    errors.each("endpoints", &slice.endpoints, |endpoint, errors| {
        if endpoint.addresses.is_empty() {
            errors.required("addresses", "must contain at least 1 address");
        }
        if endpoint.addresses.len() > 100 {
            errors.add(
                "addresses",
                FieldReason::TooMany,
                "must have at most 100 items".to_owned(),
            );
        }
        errors.each("addresses", &endpoint.addresses, |address, errors| {
            match slice.address_type.as_str() {
                "IPv4" if address.parse::<Ipv4Addr>().is_err() => {
                    errors.invalid("", address.as_str(), "must be a valid IPv4 address");
                }
                "IPv6" if address.parse::<Ipv6Addr>().is_err() => {
                    errors.invalid("", address.as_str(), "must be a valid IPv6 address");
                }
                "FQDN" => errors.name("", address, names::subdomain),
                _ => {}
            }
        });
    });
    errors.each("ports", slice.ports.iter().flatten(), |port, errors| {
        if let Some(number) = port.port {
            errors.port("port", number);
        }
        errors.one_of("protocol", port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            errors.name("name", name, names::label);
        }
    });
}
