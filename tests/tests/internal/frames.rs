//! Frames as whoever is root on a host can make them, and what passes by a device.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use podlab_kernel::netns::Netns;

pub(crate) type Mac = [u8; 6];

/// Who is meant are all on a link.
pub(crate) const EVERYBODY: Mac = [0xff; 6];

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Bytes that no other packet has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark([u8; 12]);

impl Mark {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0x5eed_0000_0000_0001);
        let mut mark = *b"mark........";
        mark[4..].copy_from_slice(&NEXT.fetch_add(0x0001_0001_0001, Ordering::Relaxed).to_be_bytes());
        Self(mark)
    }

    pub(crate) fn bytes(self) -> [u8; 12] {
        self.0
    }
}

/// A UDP datagram, and the first packet of a TCP connection, both with this mark.
pub(crate) fn datagram_and_syn(from: SocketAddr, to: SocketAddr, options: &[u8], mark: Mark) -> [Vec<u8>; 2] {
    [udp(from, to, options, &mark.0), syn(from, to, options, &mark.0)]
}

/// An IPv4 packet with a UDP datagram.
pub(crate) fn udp(from: SocketAddr, to: SocketAddr, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut segment = [from.port(), to.port(), length, 0].map(u16::to_be_bytes).concat();
    segment.extend(payload);
    ipv4(
        v4(from),
        v4(to),
        options,
        UDP,
        with_checksum(segment, v4(from), v4(to), UDP, 6),
    )
}

fn syn(from: SocketAddr, to: SocketAddr, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut segment = [from.port(), to.port()].map(u16::to_be_bytes).concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ipv4(
        v4(from),
        v4(to),
        options,
        TCP,
        with_checksum(segment, v4(from), v4(to), TCP, 16),
    )
}

/// An ICMP echo, or the answer to one.
pub(crate) fn ping(from: Ipv4Addr, to: Ipv4Addr, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0x70, 0x0d, 0, 1];
    message.extend(payload);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum);
    ipv4(from, to, &[], 1, message)
}

/// Loose or strict source routing (RFC 791): after its destination, a packet is to go there.
pub(crate) fn source_route(kind: u8, then: Ipv4Addr) -> Vec<u8> {
    let mut option = vec![kind, 7, 4];
    option.extend(then.octets());
    option.push(0);
    option
}

/// A datagram over IPv6.
pub(crate) fn udp_over_ipv6(from: Ipv6Addr, to: Ipv6Addr, port: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut segment = [4000, port, length, 0].map(u16::to_be_bytes).concat();
    segment.extend(payload);
    let mut pseudo = [from.octets(), to.octets()].concat();
    pseudo.extend(u32::from(length).to_be_bytes());
    pseudo.extend([0, 0, 0, UDP]);
    pseudo.extend(&segment);
    let sum = checksum(&pseudo);
    segment[6..8].copy_from_slice(&sum);
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([UDP, 64]);
    packet.extend([from.octets(), to.octets()].concat());
    packet.extend(segment);
    packet
}

/// ARP's two kinds of messages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arp {
    Request = 1,
    Reply = 2,
}

/// An ARP message: `sender` says that it has an address, and asks or tells `target`.
pub(crate) fn arp(kind: Arp, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut message = vec![0, 1, 8, 0, 6, 4, 0, kind as u8];
    for (mac, address) in [sender, target] {
        message.extend(mac);
        message.extend(address.octets());
    }
    message
}

fn v4(address: SocketAddr) -> Ipv4Addr {
    match address {
        SocketAddr::V4(address) => *address.ip(),
        SocketAddr::V6(_) => panic!("an IPv4 address"),
    }
}

fn ipv4(from: Ipv4Addr, to: Ipv4Addr, options: &[u8], protocol: u8, payload: Vec<u8>) -> Vec<u8> {
    assert_eq!(options.len() % 4, 0);
    let header = 20 + options.len();
    let mut packet = vec![0x40 | u8::try_from(header / 4).unwrap(), 0];
    packet.extend(u16::try_from(header + payload.len()).unwrap().to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    packet.extend([from.octets(), to.octets()].concat());
    packet.extend(options);
    let sum = checksum(&packet);
    packet[10..12].copy_from_slice(&sum);
    packet.extend(payload);
    packet
}

fn with_checksum(mut segment: Vec<u8>, from: Ipv4Addr, to: Ipv4Addr, protocol: u8, at: usize) -> Vec<u8> {
    let mut pseudo = [from.octets(), to.octets()].concat();
    pseudo.extend([0, protocol]);
    pseudo.extend(u16::try_from(segment.len()).unwrap().to_be_bytes());
    pseudo.extend(&segment);
    let sum = checksum(&pseudo);
    segment[at..at + 2].copy_from_slice(&sum);
    segment
}

fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

/// A socket that sends and sees whole frames, in one namespace.
pub(crate) struct Wire {
    socket: OwnedFd,
    eth0: Option<LinkAddr>,
}

impl Wire {
    /// All that passes by the devices of a namespace from now on.
    pub(crate) fn tap(netns: &Netns) -> Self {
        let (socket, eth0) = netns
            .visit(|| {
                let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
                let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)?;
                let mut devices = getifaddrs()?.filter(|device| device.interface_name == "eth0");
                let eth0 = devices.find_map(|device| device.address?.as_link_addr().copied());
                Ok((socket, eth0))
            })
            .unwrap();
        Self { socket, eth0 }
    }

    /// Sends an IPv4 packet.
    pub(crate) fn send_ipv4(&self, from: Mac, to: Mac, packet: &[u8]) {
        self.send(from, to, IPV4, packet);
    }

    pub(crate) fn send_ipv6(&self, from: Mac, to: Mac, packet: &[u8]) {
        self.send(from, to, IPV6, packet);
    }

    pub(crate) fn send_arp(&self, from: Mac, to: Mac, message: &[u8]) {
        self.send(from, to, ARP, message);
    }

    fn send(&self, from: Mac, to: Mac, kind: u16, payload: &[u8]) {
        let frame = [&to[..], &from[..], &kind.to_be_bytes(), payload].concat();
        let eth0 = self.eth0.as_ref().expect("a device eth0");
        let sent = sendto(self.socket.as_raw_fd(), &frame, eth0, MsgFlags::empty()).unwrap();
        assert_eq!(sent, frame.len());
    }

    /// The first frame that has these bytes in it, of those that come in some time.
    pub(crate) fn find(&self, bytes: &[u8], within: Duration) -> Option<Vec<u8>> {
        let start = Instant::now();
        let mut frame = vec![0; 2048];
        loop {
            match recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::empty()) {
                Ok(length) => {
                    let frame = &frame[..length];
                    if frame.windows(bytes.len()).any(|window| window == bytes) {
                        return Some(frame.to_vec());
                    }
                }
                Err(Errno::EAGAIN | Errno::EINTR) if start.elapsed() < within => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(Errno::EAGAIN) => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
