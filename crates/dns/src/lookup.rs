//! What a name stands for.

use std::net::{IpAddr, Ipv4Addr};
use std::str;

use hickory_proto::rr::Name;

use crate::zone::{EndpointRecord, Kind, Port, Zone};

/// Stands for a label that is no text: no object can have it in its name.
const NO_TEXT: &str = "?";

/// A name taken apart: its zone, and the labels in front of that.
pub(crate) struct Place<'a> {
    /// How many labels the zone's own name has.
    pub(crate) zone: usize,
    tree: Tree,
    labels: Vec<&'a str>,
}

/// What the names of a zone are about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Tree {
    Objects,
    V4Addresses,
    V6Addresses,
}

/// What is found at a name.
#[derive(Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// No such name.
    Nothing,
    /// The name is there, for the sake of those below it.
    Empty,
    /// The top of the zone.
    Apex,
    /// `dns-version`
    Version,
    /// `ns.dns`, the name server itself.
    Server,
    /// Addresses.
    Targets(Vec<Target<'a>>),
    /// Another name.
    Alias(&'a Name),
    /// An address, with the names that it has below the domain.
    Address(Vec<&'a str>),
}

/// An address, and where it is reached.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target<'a> {
    pub(crate) address: IpAddr,
    /// None when it isn't of a certain port.
    pub(crate) port: Option<u16>,
    pub(crate) host: Host<'a>,
}

/// Whose address it is: service and pod are told with their namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Host<'a> {
    Service(&'a str, &'a str),
    Endpoint(&'a str, &'a str, &'a str),
    Pod(&'a str, &'a str),
}

/// A question about a service: `_PORT._PROTOCOL.SERVICE…` or `ENDPOINT.SERVICE…`
#[derive(Default)]
struct Wish<'a> {
    port: &'a str,
    protocol: &'a str,
    endpoint: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Of a name in small letters; none when it is in no zone of this cluster.
    pub(crate) fn of(name: &'a Name, domain: &Name) -> Option<Self> {
        let mut labels: Vec<&str> = name
            .iter()
            .map(|label| str::from_utf8(label).unwrap_or(NO_TEXT))
            .collect();
        let (tree, zone) = match labels[..] {
            _ if domain.zone_of(name) => (Tree::Objects, domain.iter().count()),
            [.., "in-addr", "arpa"] => (Tree::V4Addresses, 2),
            [.., "ip6", "arpa"] => (Tree::V6Addresses, 2),
            _ => return None,
        };
        labels.truncate(labels.len() - zone);
        Some(Self { zone, tree, labels })
    }
}

impl Zone {
    pub(crate) fn find<'a>(&'a self, place: &Place<'a>) -> Found<'a> {
        match place.labels[..] {
            [] => Found::Apex,
            ["dns-version"] => Found::Version,
            ["ns", "dns"] => Found::Server,
            ["svc" | "pod"] => Found::Empty,
            _ if place.tree == Tree::V4Addresses => self.find_address(v4_address(&place.labels)),
            _ if place.tree == Tree::V6Addresses => self.find_address(v6_address(&place.labels)),
            [.., namespace, "svc" | "pod"] if !self.has_namespace(namespace) => Found::Nothing,
            [_, "svc" | "pod"] => Found::Empty,
            // CoreDNS answers for whatever is below a pod, too.
            [name, namespace, "pod"] | [_, name, namespace, "pod"] | [_, _, name, namespace, "pod"] => {
                find_pod(name, namespace)
            }
            [service, namespace, "svc"] => self.find_service(service, namespace, &Wish::default()),
            [endpoint, service, namespace, "svc"] => {
                let wish = Wish {
                    endpoint: Some(endpoint),
                    ..Wish::default()
                };
                self.find_service(service, namespace, &wish)
            }
            [port, protocol, service, namespace, "svc"] => {
                let wish = Wish {
                    port: strip(port),
                    protocol: strip(protocol),
                    endpoint: None,
                };
                self.find_service(service, namespace, &wish)
            }
            _ => Found::Nothing,
        }
    }

