//! The elements of a table's maps and sets, changed over netlink: no process is started, and nothing is listed.
//!
//! The messages are those of `linux/netfilter/nf_tables.h`. Tables, maps, chains and rules come as text, by
//! [`crate::nft`].

use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST, NLMSG_ERROR, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_netfilter::nftables::{
    DataAttribute, ListAttribute, NfTablesMessage, SetElementAttribute, SetElementList, SetElementMessage,
};
use netlink_packet_netfilter::none::ControlMessage;
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};
use nix::sys::socket::{getsockopt, setsockopt, sockopt};

use crate::answer::{messages, receive, refusal};
use crate::conntrack::Protocol;
use crate::netns::Netns;

/// The room that the kernel is asked for, in bytes; it gives twice as much. An ordinary user gets at most what
/// `net.core.wmem_max` allows. Larger batches take longer than several of this size.
const LARGEST_BATCH: usize = 4 << 20;
/// What the kernel keeps of a socket's buffer for itself.
const RESERVED: usize = 32;
/// Of the longest elements, with a key of 64 bytes and a comment of 127, so many fit into the 64 KiB of an attribute.
const ELEMENTS_PER_MESSAGE: usize = 200;
/// `NFNL_SUBSYS_NFTABLES`
const SUBSYSTEM: u16 = 10;
/// `NFTNL_UDATA_SET_ELEM_COMMENT`
const COMMENT: u8 = 0;
/// The most that an answer of the kernel has: the header of what it answers, and an error number.
const ANSWER_SIZE: usize = 4096;

/// The maps and sets of a table of the family `ip`. Usable from any thread; calls take turns.
pub struct Maps {
    socket: Mutex<Socket>,
    table: &'static str,
    largest_batch: usize,
}

/// A key or a value: its fields one after another, each of them filled up to a multiple of 4 bytes, 64 at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Fields(Vec<u8>);

/// An element of a map or a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// What identifies it.
    pub key: Fields,
    /// What it leads to; none in a set.
    pub value: Option<Fields>,
    /// At most 127 bytes.
    pub comment: Option<String>,
}

/// What becomes of one key of a map or a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It must be there, and goes.
    Delete(Fields),
    /// It must not be there with another value, and comes.
    Add(Element),
    /// It must be there, and has another value or comment from now on, without a moment in between.
    Replace(Element),
}

/// The kernel didn't take a change.
#[derive(Debug, thiserror::Error)]
pub enum MapsError {
    /// An element is there already, is not there, or doesn't fit its map.
    #[error("the kernel refuses to change the elements of {map}: {source}")]
    Refused {
        /// The map or set.
        map: &'static str,
        /// How.
        source: io::Error,
    },
    /// The kernel didn't take the batch at all.
    #[error("cannot change the elements of maps: {0}")]
    Batch(#[from] io::Error),
}

impl Maps {
    /// The maps and sets of `table` in a namespace; there may be no such table yet.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN over the namespace; `EPROTONOSUPPORT` when the kernel has no netfilter.
    pub fn open(netns: &Netns, table: &'static str) -> io::Result<Self> {
        let socket = netns.visit(|| {
            let mut socket = Socket::new(NETLINK_NETFILTER)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        })?;
        // All answers are there when a batch has been sent. Without what they answer, they are short.
        socket.set_non_blocking(true)?;
        socket.set_cap_ack(true)?;
        setsockopt(&socket, sockopt::SndBufForce, &LARGEST_BATCH)
            .or_else(|_| setsockopt(&socket, sockopt::SndBuf, &LARGEST_BATCH))?;
        let largest_batch = getsockopt(&socket, sockopt::SndBuf)? - RESERVED;
        Ok(Self {
            socket: Mutex::new(socket),
            table,
            largest_batch,
        })
    }

