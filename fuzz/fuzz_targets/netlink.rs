//! Changes of maps as the kernel reads them, by a reader that knows nothing of how they were written; and any bytes as
//! the kernel's answers.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use podlab_kernel::conntrack::Protocol;
use podlab_kernel::fuzzing::{answers, batches, steps};
use podlab_kernel::maps::{Change, Element, Fields};
use podlab_kernel::rtnl::Step;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Changes { largest: u16, changes: Vec<AnyChange> },
    Steps { first: u32, names: Vec<&'a str> },
    Answer(&'a [u8]),
}

#[derive(Debug, Clone, PartialEq, Arbitrary)]
struct AnyChange {
    other_map: bool,
    sort: Sort,
    key: Vec<Field>,
    value: Option<Vec<Field>>,
    comment: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Arbitrary)]
enum Sort {
    Delete,
    Add,
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Arbitrary)]
enum Field {
    Address(u32),
    Tcp,
    Udp,
    Port(u16),
    Mark(u32),
}

fuzz_target!(|input: Input| {
    match input {
        Input::Changes { largest, changes } => check_changes(largest.into(), &changes),
        Input::Steps { first, names } => check_steps(first, &names),
        Input::Answer(bytes) => {
            let _ = answers(bytes, links(&["a", "b"]));
        }
    }
});

/// An element as the kernel sees it: to be deleted, or to be added with a value and a comment.
#[derive(Debug, PartialEq)]
struct Seen {
    map: String,
    deleted: bool,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    comment: Option<Vec<u8>>,
}

fn check_changes(largest: usize, changes: &[AnyChange]) {
    let changes: Vec<_> = changes.iter().cloned().map(AnyChange::allowed).collect();
    let encoded = batches("podlab", largest, changes.iter().map(AnyChange::as_change));
    let mut seen: Vec<Seen> = encoded.iter().flat_map(|batch| decoded(batch)).collect();
    let mut expected: Vec<Seen> = changes.iter().flat_map(AnyChange::expected).collect();
    // Those of one message are deleted first, and then added: a replaced element is never without either.
    let order = |seen: &Seen| (seen.map.clone(), seen.deleted, seen.key.clone());
    if changes.iter().any(|change| change.sort == Sort::Replace) {
        seen.sort_by_key(order);
        expected.sort_by_key(order);
    }
    assert_eq!(seen, expected);
}

impl AnyChange {
    /// Within what the types promise.
    fn allowed(mut self) -> Self {
        self.key.truncate(16);
        if let Some(value) = &mut self.value {
            value.truncate(16);
        }
        self.comment = self.comment.map(|comment| {
            let end = (0..=127.min(comment.len())).rfind(|end| comment.is_char_boundary(*end));
            comment[..end.unwrap_or_default()].to_owned()
        });
        self
    }

    fn map(&self) -> &'static str {
        if self.other_map {
            "service-ips"
        } else {
            "endpoints"
        }
    }

    fn as_change(&self) -> (&'static str, Change) {
        let fields = |fields: &[Field]| {
            fields
                .iter()
                .fold(Fields::default(), |all, field| field.write(all))
        };
        let element = Element {
            key: fields(&self.key),
            value: self.value.as_deref().map(fields),
            comment: self.comment.clone(),
        };
        let change = match self.sort {
            Sort::Delete => Change::Delete(element.key),
            Sort::Add => Change::Add(element),
            Sort::Replace => Change::Replace(element),
        };
        (self.map(), change)
    }

    fn expected(&self) -> Vec<Seen> {
        let bytes = |fields: &[Field]| fields.iter().flat_map(|field| field.bytes()).collect::<Vec<u8>>();
        let deleted = Seen {
            map: self.map().to_owned(),
            deleted: true,
            key: bytes(&self.key),
            value: None,
            comment: None,
        };
        let added = Seen {
            map: self.map().to_owned(),
            deleted: false,
            key: bytes(&self.key),
            value: self.value.as_deref().map(bytes),
            comment: self.comment.clone().map(String::into_bytes),
        };
        match self.sort {
            Sort::Delete => vec![deleted],
            Sort::Add => vec![added],
            Sort::Replace => vec![deleted, added],
        }
    }
}

impl Field {
    fn write(self, fields: Fields) -> Fields {
        match self {
            Self::Address(address) => fields.address(IpAddr::V4(Ipv4Addr::from_bits(address))),
            Self::Tcp => fields.protocol(Protocol::Tcp),
            Self::Udp => fields.protocol(Protocol::Udp),
            Self::Port(port) => fields.port(port),
            Self::Mark(mark) => fields.mark(mark),
        }
    }

