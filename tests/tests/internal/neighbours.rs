//! What whoever shares a link with a node can say and ask there: ARP, and IPv6's link-local addresses.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use podlab_kernel::netns::Netns;

use crate::frames::{Arp, EVERYBODY, Mark, arp, udp_over_ipv6};
use crate::lab::{A_WHILE, BRIDGE, DNS, Lab, POD_PORT, SOON, WEB, ask, get, hear, is_seen, udp_socket};

podlab_tests::tests![
    a_node_says_where_it_is_and_nobody_else,
    who_claims_an_address_gets_no_traffic_of_the_cluster,
    nobody_is_reached_by_link_local_addresses,
];

const ROUTER: Ipv4Addr = Ipv4Addr::new(172, 18, 0, 1);
const NOBODY: [u8; 6] = [0; 6];

fn a_node_says_where_it_is_and_nobody_else() {
    let lab = Lab::new();
    let (wire, own, to_node) = lab.attacker();
    let ((_, address), (_, node)) = (lab.outside(), lab.node());
    let answers = |asked: Ipv4Addr| {
        wire.send_arp(
            own,
            EVERYBODY,
            &arp(Arp::Request, (own, address), (NOBODY, asked)),
        );
        let answer = arp(Arp::Reply, (to_node, asked), (own, address));
        wire.find(&answer, A_WHILE).is_some()
    };
    assert!(answers(node));
    for asked in [
        BRIDGE,
        lab.pod("web").1,
        lab.name_server_pod().1,
        WEB,
        DNS,
        Ipv4Addr::LOCALHOST,
    ] {
        assert!(!answers(asked), "{asked}");
    }
    lab.open_the_node();
    assert!(
        answers(BRIDGE),
        "a host answers for all of its addresses otherwise"
    );
}

fn who_claims_an_address_gets_no_traffic_of_the_cluster() {
    let lab = Lab::new();
    let (wire, own, to_node) = lab.attacker();
    let ((client, _), (web, node)) = (lab.pod("client"), (lab.pod("web").1, lab.node().1));
    // A pod's address on a node that isn't there: nobody inside would answer.
    let elsewhere = Ipv4Addr::new(10, 244, 77, 7);
    for claimed in [web, WEB, DNS, BRIDGE, node, ROUTER, elsewhere] {
        let claim = (own, claimed);
        // To the node, and to everybody: as an answer, and as a question for oneself.
        wire.send_arp(own, to_node, &arp(Arp::Reply, claim, (to_node, node)));
        wire.send_arp(own, EVERYBODY, &arp(Arp::Reply, claim, (EVERYBODY, claimed)));
        wire.send_arp(own, EVERYBODY, &arp(Arp::Request, claim, (NOBODY, claimed)));
        wire.send_arp(own, EVERYBODY, &arp(Arp::Request, claim, (NOBODY, node)));
    }
    let answer = get(&client, (WEB, 80).into()).unwrap();
    assert!(answer.contains("\"pod\":\"web\""), "{answer}");
    let mark = Mark::new();
    for to in [(web, POD_PORT), (WEB, 80), (DNS, 53), (elsewhere, 80)] {
        for from in [&client, lab.node().0] {
            let _ = ask(from, to.into(), &mark.bytes());
        }
    }
    assert!(!is_seen(&[wire], mark));
}

/// The addresses of a namespace's devices that IPv6 gave them, but for loopback, as `/proc` has them.
fn link_local(netns: &Netns) -> Vec<(Ipv6Addr, String)> {
    let text = netns
        .visit(|| fs::read_to_string("/proc/thread-self/net/if_inet6"))
        .unwrap();
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let addresses = lines.filter(|words| words[5] != "lo").map(|words| {
        let address = u128::from_str_radix(words[0], 16).unwrap();
        (Ipv6Addr::from(address), format!("{} {}", words[5], words[4]))
    });
    addresses.collect()
}

/// Of those that a node's link to the underlay has, one that is no longer tentative.
fn of_the_node(node: &Netns) -> Option<Ipv6Addr> {
    let addresses = link_local(node).into_iter();
    let mut settled = addresses.filter(|(_, state)| state == "eth0 80");
    settled.next().map(|(address, _)| address)
}

fn nobody_is_reached_by_link_local_addresses() {
    let lab = Lab::new();
    let (wire, own, to_node) = lab.attacker();
    for pod in ["web", "client"] {
        assert_eq!(link_local(&lab.pod(pod).0), []);
    }
    let node = lab.node().0;
    let socket = udp_socket(node, (Ipv6Addr::UNSPECIFIED, 7000).into());
    let start = Instant::now();
    let address = loop {
        if let Some(address) = of_the_node(node) {
            break address;
        }
        assert!(start.elapsed() < SOON, "{:?}", link_local(node));
        sleep(Duration::from_millis(20));
    };
    let others = link_local(node).into_iter().filter(|(of, _)| *of != address);
    assert_eq!(others.collect::<Vec<_>>(), []);
    let attack = |to: Ipv6Addr| {
        let from = "fe80::bad".parse().unwrap();
        wire.send_ipv6(own, to_node, &udp_over_ipv6(from, to, 7000, b"in"));
        hear(&socket).is_ok()
    };
    let all_nodes = "ff02::1".parse().unwrap();
    assert!(!attack(address) && !attack(all_nodes));
    lab.open_the_node();
    assert!(attack(address), "a node has link-local addresses otherwise");
}
