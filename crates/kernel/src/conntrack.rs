//! Connections as the kernel tracks them: who asked whom, and who answered.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_netfilter::conntrack::{
    ConntrackAttribute, ConntrackMessage, IPTuple, ProtoTuple, Protocol as ProtocolNumber, Tuple as TuplePart,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr as NetlinkAddr};

use crate::answer::{messages, receive, refusal};
use crate::netns::Netns;

/// `NLMSG_MIN_TYPE`: what is below is netlink's own, such as an error.
const NLMSG_MIN_TYPE: u16 = 0x10;
/// `NFNL_SUBSYS_CTNETLINK`
const SUBSYSTEM: u16 = 1;
/// The most that the kernel puts into one message of a dump.
const MESSAGE_SIZE: usize = 32 * 1024;

/// A transport protocol that has ports, and that podlab tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// Its number in an IP header.
    pub fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl std::fmt::Display for Protocol {
    /// In lower case, as `nft` and `conntrack` write it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// One direction of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Who sends.
    pub source: SocketAddr,
    /// To whom, by the sender's word.
    pub destination: SocketAddr,
}

/// A connection, or what stands for one in UDP, as both of its ends see it.
///
/// Without address translation, `reply` is `original` the other way round. Behind a service, `reply.source` is
/// the pod that answers, and `reply.destination` the client as that pod sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Its transport protocol.
    pub protocol: Protocol,
    /// As the client sends.
    pub original: Tuple,
    /// As the other end answers.
    pub reply: Tuple,
}

/// The connection table of one network namespace. Usable from any thread; calls take turns.
pub struct Conntrack(Mutex<Socket>);

impl Conntrack {
    /// Opens the table of a namespace.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN over the namespace; `EPROTONOSUPPORT` when the kernel has no netfilter.
    pub fn open(netns: &Netns) -> io::Result<Self> {
        netns.visit(|| {
            let mut socket = Socket::new(NETLINK_NETFILTER)?;
            socket.bind_auto()?;
            socket.connect(&NetlinkAddr::new(0, 0))?;
            Ok(Self(Mutex::new(socket)))
        })
    }

    /// Every IPv4 flow over TCP or UDP.
    ///
    /// # Errors
    /// `EPERM` without CAP_NET_ADMIN over the namespace; `InvalidData` when the kernel's answer can't be read.
    pub fn flows(&self) -> io::Result<Vec<Flow>> {
        self.request(NLM_F_DUMP, ConntrackMessage::Get(Vec::new()), flow)
    }