    /// As it lies in the kernel's registers.
    fn bytes(self) -> [u8; 4] {
        match self {
            Self::Address(address) => address.to_be_bytes(),
            Self::Tcp => [6, 0, 0, 0],
            Self::Udp => [17, 0, 0, 0],
            Self::Port(port) => [port.to_be_bytes()[0], port.to_be_bytes()[1], 0, 0],
            Self::Mark(mark) => mark.to_ne_bytes(),
        }
    }
}

/// Reads a batch by `linux/netlink.h` and `linux/netfilter/nf_tables.h`.
fn decoded(batch: &[u8]) -> Vec<Seen> {
    let messages = messages(batch);
    let [first, changes @ .., last] = &messages[..] else {
        panic!("a batch has a begin and an end");
    };
    // NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END
    assert_eq!((first.kind, last.kind), (16, 17));
    let mut seen = Vec::new();
    for (index, message) in changes.iter().enumerate() {
        assert_eq!(message.number as usize, index + 1);
        // NLM_F_REQUEST; NLM_F_ACK for the last
        assert_eq!(message.flags & 1, 1);
        assert_eq!(message.flags & 4 != 0, index + 1 == changes.len());
        // NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM
        let deleted = match message.kind {
            0x0a0c => false,
            0x0a0e => true,
            other => panic!("a message of type {other:#x}"),
        };
        // nfgenmsg: NFPROTO_IPV4, NFNETLINK_V0, 0
        assert_eq!(message.payload[..4], [2, 0, 0, 0]);
        let [(1, table), (2, map), (3, elements)] = &attributes(&message.payload[4..])[..] else {
            panic!("not a table, a set and elements");
        };
        assert_eq!(*table, b"podlab\0");
        let map = String::from_utf8(map[..map.len() - 1].to_vec()).expect("a map's name");
        for (kind, element) in attributes(elements) {
            assert_eq!(kind, 1, "NFTA_LIST_ELEM");
            seen.push(element_seen(&map, deleted, element));
        }
    }
    seen
}

fn element_seen(map: &str, deleted: bool, element: &[u8]) -> Seen {
    let mut seen = Seen {
        map: map.to_owned(),
        deleted,
        key: Vec::new(),
        value: None,
        comment: None,
    };
    let value = |data: &[u8]| match &attributes(data)[..] {
        [(1, value)] => value.to_vec(),
        other => panic!("not NFTA_DATA_VALUE: {other:?}"),
    };
    for (kind, data) in attributes(element) {
        match kind {
            1 => seen.key = value(data),
            2 => seen.value = Some(value(data)),
            6 => {
                // struct nftnl_udata: type, length, value
                assert_eq!((data[0], usize::from(data[1])), (0, data.len() - 2));
                assert_eq!(data.last(), Some(&0));
                seen.comment = Some(data[2..data.len() - 1].to_vec());
            }
            other => panic!("attribute {other} of an element"),
        }
    }
    seen
}

struct Message<'a> {
    kind: u16,
    flags: u16,
    number: u32,
    payload: &'a [u8],
}

fn messages(mut bytes: &[u8]) -> Vec<Message<'_>> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let half = |at: usize| u16::from_ne_bytes(bytes[at..at + 2].try_into().expect("two bytes"));
        let length = word(0) as usize;
        messages.push(Message {
            kind: half(4),
            flags: half(6),
            number: word(8),
            payload: &bytes[16..length],
        });
        bytes = &bytes[length.next_multiple_of(4)..];
    }
    messages
}

/// Types without their flags, and data.
fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut attributes = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let kind = u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff;
        attributes.push((kind, &bytes[4..length]));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    attributes
}

fn links(names: &[&str]) -> Vec<Step> {
    let link = |name: &&str| {
        let mut link = LinkMessage::default();
        link.attributes.push(LinkAttribute::IfName((*name).to_owned()));
        Step::add(*name, RouteNetlinkMessage::NewLink(link))
    };
    names.iter().map(link).collect()
}

fn check_steps(first: u32, names: &[&str]) {
    let names: Vec<&str> = names.iter().copied().filter(|name| name.len() < 16).collect();
    let bytes = steps(links(&names), first);
    let messages = messages(&bytes);
    assert_eq!(messages.len(), names.len());
    for (index, (message, name)) in messages.iter().zip(&names).enumerate() {
        assert_eq!(message.number, first.wrapping_add(index as u32));
        assert_eq!(message.flags & 4 != 0, index + 1 == names.len());
        // RTM_NEWLINK; IFLA_IFNAME after struct ifinfomsg
        assert_eq!(message.kind, 16);
        let [(3, data)] = &attributes(&message.payload[16..])[..] else {
            panic!("not a name");
        };
        assert_eq!(&data[..data.len() - 1], name.as_bytes());
    }
}
