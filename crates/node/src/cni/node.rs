//! A node's own part of the network: its bridge, and the links of its pods.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use podlab_kernel::conntrack::Conntrack;
use podlab_kernel::netns::Netns;
use podlab_kernel::rtnl::{Refused, Rtnl};

use super::leaving::{Leaving, OUTWARD};
use super::links::{
    ETH0, LOOPBACK, add_address, add_bridge, add_dead_end, add_default_route, add_link_route, add_veth,
    isolate, look_after, mac_of, put_neighbour, remove_links, remove_neighbour, set_up,
};
use super::sysctl::write_sysctls;
use super::{AddressPool, CniError, rules};

/// Name and index of the bridge on a node.
const BRIDGE: (&str, u32) = ("cni0", 3);
/// Index of the first pod's link on a node.
const FIRST_POD: u32 = 16;

/// A node forwards, answers for itself only, and tells nobody of a better way: every way leads through it. It
/// refuses each datagram to a service without endpoints, not one a second. Its loopback and its own addresses are nobody
/// else's, and a packet's way isn't its sender's to choose. All of it is said, because a new namespace has of IPv4 what the
/// machine has, and a machine that bears a real node lets others to its loopback. Addresses are IPv4's only.
const NODE_SYSCTLS: &[(&str, &str)] = &[
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/icmp_ratemask", "0"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    ("net/ipv4/conf/all/route_localnet", "0"),
    ("net/ipv4/conf/default/route_localnet", "0"),
    ("net/ipv4/conf/all/accept_local", "0"),
    ("net/ipv4/conf/default/accept_local", "0"),
    ("net/ipv4/conf/all/accept_source_route", "0"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    ("net/bridge/bridge-nf-call-iptables", "0"),
    ("net/bridge/bridge-nf-call-ip6tables", "0"),
];

/// What container runtimes set in a pod: low ports and ping for everybody. Nobody is reached by IPv6, but for a pod by
/// itself on its loopback.
const POD_SYSCTLS: &[(&str, &str)] = &[
    ("net/ipv6/conf/default/disable_ipv6", "1"),
    ("net/ipv4/ip_unprivileged_port_start", "0"),
    ("net/ipv4/ping_group_range", "0 0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
];

/// The pod network of one node.
pub struct NodeNetwork {
    netns: Netns,
    rtnl: Arc<Rtnl>,
    gateway: IpAddr,
    pool: Mutex<AddressPool>,
    next_link: AtomicU32,
    leaving: Leaving,
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
        let rtnl = netns
            .visit(|| {
                write_sysctls(NODE_SYSCTLS)?;
                Rtnl::open()
            })
            .map_err(CniError::because("set up a network namespace"))?;
        let pool = AddressPool::new(pod_cidr);
        let gateway = pool.gateway();
        rtnl.apply(vec![
            add_bridge(BRIDGE.0, BRIDGE.1, mac_of(gateway)),
            add_address(BRIDGE.1, gateway, pod_cidr.prefix_len()),
            add_dead_end(cluster_cidr),
        ])?;
        let ranges = [
            ("POD_CIDR", pod_cidr.to_string()),
            ("CLUSTER_CIDR", cluster_cidr.to_string()),
            ("OUTWARD", OUTWARD.to_string()),
        ];
        rules::load(
            netns.clone(),
            "masquerade.nft",
            include_str!("masquerade.nft"),
            &ranges,
        )
        .await?;
        let flows =
            Conntrack::open(&netns).map_err(CniError::because("open a socket to connection tracking"))?;
        let rtnl = Arc::new(rtnl);
        Ok(Self {
            netns,
            gateway,
            pool: Mutex::new(pool),
            next_link: AtomicU32::new(FIRST_POD),
            leaving: Leaving::new(rtnl.clone(), BRIDGE.1, flows),
            rtnl,
        })
    }

    /// The node's namespace.
    pub fn netns(&self) -> &Netns {
        &self.netns
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
        let link = self.next_link.fetch_add(1, Ordering::Relaxed);
        let (node, gateway) = (self.rtnl.clone(), self.gateway);
        let connected = Netns::create_with(move |netns| connect(&node, gateway, netns, link, address))
            .await
            .map_err(CniError::because("make a network namespace"))
            .flatten();
        if connected.is_err() {
            self.lock_pool().release(address);
        }
        connected
    }

    /// Disconnects a pod; its address can be given again. A pod that has no link any more is disconnected.
    ///
    /// # Errors
    /// [`CniError`] with what the kernel refused.
    pub async fn detach(&self, pod: &PodLink) -> Result<(), CniError> {
        self.leaving.remove(pod.link, pod.address).await?;
        self.lock_pool().release(pod.address);
        Ok(())
    }

    fn lock_pool(&self) -> MutexGuard<'_, AddressPool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects the namespace that the calling thread is in.
fn connect(
    node: &Rtnl,
    gateway: IpAddr,
    netns: Netns,
    link: u32,
    address: IpAddr,
) -> Result<PodLink, CniError> {
    write_sysctls(POD_SYSCTLS).map_err(CniError::because("set up a pod's network namespace"))?;
    let pod = Rtnl::open().map_err(CniError::because("set up a pod's network namespace"))?;
    let mac = mac_of(address);
    node.apply(vec![add_veth(
        &format!("veth{link}"),
        link,
        BRIDGE.1,
        &netns,
        mac,
    )])
    .map_err(no_port_left)?;
    let furnished = node
        .apply(vec![isolate(link), put_neighbour(BRIDGE.1, address, mac)])
        .and_then(|()| {
            pod.apply(vec![
                set_up(LOOPBACK),
                set_up(ETH0),
                add_address(ETH0, address, if address.is_ipv4() { 32 } else { 128 }),
                add_link_route(ETH0, gateway),
                put_neighbour(ETH0, gateway, mac_of(gateway)),
                add_default_route(ETH0, gateway),
            ])
        })
        .and_then(|()| node.apply(vec![look_after(link), look_after(BRIDGE.1)]));
    if let Err(refused) = furnished {
        let mut undo = remove_links([link].into_iter());
        undo.push(remove_neighbour(BRIDGE.1, address));
        // What was refused first says more than what can't be undone for it.
        let _ = node.apply(undo);
        return Err(refused.into());
    }
    Ok(PodLink { address, netns, link })
}

/// The kernel's "exchange full" means that the bridge has as many ports as it can have.
fn no_port_left(refused: Refused) -> CniError {
    if refused.source.raw_os_error() == Some(libc::EXFULL) {
        let why = "its bridge has 1,023 pods, and Linux allows no more ports";
        return CniError::because("connect the pod to its node")(why);
    }
    refused.into()
}
