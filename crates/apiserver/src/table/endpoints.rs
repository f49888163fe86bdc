//! Endpoints and EndpointSlices.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{EndpointSubset, Endpoints};
use k8s_openapi::api::discovery::v1::{EndpointPort, EndpointSlice};

use super::text::{age, first_three, name};
use super::{AGE, Cell, Column, NAME, Printed, cells};

impl Printed for Endpoints {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Endpoints", "The ready addresses, with their ports."),
        AGE,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let subsets = self.subsets.as_deref().unwrap_or_default();
        let endpoints = if subsets.is_empty() {
            "<none>".to_owned()
        } else {
            first_three(subsets.iter().flat_map(addresses), address)
        };
        cells![name(&self.metadata), endpoints, age(&self.metadata, now)]
    }
}

/// A subset's addresses with each of its ports, or, in a headless service without any, alone.
fn addresses(subset: &EndpointSubset) -> impl Iterator<Item = (&str, Option<i32>)> {
    let ports = subset.ports.as_deref().unwrap_or_default();
    let numbers = ports.iter().map(|port| Some(port.port));
    let alone = ports.is_empty().then_some(None);
    numbers.chain(alone).flat_map(|port| {
        let addresses = subset.addresses.iter().flatten();
        addresses.map(move |address| (address.ip.as_str(), port))
    })
}

fn address((ip, port): (&str, Option<i32>)) -> String {
    match port {
        None => ip.to_owned(),
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
    }
}

impl Printed for EndpointSlice {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("AddressType", "What its addresses are: IPv4, IPv6 or FQDN."),
        Column::text("Ports", "The ports that every endpoint has."),
        Column::text("Endpoints", "The addresses, be they ready or not."),
        AGE,
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let ports = self.ports.iter().flatten();
        let addresses = self.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
        cells![
            name(&self.metadata),
            self.address_type.as_str(),
            or_unset(first_three(ports, port)),
            or_unset(first_three(addresses, String::clone)),
            age(&self.metadata, now),
        ]
    }
}

fn port(port: &EndpointPort) -> String {
    let number = port.port.map(|number| number.to_string());
    number
        .or_else(|| port.name.clone())
        .unwrap_or_else(|| "*".to_owned())
}

fn or_unset(text: String) -> String {
    if text.is_empty() {
        "<unset>".to_owned()
    } else {
        text
    }
}
