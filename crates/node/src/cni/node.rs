//! A node's own part of the network: its bridge, and the links of its pods.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::try_join;
use ipnet::IpNet;
use podlab_kernel::netns::Netns;
use podlab_kernel::nft::Nft;

use super::links::{ETH0, LOOPBACK, Links, mac_of};
use super::{AddressPool, CniError};

/// Name and index of the bridge on a node.
const BRIDGE: (&str, u32) = ("cni0", 3);
/// Index of the first pod's link on a node.
const FIRST_POD: u32 = 16;

/// A node forwards, answers for itself only, and tells nobody of a better way: every way leads through it. It
/// refuses each datagram to a service without endpoints, not one a second.
const NODE_SYSCTLS: &[(&str, &str)] = &[
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/icmp_ratemask", "0"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/bridge/bridge-nf-call-iptables", "0"),
    ("net/bridge/bridge-nf-call-ip6tables", "0"),
];

/// What container runtimes set in a pod: low ports and ping for everybody.
const POD_SYSCTLS: &[(&str, &str)] = &[
    ("net/ipv4/ip_unprivileged_port_start", "0"),
    ("net/ipv4/ping_group_range", "0 0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
];

/// The pod network of one node.
pub struct NodeNetwork {
    links: Links,
    gateway: IpAddr,
    pool: Mutex<AddressPool>,
    next_link: AtomicU32,
}

/// A pod's connection to its node; to be given back with [`NodeNetwork::detach`].
#[derive(Debug, Clone)]
pub struct PodLink {
    /// The pod's address.
    pub address: IpAddr,
    /// The pod's network namespace.
    pub netns: Netns,
    link: u32,
}

impl NodeNetwork {
    /// Sets up the bridge and the forwarding of a node whose namespace is `netns`.
    ///
    /// `pod_cidr` is the node's own range; traffic of pods to addresses outside of `cluster_cidr` leaves with the
    /// node's address.
    ///
    /// # Errors
    /// [`CniError`] with what the kernel refused.
    pub async fn create(netns: Netns, pod_cidr: IpNet, cluster_cidr: IpNet) -> Result<Self, CniError> {
        let links = Links::open(netns.clone(), NODE_SYSCTLS)?;
        let pool = AddressPool::new(pod_cidr);
        let gateway = pool.gateway();
        links.add_bridge(BRIDGE.0, BRIDGE.1, mac_of(gateway)).await?;
        links
            .add_address(BRIDGE.1, gateway, pod_cidr.prefix_len())
            .await?;
        let rules = include_str!("masquerade.nft")
            .replace("POD_CIDR", &pod_cidr.to_string())
            .replace("CLUSTER_CIDR", &cluster_cidr.to_string());
        Nft::new(netns)
            .and_then(|nft| nft.load(&rules))
            .map_err(CniError::because("load masquerade.nft"))?;
        Ok(Self {
            links,
            gateway,
            pool: Mutex::new(pool),
            next_link: AtomicU32::new(FIRST_POD),
        })
    }

    /// The node's namespace.
    pub fn netns(&self) -> &Netns {
        self.links.netns()
    }

    /// Makes a network namespace for a pod, and connects it.
    ///
    /// # Errors
    /// [`CniError`]: no address left, or what the kernel refused; nothing is left of it then.
    pub async fn attach(&self) -> Result<PodLink, CniError> {
        let address = self
            .lock_pool()
            .take()
            .map_err(CniError::because("give the pod an address"))?;
        match self.connect(address).await {
            Ok(pod) => Ok(pod),
            Err(error) => {
                self.lock_pool().release(address);
                Err(error)
            }
        }
    }

    async fn connect(&self, address: IpAddr) -> Result<PodLink, CniError> {
        let netns = Netns::create().map_err(CniError::because("make a network namespace"))?;
        let link = self.next_link.fetch_add(1, Ordering::Relaxed);
        let mac = mac_of(address);
        let name = format!("veth{link}");
        let pod = Links::open(netns.clone(), POD_SYSCTLS)?;
        self.links.add_veth(&name, link, BRIDGE.1, &netns, mac).await?;
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        // The kernel takes the messages of one socket in order, so nobody has to wait for an answer in between.
        try_join!(
            self.links.isolate(link),
            self.links.add_neighbour(BRIDGE.1, address, mac),
            pod.set_up(LOOPBACK),
            pod.set_up(ETH0),
            pod.add_address(ETH0, address, prefix),
            pod.add_link_route(ETH0, self.gateway),
            pod.add_neighbour(ETH0, self.gateway, mac_of(self.gateway)),
            pod.add_default_route(ETH0, self.gateway),
        )?;
        Ok(PodLink { address, netns, link })
    }

    /// Disconnects a pod; its address can be given again.
    ///
    /// # Errors
    /// [`CniError`] with what the kernel refused.
    pub async fn detach(&self, pod: &PodLink) -> Result<(), CniError> {
        self.links.remove_link(pod.link).await?;
        self.lock_pool().release(pod.address);
        Ok(())
    }

    fn lock_pool(&self) -> std::sync::MutexGuard<'_, AddressPool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
