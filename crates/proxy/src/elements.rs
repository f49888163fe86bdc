//! What the maps of `skeleton.nft` hold, and changes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use nftables::expr::{Elem, Expression, NamedExpression, Prefix, Verdict as NftVerdict};
use nftables::schema::{Element as Elements, NfCmd, NfListObject, NfObject, Nftables};
use nftables::stmt::JumpTarget;
use nftables::types::NfFamily;
use podlab_kernel::conntrack::{Flow, Protocol};

use crate::pick::Pick;

/// The table in every family.
pub const TABLE: &str = "podlab-proxy";

/// The chain of services whose endpoints are on other nodes. (nft's JSON refuses the verdict `drop` in an element.)
const SILENCE: &str = "not-here";

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

/// An element of one of the maps and sets.
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
    Pick(Pick),
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
    pub add_chains: BTreeSet<Pick>,
    /// What is to be deleted, before anything is added.
    pub delete: BTreeSet<Element>,
    /// What is to be added.
    pub add: BTreeSet<Element>,
    /// The chains to be deleted, when nothing leads there any more.
    pub delete_chains: BTreeSet<Pick>,
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

    /// Whether elements are all that it changes.
    pub fn only_elements(&self) -> bool {
        self.add_chains.is_empty() && self.delete_chains.is_empty()
    }

    /// The deletions and additions of elements as nft's JSON. (That has no way to give a chain a comment: chains are
    /// only in the text form.)
    pub fn to_nftables(&self) -> Nftables<'static> {
        let delete = commands(&self.delete, NfCmd::Delete, Element::key_expression);
        let add = commands(&self.add, NfCmd::Add, Element::expression);
        Nftables {
            objects: delete.chain(add).collect(),
        }
    }
}

/// One command for each map.
fn commands<'a>(
    elements: &'a BTreeSet<Element>,
    command: fn(NfListObject<'static>) -> NfCmd<'static>,
    expression: fn(&Element) -> Expression<'static>,
) -> impl Iterator<Item = NfObject<'static>> + 'a {
    let mut of_maps = BTreeMap::<_, Vec<_>>::new();
    for element in elements {
        let map = (element.is_ipv4(), element.map());
        of_maps.entry(map).or_default().push(expression(element));
    }
    of_maps.into_iter().map(move |((is_ipv4, map), elements)| {
        NfObject::CmdObject(command(NfListObject::Element(Elements {
            family: if is_ipv4 { NfFamily::IP } else { NfFamily::IP6 },
            table: TABLE.into(),
            name: map.into(),
            elem: elements.into(),
        })))
    })
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chain in &self.add_chains {
            write!(f, "{chain}")?;
        }
        for element in &self.delete {
            let (family, map) = (element.family(), element.map());
            writeln!(f, "delete element {family} {TABLE} {map} {{ {} }}", element.key())?;
        }
        for element in &self.add {
            let (family, map) = (element.family(), element.map());
            writeln!(f, "add element {family} {TABLE} {map} {{ {element} }}")?;
        }
        for chain in &self.delete_chains {
            writeln!(f, "{}", chain.deletion())?;
        }
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

    fn key_expression(&self) -> Expression<'static> {
        match self.key() {
            Key::ClusterIp(address) => text(address),
            Key::ServiceIp(Frontend {
                address,
                protocol,
                port,
            }) => concat([text(address), text(protocol), number(port)]),
            Key::Endpoint(
                Frontend {
                    address,
                    protocol,
                    port,
                },
                last,
            )
            | Key::Identity(
                Frontend {
                    address,
                    protocol,
                    port,
                },
                last,
            ) => concat([text(address), text(protocol), number(port), number(last)]),
            Key::Hairpin(address) => concat([text(address), text(address)]),
            Key::ServiceRange(range) => Expression::Named(NamedExpression::Prefix(Prefix {
                addr: Box::new(text(range.network())),
                len: range.prefix_len().into(),
            })),
        }
    }

    fn expression(&self) -> Expression<'static> {
        let key = self.key_expression();
        match self {
            Self::ClusterIp { service, .. } => commented(key, service),
            Self::ServiceIp { verdict, name, .. } => {
                let target = verdict.chain().into();
                let verdict = NftVerdict::Goto(JumpTarget { target });
                Expression::List(vec![commented(key, name), Expression::Verdict(verdict)])
            }
            Self::Endpoint { endpoint, .. } => {
                Expression::List(vec![key, concat([text(endpoint.ip()), number(endpoint.port())])])
            }
            Self::Identity { identity, .. } => Expression::List(vec![key, number(*identity)]),
            Self::Hairpin { .. } | Self::ServiceRange { .. } => key,
        }
    }
}

fn text(value: impl ToString) -> Expression<'static> {
    Expression::String(value.to_string().into())
}

fn number(value: impl Into<u32>) -> Expression<'static> {
    Expression::Number(value.into())
}

fn concat<const N: usize>(parts: [Expression<'static>; N]) -> Expression<'static> {
    Expression::Named(NamedExpression::Concat(parts.into()))
}

fn commented(key: Expression<'static>, comment: &str) -> Expression<'static> {
    Expression::Named(NamedExpression::Elem(Elem {
        val: Box::new(key),
        timeout: None,
        expires: None,
        comment: Some(shortened(comment).to_owned().into()),
        counter: None,
    }))
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
                write!(f, "{key} comment \"{}\" : {verdict}", shortened(name))
            }
            Self::Endpoint { endpoint, .. } => write!(f, "{key} : {} . {}", endpoint.ip(), endpoint.port()),
            Self::Identity { identity, .. } => write!(f, "{key} : {identity}"),
            Self::Hairpin { .. } | Self::ServiceRange { .. } => write!(f, "{key}"),
        }
    }
}

impl Verdict {
    /// The chain that does it.
    fn chain(&self) -> String {
        match self {
            Self::Pick(pick) => pick.chain(),
            Self::Drop => SILENCE.to_owned(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "goto {}", self.chain())
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