    fn find_service<'a>(&'a self, service: &'a str, namespace: &'a str, wish: &Wish<'_>) -> Found<'a> {
        let Some(record) = self.service(namespace, service) else {
            return Found::Nothing;
        };
        match &record.kind {
            Kind::External(name) if wish.is_none() => Found::Alias(name),
            Kind::External(_) => Found::Nothing,
            Kind::ClusterIp(addresses) if wish.endpoint.is_none() => {
                let ports = record.ports.iter().filter(|port| wish.allows(port));
                targets(ports.flat_map(|port| {
                    addresses.iter().map(|address| Target {
                        address: *address,
                        port: port.number,
                        host: Host::Service(service, namespace),
                    })
                }))
            }
            Kind::ClusterIp(_) | Kind::Headless => {
                let all = self.endpoints(namespace, service);
                let endpoints = all.filter(|it| wish.endpoint.is_none_or(|name| name == it.name));
                targets(endpoints.flat_map(|endpoint| of_endpoint(endpoint, service, namespace, wish)))
            }
        }
    }

    fn find_address(&self, address: Option<IpAddr>) -> Found<'_> {
        let names = address.map(|address| self.names_of(address));
        names
            .filter(|names| !names.is_empty())
            .map_or(Found::Nothing, Found::Address)
    }
}

fn of_endpoint<'a>(
    endpoint: &'a EndpointRecord,
    service: &'a str,
    namespace: &'a str,
    wish: &Wish<'_>,
) -> impl Iterator<Item = Target<'a>> {
    let ports = endpoint.ports.iter().filter(|port| wish.allows(port));
    ports.map(move |port| Target {
        address: endpoint.address,
        port: port.number,
        host: Host::Endpoint(&endpoint.name, service, namespace),
    })
}

/// The name says the address, and nobody asks whether there is such a pod.
fn find_pod<'a>(name: &'a str, namespace: &'a str) -> Found<'a> {
    targets(undashed(name).map(|address| Target {
        address,
        port: Some(0),
        host: Host::Pod(name, namespace),
    }))
}

impl Wish<'_> {
    fn is_none(&self) -> bool {
        self.port.is_empty() && self.protocol.is_empty() && self.endpoint.is_none()
    }

    fn allows(&self, port: &Port) -> bool {
        (self.port.is_empty() || self.port == port.name)
            && (self.protocol.is_empty() || self.protocol == port.protocol)
    }
}

fn targets<'a>(targets: impl IntoIterator<Item = Target<'a>>) -> Found<'a> {
    let targets: Vec<_> = targets.into_iter().collect();
    if targets.is_empty() {
        Found::Nothing
    } else {
        Found::Targets(targets)
    }
}

fn strip(label: &str) -> &str {
    label.strip_prefix('_').unwrap_or(label)
}

/// The address of a pod's name: `10-244-0-5`, `fd00--5`.
fn undashed(name: &str) -> Option<IpAddr> {
    if name.contains(['.', ':']) {
        return None;
    }
    let v4: Result<Ipv4Addr, _> = name.replace('-', ".").parse();
    v4.map(IpAddr::V4)
        .or_else(|_| name.replace('-', ":").parse().map(IpAddr::V6))
        .ok()
}

/// Of the numbers in front of `in-addr.arpa`, the last one first.
fn v4_address(labels: &[&str]) -> Option<IpAddr> {
    let numbers: Vec<&str> = labels.iter().rev().copied().collect();
    let is_whole = numbers.len() == 4;
    is_whole.then(|| numbers.join(".").parse().ok().map(IpAddr::V4))?
}

/// Of the digits in front of `ip6.arpa`, the last one first.
fn v6_address(labels: &[&str]) -> Option<IpAddr> {
    let digits: Vec<&str> = labels.iter().rev().copied().collect();
    let is_whole = digits.len() == 32;
    let groups: Vec<String> = digits.chunks(4).map(<[&str]>::concat).collect();
    is_whole.then(|| groups.join(":").parse().ok().map(IpAddr::V6))?
}
