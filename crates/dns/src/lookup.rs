//! What a name of the zone stands for.

use std::net::{IpAddr, Ipv4Addr};

use hickory_proto::rr::Name;

use crate::zone::{EndpointRecord, Key, Kind, Port, Zone};

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
    /// Addresses.
    Targets(Vec<Target<'a>>),
    /// Another name.
    Alias(&'a Name),
}

/// An address, and where it is reached.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target<'a> {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// Its name without the domain: of an endpoint, or of the service.
    pub(crate) name: Host<'a>,
}

/// Whose name it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Host<'a> {
    /// `SERVICE.NAMESPACE.svc`
    Service(Key),
    /// `ENDPOINT.SERVICE.NAMESPACE.svc`
    Endpoint(&'a str, Key),
    /// A pod, or the name server: they have no ports.
    Nobody,
}

/// A question about a service: `_PORT._PROTOCOL.SERVICE…` or `ENDPOINT.SERVICE…`
#[derive(Default)]
struct Wish<'a> {
    port: Option<(&'a str, &'a str)>,
    endpoint: Option<&'a str>,
}

impl Zone {
    /// `labels` are those in front of the domain, in small letters.
    pub(crate) fn find<'a>(&'a self, labels: &[String]) -> Found<'a> {
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        match labels[..] {
            [] => Found::Apex,
            ["dns-version"] => Found::Version,
            ["ns", "dns"] => targets(self.own_addresses().iter().map(|address| anonymous(*address))),
            ["svc" | "pod"] => Found::Empty,
            [namespace, "svc" | "pod"] => {
                if self.has_namespace(namespace) {
                    Found::Empty
                } else {
                    Found::Nothing
                }
            }
            [name, namespace, "pod"] => match undashed(name) {
                Some(address) if self.has_namespace(namespace) => targets([anonymous(address)]),
                _ => Found::Nothing,
            },
            [service, namespace, "svc"] => self.find_service(service, namespace, &Wish::default()),
            [endpoint, service, namespace, "svc"] => {
                let wish = Wish {
                    endpoint: Some(endpoint),
                    port: None,
                };
                self.find_service(service, namespace, &wish)
            }
            [port, protocol, service, namespace, "svc"] => {
                let wish = Wish {
                    port: Some((strip(port), strip(protocol))),
                    endpoint: None,
                };
                self.find_service(service, namespace, &wish)
            }
            _ => Found::Nothing,
        }
    }

    fn find_service<'a>(&'a self, service: &str, namespace: &str, wish: &Wish<'_>) -> Found<'a> {
        let key = (namespace.to_owned(), service.to_owned());
        let Some(record) = self.service(&key) else {
            return Found::Nothing;
        };
        match &record.kind {
            Kind::External(name) if wish.port.is_none() && wish.endpoint.is_none() => Found::Alias(name),
            Kind::External(_) => Found::Nothing,
            Kind::ClusterIp(addresses) if wish.endpoint.is_none() => {
                let ports = record.ports.iter().filter(|port| wish.allows(port));
                targets(ports.flat_map(|port| {
                    addresses.iter().map(|address| Target {
                        address: *address,
                        port: port.number,
                        name: Host::Service(key.clone()),
                    })
                }))
            }
            Kind::ClusterIp(_) | Kind::Headless => {
                let endpoints = self.endpoints(&key);
                let endpoints = endpoints.filter(|it| wish.endpoint.is_none_or(|name| name == it.name));
                targets(endpoints.flat_map(|endpoint| of_endpoint(endpoint, &key, wish)))
            }
        }
    }
}

/// An endpoint without ports has an address all the same.
fn of_endpoint<'a>(endpoint: &'a EndpointRecord, key: &Key, wish: &Wish<'_>) -> Vec<Target<'a>> {
    let target = |port: u16| Target {
        address: endpoint.address,
        port,
        name: Host::Endpoint(&endpoint.name, key.clone()),
    };
    if endpoint.ports.is_empty() && wish.port.is_none() {
        return vec![target(0)];
    }
    let ports = endpoint.ports.iter().filter(|port| wish.allows(port));
    ports.map(|port| target(port.number)).collect()
}

impl Wish<'_> {
    fn allows(&self, port: &Port) -> bool {
        self.port
            .is_none_or(|(name, protocol)| name == port.name && protocol == port.protocol)
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

fn anonymous<'a>(address: IpAddr) -> Target<'a> {
    Target {
        address,
        port: 0,
        name: Host::Nobody,
    }
}

fn strip(label: &str) -> &str {
    label.strip_prefix('_').unwrap_or(label)
}

/// The address of a pod's name: `10-244-0-5`, `fd00--5`.
fn undashed(name: &str) -> Option<IpAddr> {
    let v4: Result<Ipv4Addr, _> = name.replace('-', ".").parse();
    v4.map(IpAddr::V4)
        .or_else(|_| name.replace('-', ":").parse().map(IpAddr::V6))
        .ok()
}