    /// Makes changes in their order, each with the name of its map or set: as a whole or not at all, if the kernel takes
    /// as much in one batch. Otherwise as several wholes, one after another; the first that is refused is the last.
    ///
    /// # Errors
    /// [`MapsError`].
    pub fn change(&self, changes: impl IntoIterator<Item = (&'static str, Change)>) -> Result<(), MapsError> {
        batches(self.table, self.largest_batch, changes).try_for_each(|batch| self.send(batch))
    }

    fn send(&self, batch: Batch) -> Result<(), MapsError> {
        let maps: Vec<_> = batch.messages.iter().map(|(map, _)| *map).collect();
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.send(&batch.into_bytes(), 0)?;
        let mut is_taken = false;
        let mut answer = Vec::with_capacity(ANSWER_SIZE);
        let mut refusal = None;
        loop {
            match receive(&socket, &mut answer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                result => result?,
            }
            match said(&answer)? {
                Said::Taken => is_taken = true,
                // The first refusal is the reason for the others.
                Said::Refused(number, source) => drop(refusal.get_or_insert((number, source))),
                Said::Other => {}
            }
        }
        match refusal {
            // The batch's own messages aren't about any map.
            Some((number, source)) => Err(match maps.get((number as usize).wrapping_sub(1)) {
                Some(map) => MapsError::Refused { map, source },
                None => MapsError::Batch(source),
            }),
            None if is_taken => Ok(()),
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

/// What the kernel says of a batch.
#[derive(Debug)]
enum Said {
    Taken,
    /// Which message, by its number, and why.
    Refused(u32, io::Error),
    Other,
}

fn said(answer: &[u8]) -> io::Result<Said> {
    let Some(first) = messages(answer).next().transpose()? else {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
    };
    if first.kind != NLMSG_ERROR {
        return Ok(Said::Other);
    }
    let message = NetlinkMessage::<NetfilterMessage>::deserialize(first.bytes).map_err(io::Error::other)?;
    Ok(match message.payload {
        NetlinkPayload::Error(answer) => match refusal(&answer) {
            None => Said::Taken,
            Some(error) => Said::Refused(message.header.sequence_number, error),
        },
        _ => Said::Other,
    })
}

/// As few batches as possible, of this size at most.
fn batches(
    table: &'static str,
    largest: usize,
    changes: impl IntoIterator<Item = (&'static str, Change)>,
) -> impl Iterator<Item = Batch> {
    let mut units = units(changes)
        .map(move |unit| (unit.map, unit.encode(table)))
        .peekable();
    std::iter::from_fn(move || {
        let (map, messages) = units.next()?;
        let mut batch = Batch::new();
        batch.push(map, messages);
        while let Some((map, messages)) =
            units.next_if(|(_, messages)| batch.length + length(messages) <= largest)
        {
            batch.push(map, messages);
        }
        Some(batch)
    })
}

/// In bytes.
fn length(messages: &[Message]) -> usize {
    messages.iter().map(Message::buffer_len).sum()
}

impl Fields {
    /// Adds `ipv4_addr` or `ipv6_addr`.
    #[must_use]
    pub fn address(mut self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.0.extend(address.octets()),
            IpAddr::V6(address) => self.0.extend(address.octets()),
        }
        self
    }

    /// Adds `inet_proto`.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.0.extend([protocol.number(), 0, 0, 0]);
        self
    }

    /// Adds `inet_service`.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.0.extend(port.to_be_bytes());
        self.0.extend([0, 0]);
        self
    }

    /// Adds `mark`.
    #[must_use]
    pub fn mark(mut self, mark: u32) -> Self {
        self.0.extend(mark.to_ne_bytes());
        self
    }
}

impl From<&Fields> for DataAttribute {
    fn from(fields: &Fields) -> Self {
        Self::Value(fields.0.clone())
    }
}

type Attributes = ListAttribute<SetElementAttribute>;

/// Changes of one map that must not be parted: what is deleted first, and what is then added.
struct Unit {
    map: &'static str,
    delete: Vec<Attributes>,
    add: Vec<Attributes>,
}

/// Puts successive changes of the same kind in the same map together.
fn units(changes: impl IntoIterator<Item = (&'static str, Change)>) -> impl Iterator<Item = Unit> {
    let mut changes = changes.into_iter().peekable();
    std::iter::from_fn(move || {
        let (map, first) = changes.next()?;
        let kind = std::mem::discriminant(&first);
        let mut unit = Unit {
            map,
            delete: Vec::new(),
            add: Vec::new(),
        };
        unit.push(first);
        while unit.delete.len().max(unit.add.len()) < ELEMENTS_PER_MESSAGE {
            let same =
                |next: &(&'static str, Change)| next.0 == map && std::mem::discriminant(&next.1) == kind;
            match changes.next_if(same) {
                Some((_, change)) => unit.push(change),
                None => break,
            }
        }
        Some(unit)
    })
}

impl Unit {
    fn push(&mut self, change: Change) {
        let key = |key: &Fields| ListAttribute::Element(vec![SetElementAttribute::Key(key.into())]);
        match change {
            Change::Delete(gone) => self.delete.push(key(&gone)),
            Change::Add(element) => self.add.push(element.attributes()),
            Change::Replace(element) => {
                self.delete.push(key(&element.key));
                self.add.push(element.attributes());
            }
        }
    }

    fn encode(self, table: &str) -> Vec<Message> {
        let message = |elements| SetElementMessage {
            attributes: vec![
                SetElementList::Table(table.to_owned()),
                SetElementList::Set(self.map.to_owned()),
                SetElementList::Elements(elements),
            ],
        };
        let mut messages = Vec::new();
        if !self.delete.is_empty() {
            messages.push(NfTablesMessage::DeleteSetElement(message(self.delete)));
        }
        if !self.add.is_empty() {
            messages.push(NfTablesMessage::NewSetElement(message(self.add)));
        }
        let header = || NetfilterHeader::new(NetfilterProtoFamily::IPv4, 0, 0);
        let messages = messages.into_iter();
        messages
            .map(|message| finalized(NetfilterMessage::new(header(), message), NLM_F_CREATE))
            .collect()
    }
}

impl Element {
    fn attributes(&self) -> Attributes {
        let mut attributes = vec![SetElementAttribute::Key((&self.key).into())];
        attributes.extend(
            self.value
                .iter()
                .map(|value| SetElementAttribute::Data(value.into())),
        );
        attributes.extend(self.comment.iter().map(|comment| {
            let length = u8::try_from(comment.len() + 1).unwrap_or(u8::MAX);
            let data = [&[COMMENT, length], comment.as_bytes(), &[0]].concat();
            SetElementAttribute::UserData(data)
        }));
        ListAttribute::Element(attributes)
    }
}

type Message = NetlinkMessage<NetfilterMessage>;

fn finalized(message: NetfilterMessage, flags: u16) -> Message {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    message
}

/// What the kernel does as a whole or not at all.
struct Batch {
    /// Numbered from 1 on, each with its map.
    messages: Vec<(&'static str, Message)>,
    /// In bytes, with what begins and ends it.
    length: usize,
}

impl Batch {
    fn new() -> Self {
        Self {
            messages: Vec::new(),
            length: control(ControlMessage::BatchBegin).buffer_len()
                + control(ControlMessage::BatchEnd).buffer_len(),
        }
    }

    fn push(&mut self, map: &'static str, messages: Vec<Message>) {
        self.length += length(&messages);
        self.messages
            .extend(messages.into_iter().map(|message| (map, message)));
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut messages = vec![control(ControlMessage::BatchBegin)];
        messages.extend(self.messages.into_iter().map(|(_, message)| message));
        if let Some(last) = messages.last_mut() {
            // Errors are told anyway.
            last.header.flags |= NLM_F_ACK;
        }
        messages.push(control(ControlMessage::BatchEnd));
        let mut bytes = vec![0; self.length];
        let mut at = 0;
        for (message, number) in messages.iter_mut().zip(0..) {
            message.header.sequence_number = number;
            let end = at + message.buffer_len();
            message.serialize(&mut bytes[at..end]);
            at = end;
        }
        bytes
    }
}

fn control(message: ControlMessage) -> Message {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, SUBSYSTEM);
    finalized(
        NetfilterMessage::new(header, NetfilterMessageInner::from(message)),
        0,
    )
}

/// The batches that changes become, each as its bytes.
#[cfg(fuzzing)]
pub(crate) fn encoded(
    table: &'static str,
    largest: usize,
    changes: impl IntoIterator<Item = (&'static str, Change)>,
) -> Vec<Vec<u8>> {
    batches(table, largest, changes).map(Batch::into_bytes).collect()
}

/// Reads an answer as the kernel's.
#[cfg(fuzzing)]
pub(crate) fn heard(answer: &[u8]) -> io::Result<()> {
    said(answer).map(drop)
}

#[cfg(test)]
mod tests;
