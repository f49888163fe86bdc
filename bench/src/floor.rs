//! The kernel's own pace: what a pod's network costs when nothing is done but the system calls that it takes.
//!
//! One thread; for each pod a new namespace, one batch of messages to the node's namespace and one to the pod's. The
//! objects are those that podlab's cni makes.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoBridgePort, InfoData, InfoKind, InfoVeth, LinkMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::RouteScope;
use netlink_packet_route::{AddressFamily, route::RouteMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::sched::{CloneFlags, unshare};
use rtnetlink::{
    AddressMessageBuilder, LinkBridge, LinkBridgePort, LinkMessageBuilder, LinkUnspec, LinkVeth,
    RouteMessageBuilder,
};

const LOOPBACK: u32 = 1;
const ETH0: u32 = 2;
const BRIDGE: u32 = 3;
const FIRST_POD: u32 = 16;
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
const PREFIX: u8 = 16;

/// A node and its pods: their namespaces live as long as this.
pub(crate) struct Pods {
    _namespaces: Vec<OwnedFd>,
}

/// Makes a node out of the calling thread's namespace, and `count` pods. The thread is in the last pod's afterwards.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn build(count: u32) -> io::Result<Pods> {
    let mut node = Batch::open()?;
    node.add(RouteNetlinkMessage::NewLink(
        LinkBridge::new("cni0")
            .index(BRIDGE)
            .address(mac_of(GATEWAY).to_vec())
            .up()
            .build(),
    ));
    node.add(address(BRIDGE, GATEWAY, PREFIX));
    node.send()?;
    let mut namespaces = vec![own_namespace()?];
    for number in 0..count {
        namespaces.push(add_pod(&mut node, number)?);
    }
    Ok(Pods {
        _namespaces: namespaces,
    })
}

fn add_pod(node: &mut Batch, number: u32) -> io::Result<OwnedFd> {
    let own = Ipv4Addr::from(u32::from(GATEWAY) + 1 + number);
    let (link, mac) = (FIRST_POD + number, mac_of(own));
    unshare(CloneFlags::CLONE_NEWNET)?;
    let namespace = own_namespace()?;
    let mut pod = Batch::open()?;

    node.add(RouteNetlinkMessage::NewLink(veth(
        &format!("veth{link}"),
        link,
        &namespace,
        &mac,
    )));
    let isolated = LinkBridgePort::new(link).append_info_data(InfoBridgePort::Isolated(true));
    node.add_change(RouteNetlinkMessage::NewLink(isolated.build()));
    node.add(neighbour(BRIDGE, own, mac));
    node.send()?;

    for device in [LOOPBACK, ETH0] {
        pod.add_change(RouteNetlinkMessage::SetLink(
            LinkMessageBuilder::<LinkUnspec>::new().index(device).up().build(),
        ));
    }
    pod.add(address(ETH0, own, 32));
    pod.add(RouteNetlinkMessage::NewRoute(link_route()?));
    pod.add(neighbour(ETH0, GATEWAY, mac_of(GATEWAY)));
    pod.add(RouteNetlinkMessage::NewRoute(default_route()?));
    pod.send()?;
    Ok(namespace)
}

/// Waits until every network namespace that was let go of by now is gone, with all that was in it.
///
/// The kernel takes them down one after the other, at some later time: so one more is made and let go of, and when
/// its end of a pair of links has taken the other end with it, the ones before it are gone.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn wait_for_deletions() -> io::Result<()> {
    const NAME: &str = "last";
    let mut here = Batch::open()?;
    let last = podlab_kernel::own_thread::on_own_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        own_namespace()
    })?;
    let far = LinkMessageBuilder::<LinkUnspec>::new().setns_by_fd(last.as_raw_fd());
    let near = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
        .name(NAME)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(far.build())));
    here.add(RouteNetlinkMessage::NewLink(near.build()));
    here.send()?;
    drop(last);
    while nix::net::if_::if_nametoindex(NAME).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    Ok(())
}

fn own_namespace() -> io::Result<OwnedFd> {
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

/// Messages for one namespace, sent with one system call.
struct Batch {
    socket: Socket,
    bytes: Vec<u8>,
    count: usize,
}

impl Batch {
    /// For the calling thread's namespace.
    fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self {
            socket,
            bytes: Vec::new(),
            count: 0,
        })
    }

    fn add(&mut self, message: RouteNetlinkMessage) {
        self.push(message, NLM_F_CREATE | NLM_F_REPLACE);
    }

    fn add_change(&mut self, message: RouteNetlinkMessage) {
        self.push(message, 0);
    }

    fn push(&mut self, message: RouteNetlinkMessage, flags: u16) {
        let mut message = NetlinkMessage::from(message);
        message.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        message.finalize();
        let begin = self.bytes.len();
        self.bytes
            .resize(begin + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut self.bytes[begin..]);
        self.count += 1;
    }

    /// Sends all, and reads an answer to each.
    fn send(&mut self) -> io::Result<()> {
        self.socket.send(&self.bytes, 0)?;
        let mut answer = Vec::with_capacity(8192);
        while self.count > 0 {
            answer.clear();
            self.socket.recv(&mut answer, 0)?;
            let mut rest = &answer[..];
            while !rest.is_empty() {
                let message =
                    NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(io::Error::other)?;
                if let NetlinkPayload::Error(error) = &message.payload
                    && error.code.is_some()
                {
                    return Err(error.to_io());
                }
                self.count = self.count.saturating_sub(1);
                let length = (message.header.length as usize).next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
            }
        }
        self.bytes.clear();
        Ok(())
    }
}

fn veth(name: &str, index: u32, peer: &OwnedFd, mac: &[u8; 6]) -> LinkMessage {
    let far = LinkMessageBuilder::<LinkUnspec>::new()
        .name("eth0")
        .index(ETH0)
        .setns_by_fd(peer.as_raw_fd())
        .address(mac.to_vec());
    LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
        .name(name)
        .index(index)
        .controller(BRIDGE)
        .up()
        .set_info_data(InfoData::Veth(InfoVeth::Peer(far.build())))
        .build()
}

fn address(link: u32, address: Ipv4Addr, prefix: u8) -> RouteNetlinkMessage {
    let message = AddressMessageBuilder::<Ipv4Addr>::new()
        .index(link)
        .address(address, prefix);
    RouteNetlinkMessage::NewAddress(message.build())
}

fn link_route() -> io::Result<RouteMessage> {
    let route = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(GATEWAY.into(), 32)
        .map_err(io::Error::other)?;
    Ok(route.output_interface(ETH0).scope(RouteScope::Link).build())
}

fn default_route() -> io::Result<RouteMessage> {
    let route = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(Ipv4Addr::UNSPECIFIED.into(), 0)
        .and_then(|route| route.gateway(GATEWAY.into()))
        .map_err(io::Error::other)?;
    Ok(route.output_interface(ETH0).build())
}

fn neighbour(link: u32, address: Ipv4Addr, mac: [u8; 6]) -> RouteNetlinkMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.ifindex = link;
    message.header.state = NeighbourState::Permanent;
    message.attributes = vec![
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)),
        NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
    ];
    RouteNetlinkMessage::NewNeighbour(message)
}

/// As podlab's cni gives them.
fn mac_of(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x0a, 0x58, a, b, c, d]
}
