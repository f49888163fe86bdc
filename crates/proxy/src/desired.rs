//! What a Service and its EndpointSlices ask for, seen from one node.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_kernel::conntrack::Protocol;

use crate::elements::Frontend;
use crate::topology::{Candidate, Place, answer, serving};

/// The annotation of a service that says how its endpoints are picked.
const LOAD_BALANCING: &str = "podlab.dev/load-balancing";
/// Its only value: strictly in turn.
const ROUND_ROBIN: &str = "RoundRobin";
/// The labels of services and slices that a proxy leaves alone: another one serves them, or none.
const NOT_OURS: &[&str] = &[
    "service.kubernetes.io/service-proxy-name",
    "service.kubernetes.io/headless",
];
/// `service.spec.sessionAffinityConfig.clientIP.timeoutSeconds` when nothing has filled in the default.
const DEFAULT_AFFINITY_SECONDS: u32 = 10_800;

/// Where a service is to be reached, and who answers there. (There are many services, and most have one port and few
/// endpoints: so all of this is in vectors, in order and without repetitions.)
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Desired {
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) ports: Vec<(Frontend, Port)>,
}

/// A port of a service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// Its name; empty when the service's only port has none.
    pub(crate) name: String,
    pub(crate) balancing: Balancing,
    pub(crate) answer: Answer,
    /// Who could answer for it, on whatever node, also to their last: UDP clients that are with one of these stay.
    pub(crate) serving: Vec<SocketAddr>,
}

/// How one of several endpoints is picked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Balancing {
    /// Strictly in turn; otherwise at random.
    pub(crate) turns: bool,
    /// For how many seconds a client stays with the endpoint of its last connection.
    pub(crate) stay: Option<u32>,
}

/// Who answers at a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// One of these; when there are none, the connection is refused.
    By(Vec<SocketAddr>),
    /// Nobody: the endpoints are on other nodes, and the service is for each node's own.
    Silence,
}

impl Desired {
    pub(crate) fn new(service: &Service, slices: &[&EndpointSlice], node: &Place) -> Self {
        let mut desired = Self {
            addresses: cluster_ips(service),
            ports: Vec::new(),
        };
        let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
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
                let candidates = candidates(port, protocol, address, slices);
                let wanted = Port {
                    name: port.name.clone().unwrap_or_default(),
                    balancing: balancing(service),
                    answer: answer(service, &candidates, node),
                    serving: serving(&candidates),
                };
                desired.ports.push((frontend, wanted));
            }
        }
        desired.ports.sort_by_key(|(frontend, _)| *frontend);
        desired.ports.dedup_by_key(|(frontend, _)| *frontend);
        desired
    }

    pub(crate) fn has_port(&self, frontend: &Frontend) -> bool {
        self.ports
            .binary_search_by_key(frontend, |(frontend, _)| *frontend)
            .is_ok()
    }
}

/// In order, and each once.
pub(crate) fn ordered<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<_> = items.collect();
    items.sort_unstable();
    items.dedup();
    items
}

fn balancing(service: &Service) -> Balancing {
    let spec = service.spec.as_ref();
    let annotations = service.metadata.annotations.as_ref();
    let order = annotations.and_then(|annotations| annotations.get(LOAD_BALANCING));
    let has_affinity = spec.and_then(|spec| spec.session_affinity.as_deref()) == Some("ClientIP");
    let timeout = spec
        .and_then(|spec| {
            spec.session_affinity_config
                .as_ref()?
                .client_ip
                .as_ref()?
                .timeout_seconds
        })
        .and_then(|seconds| u32::try_from(seconds).ok());
    Balancing {
        turns: order.is_some_and(|order| order == ROUND_ROBIN),
        stay: has_affinity.then(|| timeout.unwrap_or(DEFAULT_AFFINITY_SECONDS)),
    }
}

/// None for headless services, those of type ExternalName, and those that are left alone. Only IPv4 has its table yet.
fn cluster_ips(service: &Service) -> Vec<IpAddr> {
    let Some(spec) = &service.spec else {
        return Vec::new();
    };
    if spec.type_.as_deref() == Some("ExternalName") || is_left_alone(&service.metadata) {
        return Vec::new();
    }
    let all = spec.cluster_ip.iter().chain(spec.cluster_ips.iter().flatten());
    let all = all.filter_map(|address| address.parse().ok());
    ordered(all.filter(IpAddr::is_ipv4))
}

/// Whether it is labelled as another proxy's, or nobody's.
pub(crate) fn is_left_alone(metadata: &ObjectMeta) -> bool {
    let labels = metadata.labels.as_ref();
    NOT_OURS
        .iter()
        .any(|label| labels.is_some_and(|labels| labels.contains_key(*label)))
}

/// None for SCTP, which podlab doesn't carry.
fn protocol(name: Option<&str>) -> Option<Protocol> {
    match name {
        None | Some("TCP") => Some(Protocol::Tcp),
        Some("UDP") => Some(Protocol::Udp),
        Some(_) => None,
    }
}

/// The endpoints of a port, whatever their condition.
fn candidates<'a>(
    port: &ServicePort,
    protocol: Protocol,
    service_ip: IpAddr,
    slices: &[&'a EndpointSlice],
) -> Vec<Candidate<'a>> {
    let mut found = Vec::new();
    for slice in slices {
        let numbers: Vec<_> = slice
            .ports
            .iter()
            .flatten()
            .filter(|candidate| matches(candidate, port, protocol))
            .filter_map(|candidate| u16::try_from(candidate.port?).ok())
            .collect();
        for endpoint in &slice.endpoints {
            // Further addresses are other ways to the same endpoint.
            let address = endpoint.addresses.first();
            let address = address.and_then(|text| text.parse::<IpAddr>().ok());
            if let Some(address) = address.filter(|address| address.is_ipv4() == service_ip.is_ipv4()) {
                found.extend(numbers.iter().map(|number| Candidate {
                    address: SocketAddr::new(address, *number),
                    endpoint,
                }));
            }
        }
    }
    found
}

/// A slice's ports belong to a service's by their names; the numbers are those of the pods.
fn matches(candidate: &EndpointPort, port: &ServicePort, expected: Protocol) -> bool {
    candidate.name.as_deref().unwrap_or_default() == port.name.as_deref().unwrap_or_default()
        && protocol(candidate.protocol.as_deref()) == Some(expected)
}
