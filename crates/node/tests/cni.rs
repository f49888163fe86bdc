//! Pod networks in the kernel: every test makes a node of its own, inside of one sandbox for all.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

use futures::future::join_all;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use podlab_kernel::netns::Netns;
use podlab_kernel::rtnl::{Rtnl, Step};
use podlab_node::cni::{CniError, NodeNetwork, PodLink, Underlay};
use tokio::runtime::Runtime;

#[path = "../../../tests/src/sandboxed.rs"]
pub mod sandboxed;

/// For what is expected to happen at once; far more than it takes.
const SOON: Duration = Duration::from_secs(5);
/// How many pods are attached at once.
const PODS: usize = 100;
/// For what is expected not to happen.
const A_WHILE: Duration = Duration::from_millis(200);

crate::tests![
    pods_that_are_attached_at_once_reach_each_other,
    the_first_packets_of_a_pod_arrive,
    the_first_packets_of_a_node_arrive,
    what_a_pod_broadcasts_is_heard_by_its_node_alone,
    pods_that_are_detached_at_once_leave_nothing,
    a_pod_that_has_no_link_any_more_is_detached_with_the_others,
    an_exhausted_range_takes_a_pod_when_another_has_left,
    a_link_that_cannot_be_added_leaves_nothing,
    hosts_of_the_underlay_reach_each_other,
];

fn main() -> ExitCode {
    sandboxed::trials(|| TESTS.iter().copied())
}

struct Lab {
    runtime: Runtime,
    network: NodeNetwork,
}

impl Lab {
    fn new(range: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let node = Netns::create().unwrap();
        let range = range.parse().unwrap();
        let network = NodeNetwork::create(node, range, range);
        let network = runtime.block_on(network).unwrap();
        Self { runtime, network }
    }

    fn attach(&self, count: usize) -> Vec<Result<PodLink, CniError>> {
        let all = (0..count).map(|_| self.network.attach());
        self.runtime.block_on(join_all(all))
    }

    fn attached(&self, count: usize) -> Vec<PodLink> {
        self.attach(count).into_iter().map(Result::unwrap).collect()
    }

    fn detach(&self, pods: &[PodLink]) -> Vec<Result<(), CniError>> {
        let all = pods.iter().map(|pod| self.network.detach(pod));
        self.runtime.block_on(join_all(all))
    }

    /// So many new pods, attached at once, hear of the node as soon as they are there, and the node of each.
    fn assert_pods_are_greeted(&self, count: usize) {
        let here = SocketAddr::from(([10, 244, 0, 1], 7));
        let node = self.network.netns().visit(|| UdpSocket::bind(here)).unwrap();
        node.set_read_timeout(Some(A_WHILE)).unwrap();
        let greet = async || {
            let pod = self.network.attach().await.unwrap();
            let there = SocketAddr::new(pod.address, 7);
            let socket = pod.netns.visit(|| UdpSocket::bind(there)).unwrap();
            socket.set_read_timeout(Some(A_WHILE)).unwrap();
            node.send_to(&[0], there).unwrap();
            socket.send_to(&[0], here).unwrap();
            (pod, socket)
        };
        let pods = self.runtime.block_on(join_all((0..count).map(|_| greet())));
        let deaf = pods.iter().filter(|(_, socket)| socket.recv(&mut [0]).is_err());
        assert_eq!(deaf.count(), 0);
        let heard = (0..count).take_while(|_| node.recv(&mut [0]).is_ok());
        assert_eq!(heard.count(), count);
    }

    /// The names of the node's devices, and the addresses of its neighbours: one of each is a pod's.
    fn seen(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let node = self.network.netns();
        (first_words(node, "dev"), first_words(node, "arp"))
    }
}

/// The first word of each line of a file that `/proc/net` has of a namespace.
fn first_words(netns: &Netns, file: &str) -> BTreeSet<String> {
    let text = netns.visit(|| fs::read_to_string(format!("/proc/thread-self/net/{file}")));
    let text = text.unwrap();
    let words = text.lines().filter_map(|line| line.split_whitespace().next());
    words.map(str::to_owned).collect()
}

fn error_of<T>(result: Result<T, CniError>) -> String {
    result.err().unwrap().to_string()
}

/// Whom a server in `to` sees when it is asked from `from`.
fn reach(from: &Netns, to: &Netns, address: SocketAddr) -> SocketAddr {
    let listener = to.visit(|| TcpListener::bind(address)).unwrap();
    let client = from.visit(|| TcpStream::connect_timeout(&address, SOON));
    let mut client = client.unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    let (server, peer) = listener.accept().unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    peer
}

fn pods_that_are_attached_at_once_reach_each_other() {
    let lab = Lab::new("10.244.0.0/24");
    let pods = lab.attached(40);
    let addresses: BTreeSet<_> = pods.iter().map(|pod| pod.address).collect();
    let expected = (2..42).map(|last| Ipv4Addr::new(10, 244, 0, last).into());
    assert_eq!(addresses, expected.collect());
    for pod in &pods {
        let socket = pod.netns.visit(|| {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.connect("10.244.0.1:9")?;
            Ok(socket)
        });
        assert_eq!(socket.unwrap().local_addr().unwrap().ip(), pod.address);
    }
    for (from, to) in pods.iter().zip(pods.iter().rev()) {
        let seen = reach(&from.netns, &to.netns, (to.address, 8080).into());
        assert_eq!(seen.ip(), from.address);
    }
}

