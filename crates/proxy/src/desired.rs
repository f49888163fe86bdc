//! What a Service and its EndpointSlices ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use podlab_kernel::conntrack::Protocol;

use crate::elements::Frontend;

/// Where a service is to be reached, and who answers there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Desired {
    pub(crate) addresses: BTreeSet<IpAddr>,
    pub(crate) ports: BTreeMap<Frontend, Port>,
}

/// A port of a service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// Its name; empty when the service's only port has none.
    pub(crate) name: String,
    pub(crate) endpoints: BTreeSet<SocketAddr>,
}

impl Desired {
    pub(crate) fn new(service: &Service, slices: &[&EndpointSlice]) -> Self {
        let addresses = cluster_ips(service);
        let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        let mut desired = Self {
            addresses,
            ports: BTreeMap::new(),
        };
        for port in ports {
            let (Some(protocol), Ok(number)) = (protocol(port.protocol.as_deref()), u16::try_from(port.port))
            else {
                continue;
            };
            for &address in &desired.addresses {
                let frontend = Frontend {
                    address,
                    protocol,
                    port: number,
                };
                desired.ports.insert(
                    frontend,
                    Port {
                        name: port.name.clone().unwrap_or_default(),
                        endpoints: endpoints(port, protocol, address, slices),
                    },
                );
            }
        }
        desired
    }
}

/// None for headless services, and those of type ExternalName. Only IPv4 has its table yet.
fn cluster_ips(service: &Service) -> BTreeSet<IpAddr> {
    let Some(spec) = &service.spec else {
        return BTreeSet::new();
    };
    if spec.type_.as_deref() == Some("ExternalName") {
        return BTreeSet::new();
    }
    let first = spec.cluster_ip.iter();
    first
        .chain(spec.cluster_ips.iter().flatten())
        .filter_map(|address| address.parse().ok())
        .filter(IpAddr::is_ipv4)
        .collect()
}

/// None for SCTP, which podlab doesn't carry.
fn protocol(name: Option<&str>) -> Option<Protocol> {
    match name {
        None | Some("TCP") => Some(Protocol::Tcp),
        Some("UDP") => Some(Protocol::Udp),
        Some(_) => None,
    }
}

/// The endpoints that are ready; when none is, those that still serve while they terminate.
fn endpoints(
    port: &ServicePort,
    protocol: Protocol,
    service_ip: IpAddr,
    slices: &[&EndpointSlice],
) -> BTreeSet<SocketAddr> {
    let that = |keep: fn(&Endpoint) -> bool| {
        let mut found = BTreeSet::new();
        for slice in slices {
            let numbers: Vec<_> = slice
                .ports
                .iter()
                .flatten()
                .filter(|candidate| matches(candidate, port, protocol))
                .filter_map(|candidate| u16::try_from(candidate.port?).ok())
                .collect();
            for endpoint in slice.endpoints.iter().filter(|endpoint| keep(endpoint)) {
                let addresses = endpoint
                    .addresses
                    .iter()
                    .filter_map(|text| text.parse::<IpAddr>().ok());
                for address in addresses.filter(|address| address.is_ipv4() == service_ip.is_ipv4()) {
                    found.extend(numbers.iter().map(|number| SocketAddr::new(address, *number)));
                }
            }
        }
        found
    };
    let ready = that(is_ready);
    if ready.is_empty() {
        that(is_serving_its_last)
    } else {
        ready
    }
}

/// A slice's ports belong to a service's by their names; the numbers are those of the pods.
fn matches(candidate: &EndpointPort, port: &ServicePort, expected: Protocol) -> bool {
    candidate.name.as_deref().unwrap_or_default() == port.name.as_deref().unwrap_or_default()
        && protocol(candidate.protocol.as_deref()) == Some(expected)
}

fn is_ready(endpoint: &Endpoint) -> bool {
    let conditions = endpoint.conditions.as_ref();
    conditions.and_then(|conditions| conditions.ready).unwrap_or(true)
}

fn is_serving_its_last(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().is_some_and(|conditions| {
        conditions.serving.unwrap_or(true) && conditions.terminating.unwrap_or(false)
    })
}
