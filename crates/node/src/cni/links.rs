//! The steps that a network is made of: links, addresses, routes, neighbours. What they are, not their taking.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd};

use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth, LinkAttribute,
    LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;
use podlab_kernel::netns::Netns;
use podlab_kernel::rtnl::Step;

/// The metric of a route that is taken when there is no other to the same range.
const LAST: u32 = u32::MAX;

/// Index of the loopback device in every namespace.
pub const LOOPBACK: u32 = 1;
/// Index that the first further device of a namespace is given.
pub const ETH0: u32 = 2;

/// Of all links of a namespace, those that are to be removed together are made members of this group first.
const LEAVING: u32 = 1;

/// A link comes up.
pub fn set_up(link: u32) -> Step {
    Step::change("bring up a link", RouteNetlinkMessage::SetLink(up(link)))
}

/// A bridge that is up. Its hardware address is given, because otherwise it would change with its ports. It doesn't
/// learn who listens to which multicast group: it would ask all of its ports again with each new one.
pub fn add_bridge(name: &str, index: u32, mac: [u8; 6]) -> Step {
    let mut bridge = up(index);
    let options = vec![InfoBridge::MulticastSnooping(false)];
    bridge.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Address(mac.to_vec()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            LinkInfo::Data(InfoData::Bridge(options)),
        ]),
    ];
    Step::add(format!("add bridge {name}"), RouteNetlinkMessage::NewLink(bridge))
}

/// A veth pair: `name` here, up and a port of `bridge`; `eth0` with this hardware address in `peer`, down still,
/// because the kernel takes no other for a new pair.
pub fn add_veth(name: &str, index: u32, bridge: u32, peer: &Netns, mac: [u8; 6]) -> Step {
    // The kernel makes a queue for each core, and takes all but one away, with long waits, unless it is told before.
    let queues = [LinkAttribute::NumTxQueues(1), LinkAttribute::NumRxQueues(1)];
    let mut far = LinkMessage::default();
    far.header.index = ETH0;
    far.attributes = vec![
        LinkAttribute::IfName("eth0".to_owned()),
        LinkAttribute::NetNsFd(peer.as_fd().as_raw_fd()),
        LinkAttribute::Address(mac.to_vec()),
    ];
    far.attributes.extend(queues.clone());
    let mut near = up(index);
    near.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Controller(bridge),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far))),
        ]),
    ];
    near.attributes.extend(queues);
    Step::add(format!("add veth {name}"), RouteNetlinkMessage::NewLink(near))
}

/// Has the kernel look after a device that has come up, now instead of soon: one whose other end has, or a bridge whose
/// first port has. Until it has, the device and the port of a bridge that it is take no packets.
pub fn look_after(link: u32) -> Step {
    let mut message = LinkMessage::default();
    message.header.index = link;
    message.attributes = vec![LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])];
    Step::change("look after a device", RouteNetlinkMessage::GetLink(message))
}

/// Lets a port of a bridge talk to the bridge itself only, not to other isolated ports.
pub fn isolate(port: u32) -> Step {
    let mut message = LinkMessage::default();
    message.header.index = port;
    let isolated = vec![InfoBridgePort::Isolated(true)];
    message.attributes = vec![LinkAttribute::LinkInfo(vec![
        LinkInfo::PortKind(InfoPortKind::Bridge),
        LinkInfo::PortData(InfoPortData::BridgePort(isolated)),
    ])];
    Step::change("isolate a bridge port", RouteNetlinkMessage::NewLink(message))
}

/// The steps that remove links, all at once: the kernel waits several times for every core when a link goes, as long
/// for a thousand as for one. A link that is gone is as good as removed.
pub fn remove_links(links: impl Iterator<Item = u32>) -> Vec<Step> {
    let member = |link| {
        let mut message = LinkMessage::default();
        message.header.index = link;
        message.attributes = vec![LinkAttribute::Group(LEAVING)];
        Step::change("choose a link to remove", RouteNetlinkMessage::SetLink(message)).or(Errno::ENODEV)
    };
    let mut group = LinkMessage::default();
    group.attributes = vec![LinkAttribute::Group(LEAVING)];
    let remove = Step::change("remove links", RouteNetlinkMessage::DelLink(group)).or(Errno::ENODEV);
    links.map(member).chain([remove]).collect()
}

