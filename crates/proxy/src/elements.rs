//! What the maps of `skeleton.nft` hold.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use podlab_kernel::conntrack::Protocol;
use podlab_kernel::maps::{self, Fields};

use crate::pick::Chain;

/// The table in every family.
pub const TABLE: &str = "podlab-proxy";

/// In `picks`, the number of `not-here`: the chain of services whose endpoints are on other nodes.
const SILENCE: u32 = 0;

/// The longest comment that nft takes with an element, in bytes.
const LONGEST_COMMENT: usize = 127;

/// Where a service is reached: one of its ClusterIPs and one of its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frontend {
    /// The ClusterIP.
    pub address: IpAddr,
    /// The port's protocol.
    pub protocol: Protocol,
    /// The port's number.
    pub port: u16,
}

/// An element of one of the maps and sets. They are in order of the maps, and then of their keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// Of `cluster-ips`: a service has this address.
    ClusterIp {
        /// The address.
        address: IpAddr,
        /// The service: `NAMESPACE/NAME`.
        service: String,
    },
    /// Of `service-ips`: what is done with a new connection.
    ServiceIp {
        /// Where the service is reached.
        frontend: Frontend,
        /// What is done.
        verdict: Verdict,
        /// The service and its port: `NAMESPACE/NAME:PORT`.
        name: String,
    },
    /// Of `endpoints`: who is in a slot, or, with session affinity, who has an identity.
    Endpoint {
        /// Where the service is reached.
        frontend: Frontend,
        /// The slot, from 0 on, or the identity.
        number: u32,
        /// The pod and its port.
        endpoint: SocketAddr,
    },
    /// Of `identities`: with session affinity, who is in a slot.
    Identity {
        /// Where the service is reached.
        frontend: Frontend,
        /// The slot, from 0 on.
        slot: u32,
        /// The identity of the endpoint in it.
        identity: u32,
    },
    /// Of `hairpin`: a pod that may meet itself.
    Hairpin {
        /// The pod.
        address: IpAddr,
    },
    /// Of `service-ranges`: where ClusterIPs come from.
    ServiceRange {
        /// The range; none of the others has a part of it.
        range: IpNet,
    },
}

/// What is done with a new connection to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// One of its endpoints is picked.
    Pick(Chain),
    /// Nothing is answered: its endpoints are on other nodes, and it is for each node's own.
    Drop,
}

/// What identifies an element: a map holds no two of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Key {
    ClusterIp(IpAddr),
    ServiceIp(Frontend),
    Endpoint(Frontend, u32),
    Identity(Frontend, u32),
    Hairpin(IpAddr),
    ServiceRange(IpNet),
}

impl Element {
    /// The name of the map or set that it is an element of.
    pub fn map(&self) -> &'static str {
        match self {
            Self::ClusterIp { .. } => "cluster-ips",
            Self::ServiceIp { .. } => "service-ips",
            Self::Endpoint { .. } => "endpoints",
            Self::Identity { .. } => "identities",
            Self::Hairpin { .. } => "hairpin",
            Self::ServiceRange { .. } => "service-ranges",
        }
    }

    /// What identifies it.
    pub fn key(&self) -> Key {
        match self {
            Self::ClusterIp { address, .. } => Key::ClusterIp(*address),
            Self::ServiceIp { frontend, .. } => Key::ServiceIp(*frontend),
            Self::Endpoint { frontend, number, .. } => Key::Endpoint(*frontend, *number),
            Self::Identity { frontend, slot, .. } => Key::Identity(*frontend, *slot),
            Self::Hairpin { address } => Key::Hairpin(*address),
            Self::ServiceRange { range } => Key::ServiceRange(*range),
        }
    }

    fn is_ipv4(&self) -> bool {
        match self {
            Self::ClusterIp { address, .. } | Self::Hairpin { address } => address.is_ipv4(),
            Self::ServiceIp { frontend, .. }
            | Self::Endpoint { frontend, .. }
            | Self::Identity { frontend, .. } => frontend.address.is_ipv4(),
            Self::ServiceRange { range } => range.addr().is_ipv4(),
        }
    }

    fn family(&self) -> &'static str {
        if self.is_ipv4() { "ip" } else { "ip6" }
    }

    /// The command that deletes it.
    pub(crate) fn deletion(&self) -> String {
        let (family, map) = (self.family(), self.map());
        format!("delete element {family} {TABLE} {map} {{ {} }}\n", self.key())
    }

    /// The command that adds it.
    pub(crate) fn addition(&self) -> String {
        let (family, map) = (self.family(), self.map());
        format!("add element {family} {TABLE} {map} {{ {self} }}\n")
    }

    pub(crate) fn content(&self) -> maps::Element {
        let value = match self {
            Self::ServiceIp { verdict, .. } => Some(Fields::default().mark(verdict.number())),
            Self::Endpoint { endpoint, .. } => {
                Some(Fields::default().address(endpoint.ip()).port(endpoint.port()))
            }
            Self::Identity { identity, .. } => Some(Fields::default().mark(*identity)),
            Self::ClusterIp { .. } | Self::Hairpin { .. } | Self::ServiceRange { .. } => None,
        };
        let comment = match self {
            Self::ClusterIp { service, .. } => Some(service),
            Self::ServiceIp { name, .. } => Some(name),
            _ => None,
        };
        maps::Element {
            key: self.key().fields(),
            value,
            comment: comment.map(|comment| shortened(comment).to_owned()),
        }
    }
}

impl Key {
    pub(crate) fn fields(&self) -> Fields {
        let of = |frontend: &Frontend| {
            let fields = Fields::default().address(frontend.address);
            fields.protocol(frontend.protocol).port(frontend.port)
        };
        match self {
            Self::ClusterIp(address) => Fields::default().address(*address),
            Self::ServiceIp(frontend) => of(frontend),
            Self::Endpoint(frontend, number) | Self::Identity(frontend, number) => of(frontend).mark(*number),
            Self::Hairpin(address) => Fields::default().address(*address).address(*address),
            Self::ServiceRange(range) => Fields::default().address(range.network()),
        }
    }
}

/// Names of objects are ASCII, so every byte is a character.
fn shortened(comment: &str) -> &str {
    comment.get(..LONGEST_COMMENT).unwrap_or(comment)
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match self {
            Self::ClusterIp { service, .. } => write!(f, "{key} comment \"{}\"", shortened(service)),
            Self::ServiceIp { verdict, name, .. } => {
                write!(f, "{key} comment \"{}\" : {}", shortened(name), verdict.number())
            }
            Self::Endpoint { endpoint, .. } => write!(f, "{key} : {} . {}", endpoint.ip(), endpoint.port()),
            Self::Identity { identity, .. } => write!(f, "{key} : {identity}"),
            Self::Hairpin { .. } | Self::ServiceRange { .. } => write!(f, "{key}"),
        }
    }
}

impl Verdict {
    /// By which `picks` leads to the chain that does it.
    pub fn number(&self) -> u32 {
        match self {
            Self::Pick(chain) => chain.number,
            Self::Drop => SILENCE,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterIp(address) => write!(f, "{address}"),
            Self::ServiceIp(frontend) => write!(f, "{frontend}"),
            Self::Endpoint(frontend, number) | Self::Identity(frontend, number) => {
                write!(f, "{frontend} . {number}")
            }
            Self::Hairpin(address) => write!(f, "{address} . {address}"),
            Self::ServiceRange(range) => write!(f, "{range}"),
        }
    }
}

impl fmt::Display for Frontend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} . {} . {}", self.address, self.protocol, self.port)
    }
}
