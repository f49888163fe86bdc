//! Changes of links, addresses, routes and neighbours: many steps in one message to the kernel.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NLMSG_ERROR, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::errno::Errno;

use crate::answer::{messages, receive, refusal};

/// More than an answer takes: answers don't repeat what was asked.
const ANSWER_SIZE: usize = 4096;

/// One change that the kernel makes or refuses.
#[derive(Debug, Clone)]
pub struct Step {
    what: String,
    message: NetlinkMessage<RouteNetlinkMessage>,
    as_good: Option<Errno>,
}

/// The kernel refused a step.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}: {source}")]
pub struct Refused {
    /// What was to be done.
    pub what: String,
    /// What the kernel says.
    pub source: io::Error,
}

impl Step {
    /// Adds what isn't there yet. `what` completes the sentence "cannot ...".
    pub fn add(what: impl Into<String>, message: RouteNetlinkMessage) -> Self {
        Self::new(what, message, NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Adds something, in the place of what is there.
    pub fn put(what: impl Into<String>, message: RouteNetlinkMessage) -> Self {
        Self::new(what, message, NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Changes or removes what is there.
    pub fn change(what: impl Into<String>, message: RouteNetlinkMessage) -> Self {
        Self::new(what, message, 0)
    }

    /// Takes this error for success.
    #[must_use]
    pub fn or(mut self, error: Errno) -> Self {
        self.as_good = Some(error);
        self
    }

    fn new(what: impl Into<String>, message: RouteNetlinkMessage, flags: u16) -> Self {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        Self {
            what: what.into(),
            message: NetlinkMessage::new(header, NetlinkPayload::from(message)),
            as_good: None,
        }
    }
}

/// A socket to the kernel's routing tables and devices in one network namespace. Usable from any thread; calls take
/// turns.
pub struct Rtnl(Mutex<Connection>);

struct Connection {
    socket: Socket,
    next_number: u32,
}

impl Rtnl {
    /// Opens a socket in the namespace of the calling thread.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.set_cap_ack(true)?;
        Ok(Self(Mutex::new(Connection {
            socket,
            next_number: 0,
        })))
    }

    /// Takes some steps, in order, and waits for them. They are no transaction: the kernel takes those after a refused
    /// one, too. So a step that must not be taken without another one belongs into a call of its own.
    ///
    /// # Errors
    /// The first refusal, for instance `EPERM` without CAP_NET_ADMIN over the namespace.
    pub fn apply(&self, steps: Vec<Step>) -> Result<(), Refused> {
        if steps.is_empty() {
            return Ok(());
        }
        self.lock().apply(steps)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // What a panic may have left unread has numbers that nobody waits for any more.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn apply(&mut self, mut steps: Vec<Step>) -> Result<(), Refused> {
        let first = self.next_number;
        let request = encode(&mut steps, first);
        let mut answers = Answers::expected(steps, first);
        self.next_number = answers.last.wrapping_add(1);
        self.exchange(&request, &mut answers).map_err(|source| Refused {
            what: "ask the kernel for a change of the network".to_owned(),
            source,
        })?;
        answers.refused.map_or(Ok(()), Err)
    }

    fn exchange(&self, request: &[u8], answers: &mut Answers) -> io::Result<()> {
        self.socket.send(request, 0)?;
        let mut answer = Vec::with_capacity(ANSWER_SIZE);
        while !answers.complete {
            receive(&self.socket, &mut answer)?;
            answers.read(&answer)?;
        }
        Ok(())
    }
}

/// The steps as one datagram, numbered from `first` on. The kernel answers each that it refuses, and the last.
pub(crate) fn encode(steps: &mut [Step], first: u32) -> Vec<u8> {
    if let Some(last) = steps.last_mut() {
        last.message.header.flags |= NLM_F_ACK;
    }
    let mut datagram = Vec::new();
    let mut number = first;
    for Step { message, .. } in steps {
        message.header.sequence_number = number;
        number = number.wrapping_add(1);
        message.finalize();
        let begin = datagram.len();
        let end = begin + message.buffer_len();
        datagram.resize(end.next_multiple_of(4), 0);
        message.serialize(&mut datagram[begin..end]);
    }
    datagram
}

/// What the kernel has said so far to some steps.
pub(crate) struct Answers {
    steps: Vec<Step>,
    first: u32,
    last: u32,
    complete: bool,
    refused: Option<Refused>,
}

impl Answers {
    pub(crate) fn expected(steps: Vec<Step>, first: u32) -> Self {
        let others = u32::try_from(steps.len()).unwrap_or(u32::MAX).saturating_sub(1);
        Self {
            steps,
            first,
            last: first.wrapping_add(others),
            complete: false,
            refused: None,
        }
    }

    /// Reads the messages of one datagram. Answers to what was asked before are none of ours.
    pub(crate) fn read(&mut self, datagram: &[u8]) -> io::Result<()> {
        for message in messages(datagram) {
            let message = message?;
            if message.kind != NLMSG_ERROR {
                continue;
            }
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message.bytes)
                .map_err(io::Error::other)?;
            let number = message.header.sequence_number;
            let index = number.wrapping_sub(self.first) as usize;
            if let (NetlinkPayload::Error(answer), Some(step)) = (message.payload, self.steps.get(index)) {
                if let Some(source) = refusal(&answer)
                    && source.raw_os_error() != step.as_good.map(|errno| errno as i32)
                {
                    let what = step.what.clone();
                    self.refused.get_or_insert(Refused { what, source });
                }
                self.complete |= number == self.last;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::NetlinkBuffer;
    use netlink_packet_route::link::LinkMessage;

    use super::*;

    /// Steps whose messages have lengths of their own, one of them no multiple of four.
    fn steps(names: &[&str]) -> Vec<Step> {
        let message = |name: &str| {
            let mut link = LinkMessage::default();
            link.attributes = vec![netlink_packet_route::link::LinkAttribute::IfName(name.to_owned())];
            RouteNetlinkMessage::NewLink(link)
        };
        let step = |name: &&str| Step::add(format!("add {name}"), message(name));
        names.iter().map(step).collect()
    }

    /// The kernel's answer to a step: 0 or a negative error number.
    fn answer(number: u32, code: i32) -> Vec<u8> {
        let mut answer = vec![0; 36];
        let mut buffer = NetlinkBuffer::new(&mut answer);
        buffer.set_length(36);
        buffer.set_message_type(NLMSG_ERROR);
        buffer.set_sequence_number(number);
        answer[16..20].copy_from_slice(&code.to_ne_bytes());
        answer
    }

    #[test]
    fn steps_are_numbered_in_order_and_the_last_is_answered() {
        let datagram = encode(&mut steps(&["a", "bcdef", "gh"]), u32::MAX);
        let mut rest = &datagram[..];
        let mut seen = Vec::new();
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).unwrap();
            seen.push((
                message.header.sequence_number,
                message.header.flags & NLM_F_ACK != 0,
            ));
            rest = &rest[(message.header.length as usize).next_multiple_of(4)..];
        }
        assert_eq!(seen, [(u32::MAX, false), (0, false), (1, true)]);
    }

    #[test]
    fn nothing_is_known_until_the_last_is_answered() {
        let mut answers = Answers::expected(steps(&["a", "b"]), 7);
        answers.read(&answer(7, -17)).unwrap();
        assert!(!answers.complete);
        answers.read(&answer(8, 0)).unwrap();
        assert!(answers.complete);
    }

    #[test]
    fn the_first_refusal_is_told_by_its_name() {
        let mut answers = Answers::expected(steps(&["a", "b", "c"]), 7);
        let all = [answer(8, -17), answer(9, -19)].concat();
        answers.read(&all).unwrap();
        assert!(answers.complete);
        assert_eq!(
            answers.refused.unwrap().to_string(),
            "cannot add b: File exists (os error 17)"
        );
    }

    #[test]
    fn an_error_that_is_as_good_as_success_is_none() {
        for (code, refused) in [(-19, false), (-17, true), (0, false)] {
            let step = steps(&["a"]).remove(0).or(Errno::ENODEV);
            let mut answers = Answers::expected(vec![step], 7);
            answers.read(&answer(7, code)).unwrap();
            assert!(answers.complete);
            assert_eq!(answers.refused.is_some(), refused, "{code}");
        }
    }

    #[test]
    fn answers_to_earlier_questions_are_passed_over() {
        let mut answers = Answers::expected(steps(&["a"]), 7);
        answers.read(&[answer(6, -17), answer(8, 0)].concat()).unwrap();
        assert!(!answers.complete);
        assert!(answers.refused.is_none());
    }
}
