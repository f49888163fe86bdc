//! The network that nodes are connected to, and the host on it that is no part of the cluster.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use podlab_kernel::netns::Netns;
use podlab_kernel::rtnl::Rtnl;

use super::links::{
    ETH0, LOOPBACK, add_address, add_bridge, add_default_route, add_veth, look_after, mac_of, set_up,
};
use super::sysctl::write_sysctls;
use super::{CniError, rules};

/// Name and index of the bridge that the underlay consists of.
const BRIDGE: (&str, u32) = ("underlay", 2);
/// The first two bytes of every underlay address; the range is a /16.
const NETWORK: [u8; 2] = [172, 18];
const PREFIX: u8 = 16;
/// The bridge's own address.
const ROUTER: IpAddr = address(0, 1);

/// A router that tells everybody whom it can't reach, each time: the kernel would say so once a second only, and
/// those who asked in between would wait in vain.
const ROUTER_SYSCTLS: &[(&str, &str)] = &[("net/ipv4/ip_forward", "1"), ("net/ipv4/icmp_ratemask", "0")];

/// The nodes' network: a bridge in a namespace of its own, which is also its router.
///
/// The router knows nothing of pods and services, as the routers around a real cluster don't: it answers
/// `network unreachable` for them.
pub struct Underlay {
    rtnl: Rtnl,
    hosts: u8,
}

/// A host on the underlay.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address on the underlay.
    pub address: IpAddr,
    /// Its network namespace.
    pub netns: Netns,
}

impl Underlay {
    /// An underlay without hosts.
    ///
    /// # Errors
    /// [`CniError`] with what the kernel refused.
    pub async fn create() -> Result<Self, CniError> {
        let rtnl = Netns::create_with(|_| {
            write_sysctls(ROUTER_SYSCTLS)?;
            Rtnl::open()
        })
        .await
        .flatten()
        .map_err(CniError::because("make the underlay's network namespace"))?;
        rtnl.apply(vec![
            set_up(LOOPBACK),
            add_bridge(BRIDGE.0, BRIDGE.1, mac_of(ROUTER)),
            add_address(BRIDGE.1, ROUTER, PREFIX),
        ])?;
        Ok(Self { rtnl, hosts: 0 })
    }

    /// Connects a node: addresses from 172.18.0.2 on. It takes what is for itself, and nothing that comes from pods,
    /// whose addresses are of `cluster_cidr`.
    ///
    /// # Errors
    /// [`CniError`] with what the kernel refused.
    pub async fn add_node(
        &mut self,
        name: &str,
        netns: Netns,
        cluster_cidr: IpNet,
    ) -> Result<Host, CniError> {
        let number = self.hosts + 2;
        let node = self.connect(name, address(0, number), netns)?;
        let values = [
            ("CLUSTER_CIDR", cluster_cidr.to_string()),
            ("NODE_ADDRESS", node.address.to_string()),
        ];
        let rules = include_str!("underlay.nft");
        rules::load(node.netns.clone(), "underlay.nft", rules, &values).await?;
        Ok(node)
    }

    /// Connects a host that is no node, far from the nodes' addresses: 172.18.255.2.
    ///
    /// # Errors
    /// [`CniError`] with what the kernel refused.
    pub async fn add_outside(&mut self) -> Result<Host, CniError> {
        let netns = Netns::create().map_err(CniError::because("make a network namespace"))?;
        self.connect("outside", address(255, 2), netns)
    }

    fn connect(&mut self, name: &str, address: IpAddr, netns: Netns) -> Result<Host, CniError> {
        self.hosts += 1;
        let link = BRIDGE.1 + u32::from(self.hosts);
        self.rtnl
            .apply(vec![add_veth(name, link, BRIDGE.1, &netns, mac_of(address))])?;
        let host = netns
            .visit(Rtnl::open)
            .map_err(CniError::because("set up a host's network namespace"))?;
        host.apply(vec![
            set_up(LOOPBACK),
            set_up(ETH0),
            add_address(ETH0, address, PREFIX),
            add_default_route(ETH0, ROUTER),
        ])?;
        self.rtnl.apply(vec![look_after(link), look_after(BRIDGE.1)])?;
        Ok(Host {
            name: name.to_owned(),
            address,
            netns,
        })
    }
}

const fn address(third: u8, fourth: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(NETWORK[0], NETWORK[1], third, fourth))
}
