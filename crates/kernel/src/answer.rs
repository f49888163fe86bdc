//! Reading what the kernel answers on a netlink socket.

use std::io;

use netlink_packet_core::{ErrorMessage, NetlinkBuffer};
use netlink_sys::Socket;

/// Puts the next datagram in the place of what `answer` holds, which must have room for it. Whatever wakes up a reading
/// thread for nothing, such as a machine that was suspended, is no answer.
pub(crate) fn receive(socket: &Socket, answer: &mut Vec<u8>) -> io::Result<()> {
    answer.clear();
    loop {
        match socket.recv(answer, 0) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map(drop),
        }
    }
}

/// A message of a datagram.
pub(crate) struct Message<'a> {
    /// What sort of message it is.
    pub(crate) kind: u16,
    /// From its header on; there may be others after it.
    pub(crate) bytes: &'a [u8],
}

/// The messages of a datagram. Only such as are expected should be read any further: those that read messages which
/// podlab never asks for are not made for everything.
pub(crate) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = io::Result<Message<'_>>> {
    std::iter::from_fn(move || {
        let bytes = std::mem::take(&mut datagram);
        if bytes.is_empty() {
            return None;
        }
        Some(match NetlinkBuffer::new_checked(bytes) {
            Ok(message) => {
                let length = (message.length() as usize).next_multiple_of(4);
                datagram = bytes.get(length..).unwrap_or_default();
                let kind = message.message_type();
                Ok(Message { kind, bytes })
            }
            Err(error) => Err(io::Error::other(error)),
        })
    })
}

/// Why the kernel refuses; none when it doesn't.
pub(crate) fn refusal(answer: &ErrorMessage) -> Option<io::Error> {
    let code = answer.code?.get();
    Some(io::Error::from_raw_os_error(code.saturating_neg()))
}

#[cfg(test)]
mod tests {
    #![expect(
        unsafe_code,
        reason = "a thread is interrupted by a signal, which the standard library can't send"
    )]

    use std::num::NonZeroI32;
    use std::os::unix::thread::JoinHandleExt;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
    use netlink_packet_route::RouteNetlinkMessage;
    use netlink_packet_route::link::LinkMessage;
    use netlink_sys::SocketAddr;
    use netlink_sys::protocols::NETLINK_ROUTE;
    use nix::libc;
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

    use super::*;

    extern "C" fn nothing(_: libc::c_int) {}

    #[test]
    fn any_number_may_be_an_error() {
        for (code, error) in [(0, None), (-17, Some(17)), (i32::MIN, Some(i32::MAX))] {
            let mut answer = ErrorMessage::default();
            answer.code = NonZeroI32::new(code);
            let error_of_answer = refusal(&answer).and_then(|error| error.raw_os_error());
            assert_eq!(error_of_answer, error, "{code}");
        }
    }

    #[test]
    fn who_is_woken_up_for_nothing_goes_on_waiting() {
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();
        let mut socket = Socket::new(NETLINK_ROUTE).unwrap();
        socket.bind_auto().unwrap();
        socket.connect(&SocketAddr::new(0, 0)).unwrap();
        let socket = Arc::new(socket);
        let reader = thread::spawn({
            let socket = socket.clone();
            move || {
                let mut answer = Vec::with_capacity(32 * 1024);
                receive(&socket, &mut answer).map(|()| answer.len())
            }
        });
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(20));
            // SAFETY: the thread hasn't been joined.
            let sent = unsafe { libc::pthread_kill(reader.as_pthread_t(), libc::SIGUSR1) };
            assert_eq!(sent, 0);
        }
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK;
        let mut loopback = LinkMessage::default();
        loopback.header.index = 1;
        let payload = NetlinkPayload::from(RouteNetlinkMessage::GetLink(loopback));
        let mut request = NetlinkMessage::new(header, payload);
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        socket.send(&bytes, 0).unwrap();
        assert!(reader.join().unwrap().unwrap() > 0);
    }
}