/// An address of a link, with the prefix that is reached through it.
pub fn add_address(link: u32, address: IpAddr, prefix: u8) -> Step {
    let mut message = AddressMessage::default();
    message.header.family = family(address);
    message.header.prefix_len = prefix;
    message.header.index = link;
    message.attributes = vec![
        AddressAttribute::Address(address),
        AddressAttribute::Local(address),
    ];
    message
        .attributes
        .extend(broadcast(address, prefix).map(AddressAttribute::Broadcast));
    Step::add(
        format!("add address {address}/{prefix}"),
        RouteNetlinkMessage::NewAddress(message),
    )
}

/// A route to one neighbour that no prefix of the link covers.
pub fn add_link_route(link: u32, to: IpAddr) -> Step {
    let mut message = route_through(link, to);
    message.header.scope = RouteScope::Link;
    message.header.destination_prefix_length = if to.is_ipv4() { 32 } else { 128 };
    message
        .attributes
        .push(RouteAttribute::Destination(route_address(to)));
    Step::add(
        format!("add route to {to}"),
        RouteNetlinkMessage::NewRoute(message),
    )
}

/// The way to everything else.
pub fn add_default_route(link: u32, gateway: IpAddr) -> Step {
    let mut message = route_through(link, gateway);
    message
        .attributes
        .push(RouteAttribute::Gateway(route_address(gateway)));
    Step::add(
        format!("add default route via {gateway}"),
        RouteNetlinkMessage::NewRoute(message),
    )
}

/// Whoever is in this range and isn't found by another route is nowhere: nobody is asked further away.
pub fn add_dead_end(range: IpNet) -> Step {
    let mut message = route(range.addr());
    message.header.destination_prefix_length = range.prefix_len();
    message.header.kind = RouteType::Unreachable;
    message.attributes = vec![
        RouteAttribute::Destination(route_address(range.network())),
        RouteAttribute::Priority(LAST),
    ];
    Step::add(
        format!("add dead end {range}"),
        RouteNetlinkMessage::NewRoute(message),
    )
}

/// Says which hardware address an address has, so that nobody has to ask.
pub fn put_neighbour(link: u32, address: IpAddr, mac: [u8; 6]) -> Step {
    let mut message = neighbour(link, address);
    message.header.state = NeighbourState::Permanent;
    message
        .attributes
        .push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
    Step::put(
        format!("add neighbour {address}"),
        RouteNetlinkMessage::NewNeighbour(message),
    )
}

/// Forgets what [`put_neighbour`] said, if it did.
pub fn remove_neighbour(link: u32, address: IpAddr) -> Step {
    Step::change(
        format!("remove neighbour {address}"),
        RouteNetlinkMessage::DelNeighbour(neighbour(link, address)),
    )
    .or(Errno::ENOENT)
}

/// A locally administered hardware address that holds the last four bytes of the IP address.
pub fn mac_of(address: IpAddr) -> [u8; 6] {
    let bytes: Vec<u8> = match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    };
    let mut mac = [0x0a, 0x58, 0, 0, 0, 0];
    mac[2..].copy_from_slice(&bytes[bytes.len() - 4..]);
    mac
}

fn up(link: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = link;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message
}

fn route_through(link: u32, through: IpAddr) -> RouteMessage {
    let mut message = route(through);
    message.header.kind = RouteType::Unicast;
    message.attributes = vec![RouteAttribute::Oif(link)];
    message
}

/// One to addresses of the same family as this one.
fn route(like: IpAddr) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(like);
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message
}

fn neighbour(link: u32, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = link;
    message.attributes = vec![NeighbourAttribute::Destination(match address {
        IpAddr::V4(address) => NeighbourAddress::Inet(address),
        IpAddr::V6(address) => NeighbourAddress::Inet6(address),
    })];
    message
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    }
}

fn route_address(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(address) => RouteAddress::Inet(address),
        IpAddr::V6(address) => RouteAddress::Inet6(address),
    }
}

/// Only IPv4 has one, and only where there is room for others.
fn broadcast(address: IpAddr, prefix: u8) -> Option<Ipv4Addr> {
    match IpNet::new(address, prefix) {
        Ok(IpNet::V4(range)) if prefix < 31 => Some(range.broadcast()),
        _ => None,
    }
}
