//! The kernel's own pace: what a pod's network costs when nothing is done but the system calls that it takes.
//!
//! One thread; for each pod a new namespace, one batch of steps in the node's namespace and one in the pod's. The steps
//! are those of podlab's cni; addresses, settings and the care for what goes wrong are not here.

use std::net::{IpAddr, Ipv4Addr};

use nix::sched::{CloneFlags, unshare};
use podlab_kernel::netns::Netns;
use podlab_kernel::rtnl::Rtnl;
use podlab_node::cni::links::{
    ETH0, LOOPBACK, add_address, add_bridge, add_default_route, add_link_route, add_veth, isolate, mac_of,
    put_neighbour, set_up,
};

use crate::Result;

const BRIDGE: u32 = 3;
const FIRST_POD: u32 = 16;
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
const PREFIX: u8 = 16;

/// A node and its pods: their namespaces live as long as this.
pub(crate) struct Pods {
    _namespaces: Vec<Netns>,
}

/// Makes a node out of the calling thread's namespace, and `count` pods. The thread is in the last pod's afterwards.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn build(count: u32) -> Result<Pods> {
    let node = Rtnl::open()?;
    let gateway = IpAddr::from(GATEWAY);
    node.apply(vec![
        add_bridge("cni0", BRIDGE, mac_of(gateway)),
        add_address(BRIDGE, gateway, PREFIX),
    ])?;
    let mut namespaces = vec![Netns::current()?];
    for number in 0..count {
        let address = IpAddr::from(Ipv4Addr::from(u32::from(GATEWAY) + 1 + number));
        let (link, mac) = (FIRST_POD + number, mac_of(address));
        unshare(CloneFlags::CLONE_NEWNET)?;
        let netns = Netns::current()?;
        node.apply(vec![
            add_veth(&format!("veth{link}"), link, BRIDGE, &netns, mac),
            isolate(link),
            put_neighbour(BRIDGE, address, mac),
        ])?;
        Rtnl::open()?.apply(vec![
            set_up(LOOPBACK),
            set_up(ETH0),
            add_address(ETH0, address, 32),
            add_link_route(ETH0, gateway),
            put_neighbour(ETH0, gateway, mac_of(gateway)),
            add_default_route(ETH0, gateway),
        ])?;
        namespaces.push(netns);
    }
    Ok(Pods {
        _namespaces: namespaces,
    })
}

/// Waits until every network namespace that was let go of by now is gone, with all that was in it.
///
/// The kernel takes them down one after the other, at some later time: so one more is made and let go of, and when
/// its end of a pair of links has taken the other end with it, the ones before it are gone.
///
/// # Errors
/// What the kernel refuses.
pub(crate) fn wait_for_deletions() -> Result<()> {
    const NAME: &str = "last";
    let here = Rtnl::open()?;
    let last = Netns::create()?;
    here.apply(vec![
        add_bridge("bridge", BRIDGE, mac_of(GATEWAY.into())),
        add_veth(NAME, FIRST_POD, BRIDGE, &last, mac_of(GATEWAY.into())),
    ])?;
    drop(last);
    while nix::net::if_::if_nametoindex(NAME).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    Ok(())
}