    /// The flow whose client sends `original`, if there is one.
    ///
    /// # Errors
    /// As [`Self::flows`].
    pub fn get(&self, protocol: Protocol, original: &Tuple) -> io::Result<Option<Flow>> {
        let key = vec![attribute(protocol, original)];
        match self.request(NLM_F_ACK, ConntrackMessage::Get(key), flow) {
            Ok(flows) => Ok(flows.into_iter().next()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets a flow: its next packet, from either end, is the first of a new one. One that is gone is no error.
    ///
    /// # Errors
    /// `EPERM` without CAP_NET_ADMIN over the namespace.
    pub fn delete(&self, flow: &Flow) -> io::Result<()> {
        self.remove(vec![attribute(flow.protocol, &flow.original)])
    }

    /// Forgets what these addresses send and are sent, over whatever protocol, of all that has this mark (`ct mark`). The
    /// kernel itself passes over what has another one.
    ///
    /// # Errors
    /// As [`Self::flows`].
    pub fn forget(&self, mark: u32, addresses: &HashSet<IpAddr>) -> io::Result<()> {
        let marked = ConntrackMessage::Get(vec![ConntrackAttribute::CtaMark(mark)]);
        let keys = self.request(NLM_F_DUMP, marked, |entry| {
            let is_theirs = entry.iter().any(|attribute| is_of(attribute, addresses));
            is_theirs.then(|| entry.into_iter().filter(is_original).collect())
        })?;
        keys.into_iter().try_for_each(|key| self.remove(key))
    }

    fn remove(&self, key: Vec<ConntrackAttribute>) -> io::Result<()> {
        match self.request(NLM_F_ACK, ConntrackMessage::Delete(key), |_| None::<()>) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.map(drop),
        }
    }

    /// What `pick` takes of the entries that the kernel answers with.
    fn request<T>(
        &self,
        flags: u16,
        message: ConntrackMessage,
        pick: impl Fn(Vec<ConntrackAttribute>) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        let header_of_all = NetfilterHeader::new(NetfilterProtoFamily::IPv4, 0, 0);
        let mut request = NetlinkMessage::new(
            header,
            NetlinkPayload::from(NetfilterMessage::new(header_of_all, message)),
        );
        request.finalize();
        let mut buffer = vec![0; request.buffer_len()];
        request.serialize(&mut buffer);

        let socket = self.lock();
        socket.send(&buffer, 0)?;
        let mut picked = Vec::new();
        let mut answer = Vec::with_capacity(MESSAGE_SIZE);
        loop {
            receive(&socket, &mut answer)?;
            let answer = read(&answer, |entry| picked.extend(pick(entry)))?;
            if answer == Answer::Complete {
                return Ok(picked);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Socket> {
        // Reading an answer doesn't panic; a poisoned lock would at worst be followed by an error of the next call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Continues,
    Complete,
}

/// Reads the messages of one datagram.
pub(crate) fn read(datagram: &[u8], mut take: impl FnMut(Vec<ConntrackAttribute>)) -> io::Result<Answer> {
    for message in messages(datagram) {
        let message = message?;
        let is_control = message.kind < NLMSG_MIN_TYPE;
        if !is_control && message.kind >> 8 != SUBSYSTEM {
            continue;
        }
        let message =
            NetlinkMessage::<NetfilterMessage>::deserialize(message.bytes).map_err(io::Error::other)?;
        match message.payload {
            NetlinkPayload::Done(_) => return Ok(Answer::Complete),
            NetlinkPayload::Error(answer) => return refusal(&answer).map_or(Ok(Answer::Complete), Err),
            NetlinkPayload::InnerMessage(NetfilterMessage {
                inner: NetfilterMessageInner::Conntrack(ConntrackMessage::New(attributes)),
                ..
            }) => take(attributes),
            _ => {}
        }
    }
    Ok(Answer::Continues)
}

fn is_original(attribute: &ConntrackAttribute) -> bool {
    matches!(attribute, ConntrackAttribute::CtaTupleOrig(_))
}

/// Whether it is a direction of a flow from or to one of these addresses.
fn is_of(attribute: &ConntrackAttribute, addresses: &HashSet<IpAddr>) -> bool {
    let (ConntrackAttribute::CtaTupleOrig(parts) | ConntrackAttribute::CtaTupleReply(parts)) = attribute
    else {
        return false;
    };
    parts.iter().any(|part| {
        let TuplePart::Ip(ends) = part else { return false };
        ends.iter().any(|end| match end {
            IPTuple::SourceAddress(address) | IPTuple::DestinationAddress(address) => {
                addresses.contains(address)
            }
            _ => false,
        })
    })
}

/// None for other protocols than those podlab tracks.
pub(crate) fn flow(attributes: Vec<ConntrackAttribute>) -> Option<Flow> {
    let mut original = None;
    let mut reply = None;
    for attribute in attributes {
        match attribute {
            ConntrackAttribute::CtaTupleOrig(parts) => original = tuple(&parts),
            ConntrackAttribute::CtaTupleReply(parts) => reply = tuple(&parts),
            _ => {}
        }
    }
    let ((protocol, original), (_, reply)) = (original?, reply?);
    Some(Flow {
        protocol,
        original,
        reply,
    })
}

fn tuple(parts: &[TuplePart]) -> Option<(Protocol, Tuple)> {
    let unspecified = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let (mut source, mut destination, mut protocol) = (unspecified, unspecified, None);
    for part in parts {
        match part {
            TuplePart::Ip(addresses) => {
                for address in addresses {
                    match address {
                        IPTuple::SourceAddress(address) => source.set_ip(*address),
                        IPTuple::DestinationAddress(address) => destination.set_ip(*address),
                        _ => {}
                    }
                }
            }
            TuplePart::Proto(ports) => {
                for port in ports {
                    match port {
                        ProtoTuple::Protocol(ProtocolNumber::Tcp) => protocol = Some(Protocol::Tcp),
                        ProtoTuple::Protocol(ProtocolNumber::Udp) => protocol = Some(Protocol::Udp),
                        ProtoTuple::SourcePort(port) => source.set_port(*port),
                        ProtoTuple::DestinationPort(port) => destination.set_port(*port),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some((protocol?, Tuple { source, destination }))
}

fn attribute(protocol: Protocol, tuple: &Tuple) -> ConntrackAttribute {
    let number = match protocol {
        Protocol::Tcp => ProtocolNumber::Tcp,
        Protocol::Udp => ProtocolNumber::Udp,
    };
    ConntrackAttribute::CtaTupleOrig(vec![
        TuplePart::Ip(vec![
            IPTuple::SourceAddress(tuple.source.ip()),
            IPTuple::DestinationAddress(tuple.destination.ip()),
        ]),
        TuplePart::Proto(vec![
            ProtoTuple::Protocol(number),
            ProtoTuple::SourcePort(tuple.source.port()),
            ProtoTuple::DestinationPort(tuple.destination.port()),
        ]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = 16 + payload.len() as u32;
        let header = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &[0; 10]].concat();
        [&header, payload].concat()
    }

    /// A message of nf_tables that its reader panics at: an attribute whose length is less than that of its header.
    #[test]
    fn what_nobody_asked_for_is_passed_over() {
        let attribute = [&[12, 0, 17, 0][..], &[8, 0, 2, 0], &[0; 4]].concat();
        let set = message(10 << 8 | 9, &[&[2, 0, 0, 0], &attribute[..]].concat());
        let end = message(3, &[0; 4]);
        let nothing = |attributes| panic!("{attributes:?}");
        assert_eq!(read(&[set, end].concat(), nothing).unwrap(), Answer::Complete);
        assert!(read(&[1; 15], nothing).is_err());
    }
}
