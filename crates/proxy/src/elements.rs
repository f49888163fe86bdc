//! What the maps of `skeleton.nft` hold, and changes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use podlab_kernel::conntrack::{Flow, Protocol};
use podlab_kernel::maps::{self, Change, Fields};

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

/// A change that the kernel makes as a whole or not at all. Its text form is the nft commands that it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The chains to be made, before anything else.
    pub add_chains: BTreeSet<Chain>,
    /// What is to be deleted, before anything is added; in order.
    pub delete: Vec<Element>,
    /// What is to be added; in order.
    pub add: Vec<Element>,
    /// The chains to be deleted, when nothing leads there any more.
    pub delete_chains: BTreeSet<Chain>,
    /// After that: where clients don't stay with their endpoints any longer. What they remember is forgotten.
    pub forgotten: BTreeSet<Frontend>,
    /// After that: the UDP services that have lost somebody who served, or got their first endpoint, with those who
    /// serve now. Clients would go on sending to whom conntrack remembers.
    pub udp: BTreeMap<SocketAddr, BTreeSet<SocketAddr>>,
}

impl Transaction {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a flow is to be forgotten: one to a service, with somebody who doesn't serve it any more.
    pub fn makes_stale(&self, flow: &Flow) -> bool {
        flow.protocol == Protocol::Udp
            && self
                .udp
                .get(&flow.original.destination)
                .is_some_and(|serving| !serving.contains(&flow.reply.source))
    }

    /// Of a transaction that holds all there is: whether a flow is to a service that isn't there any more.
    pub fn knows_nothing_of(&self, flow: &Flow) -> bool {
        flow.protocol == Protocol::Udp
            && flow.original.destination != flow.reply.source
            && !self.udp.contains_key(&flow.original.destination)
    }

    /// What nft has to do before [`Self::changes`]: new chains, and ranges of ClusterIPs, which are intervals.
    pub fn rules_before(&self) -> String {
        let mut text = String::new();
        self.add_chains
            .iter()
            .for_each(|chain| text += &chain.to_string());
        let is_range = |element: &&Element| matches!(element, Element::ServiceRange { .. });
        self.delete
            .iter()
            .filter(is_range)
            .for_each(|range| text += &range.deletion());
        self.add
            .iter()
            .filter(is_range)
            .for_each(|range| text += &range.addition());
        text
    }

    /// What nft has to do after [`Self::changes`]: the chains that nothing leads to any more go.
    pub fn rules_after(&self) -> String {
        self.delete_chains.iter().map(Chain::deletion).collect()
    }

    /// The changes of elements in maps and sets. Their order is such that services work after each of them: endpoints
    /// come before what leads to them, and go after it.
    pub fn changes(&self) -> Vec<(&'static str, Change)> {
        let mut phases: [Vec<_>; Phase::Gone as usize + 1] = Default::default();
        let mut put = |phase: Phase, element: &Element, change| {
            // Ranges are nft's.
            if !matches!(element, Element::ServiceRange { .. }) {
                phases[phase as usize].push((element.map(), change));
            }
        };
        let mut deleted = self.delete.iter().peekable();
        for element in &self.add {
            while let Some(gone) = deleted.next_if(|gone| gone.key() < element.key()) {
                put(
                    Phase::of_deletion(gone),
                    gone,
                    Change::Delete(gone.key().fields()),
                );
            }
            let is_replaced = deleted.next_if(|gone| gone.key() == element.key()).is_some();
            let change = if is_replaced { Change::Replace } else { Change::Add };
            put(
                Phase::of_addition(element, is_replaced),
                element,
                change(element.content()),
            );
        }
        for gone in deleted {
            put(
                Phase::of_deletion(gone),
                gone,
                Change::Delete(gone.key().fields()),
            );
        }
        phases.into_iter().flatten().collect()
    }
}

/// When a change of an element takes its turn.
#[derive(Debug, Clone, Copy)]
enum Phase {
    New,
    Replaced,
    Services,
    NoServices,
    Gone,
}

impl Phase {
    fn of_addition(element: &Element, is_replaced: bool) -> Self {
        match (element, is_replaced) {
            (Element::ServiceIp { .. }, _) => Self::Services,
            (_, true) => Self::Replaced,
            (_, false) => Self::New,
        }
    }

    fn of_deletion(element: &Element) -> Self {
        match element {
            Element::ServiceIp { .. } => Self::NoServices,
            _ => Self::Gone,
        }
    }
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chain in &self.add_chains {
            write!(f, "{chain}")?;
        }
        self.delete
            .iter()
            .try_for_each(|element| f.write_str(&element.deletion()))?;
        self.add
            .iter()
            .try_for_each(|element| f.write_str(&element.addition()))?;
        self.delete_chains
            .iter()
            .try_for_each(|chain| f.write_str(&chain.deletion()))?;
        for frontend in &self.forgotten {
            writeln!(
                f,
                "# clients of {frontend} don't stay with their endpoints any longer"
            )?;
        }
        for (service, serving) in &self.udp {
            let serving: Vec<_> = serving.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "# UDP flows to {service} with others than [{}] are forgotten",
                serving.join(", ")
            )?;
        }
        Ok(())
    }
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
    fn deletion(&self) -> String {
        let (family, map) = (self.family(), self.map());
        format!("delete element {family} {TABLE} {map} {{ {} }}\n", self.key())
    }

    /// The command that adds it.
    fn addition(&self) -> String {
        let (family, map) = (self.family(), self.map());
        format!("add element {family} {TABLE} {map} {{ {self} }}\n")
    }

    fn content(&self) -> maps::Element {
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
    fn fields(&self) -> Fields {
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