/// One each way: a device that is up takes nothing until the kernel has looked after it.
fn the_first_packets_of_a_pod_arrive() {
    Lab::new("10.244.0.0/24").assert_pods_are_greeted(PODS);
}

/// With its first port the node's bridge comes up.
fn the_first_packets_of_a_node_arrive() {
    for _ in 0..20 {
        Lab::new("10.244.0.0/24").assert_pods_are_greeted(1);
    }
}

fn what_a_pod_broadcasts_is_heard_by_its_node_alone() {
    let lab = Lab::new("10.244.0.0/24");
    let pods = lab.attached(2);
    let socket = |netns: &Netns| {
        let socket = netns.visit(|| UdpSocket::bind("0.0.0.0:9")).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket
    };
    let (sender, other) = (socket(&pods[0].netns), socket(&pods[1].netns));
    let node = socket(lab.network.netns());
    sender.set_broadcast(true).unwrap();
    sender.send_to(b"?", "255.255.255.255:9").unwrap();
    let (_, seen) = node.recv_from(&mut [0]).unwrap();
    assert_eq!(seen.ip(), pods[0].address);
    other.set_read_timeout(Some(A_WHILE)).unwrap();
    assert!(other.recv_from(&mut [0]).is_err());
}

fn pods_that_are_detached_at_once_leave_nothing() {
    let lab = Lab::new("10.244.0.0/24");
    let before = lab.seen();
    let pods = lab.attached(20);
    assert_eq!(lab.seen().0.len(), before.0.len() + 20);
    assert_eq!(lab.seen().1.len(), before.1.len() + 20);
    assert!(lab.detach(&pods[5..]).iter().all(Result::is_ok));
    assert_eq!(lab.seen().0.len(), before.0.len() + 5);
    reach(&pods[0].netns, &pods[4].netns, (pods[4].address, 8080).into());
    assert!(lab.detach(&pods[..5]).iter().all(Result::is_ok));
    assert_eq!(lab.seen(), before);
}

fn a_pod_that_has_no_link_any_more_is_detached_with_the_others() {
    let lab = Lab::new("10.244.0.0/24");
    let before = lab.seen();
    let pods = lab.attached(3);
    let mut eth0 = LinkMessage::default();
    eth0.header.index = 2;
    let remove = Step::change("remove eth0", RouteNetlinkMessage::DelLink(eth0));
    let pod = pods[0].netns.visit(Rtnl::open).unwrap();
    pod.apply(vec![remove]).unwrap();
    for result in lab.detach(&pods) {
        result.unwrap();
    }
    assert_eq!(lab.seen(), before);
}

fn an_exhausted_range_takes_a_pod_when_another_has_left() {
    let lab = Lab::new("10.244.0.0/29");
    let pods = lab.attached(5);
    let before = lab.seen();
    let error = error_of(lab.attach(1).remove(0));
    let expected = "cannot give the pod an address: no IP addresses available in range 10.244.0.0/29";
    assert_eq!(error, expected);
    assert_eq!(lab.seen(), before);
    lab.detach(&pods[2..3]).remove(0).unwrap();
    assert_eq!(lab.attached(1)[0].address, pods[2].address);
}

fn a_link_that_cannot_be_added_leaves_nothing() {
    let lab = Lab::new("10.244.0.0/29");
    let mut taken = LinkMessage::default();
    taken.attributes = vec![
        LinkAttribute::IfName("veth16".to_owned()),
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]),
    ];
    let add = Step::add("add a link", RouteNetlinkMessage::NewLink(taken));
    let node = lab.network.netns().visit(Rtnl::open).unwrap();
    node.apply(vec![add]).unwrap();
    let before = lab.seen();
    let error = error_of(lab.attach(1).remove(0));
    assert_eq!(error, "cannot add veth veth16: File exists (os error 17)");
    assert_eq!(lab.seen(), before);
    assert_eq!(lab.attached(5).len(), 5);
}

fn hosts_of_the_underlay_reach_each_other() {
    let runtime = Runtime::new().unwrap();
    let (_underlay, node, outside) = runtime.block_on(async {
        let mut underlay = Underlay::create().await.unwrap();
        let pods = "10.244.0.0/16".parse().unwrap();
        let node = underlay.add_node("node-1", Netns::create().unwrap(), pods).await;
        let outside = underlay.add_outside().await;
        (underlay, node.unwrap(), outside.unwrap())
    });
    let address: SocketAddr = (outside.address, 80).into();
    assert_eq!(address.to_string(), "172.18.255.2:80");
    assert_eq!(reach(&node.netns, &outside.netns, address).ip(), node.address);
}
