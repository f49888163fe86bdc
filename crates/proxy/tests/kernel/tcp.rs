//! TCP connections to services: who answers, whom they see, and who is refused how.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use podlab_kernel::conntrack::{Conntrack, Protocol, Tuple};
use podlab_kernel::netns::Netns;

use crate::lab::{A_WHILE, Lab, NODE, SOON, ask, ask_once, connect, connect_within};

crate::tests![
    connections_spread_over_the_endpoints,
    a_pod_is_seen_as_itself,
    a_pod_that_reaches_itself_is_seen_as_the_node,
    the_node_reaches_services,
    what_is_not_served_is_refused_at_once,
    an_address_of_no_service_is_silent,
    an_endpoint_that_goes_keeps_its_connections,
    no_connection_fails_while_endpoints_come_and_go,
    a_cluster_ip_can_go_to_another_service,
];

const WEB: &str = "10.96.0.10:80";

/// Which pod answers a new connection.
fn who_answers(lab: &Lab, from: &Netns, to: &str) -> IpAddr {
    let stream = connect(from, to).unwrap();
    let original = Tuple {
        source: stream.local_addr().unwrap(),
        destination: stream.peer_addr().unwrap(),
    };
    let conntrack = Conntrack::open(&lab.node).unwrap();
    let flow = conntrack.get(Protocol::Tcp, &original).unwrap().unwrap();
    flow.reply.source.ip()
}

fn connections_spread_over_the_endpoints() {
    let lab = Lab::new();
    let (client, pods) = (lab.client(), [lab.server(), lab.server(), lab.server()]);
    lab.serve("web", "10.96.0.10", "TCP", &pods.each_ref());
    let mut counts = BTreeMap::new();
    for _ in 0..90 {
        *counts.entry(who_answers(&lab, &client.netns, WEB)).or_insert(0) += 1;
    }
    // That one of three gets fewer than 10 of 90 by chance happens once in a million runs.
    assert_eq!(counts.len(), 3, "{counts:?}");
    assert!(counts.values().all(|count| *count >= 10), "{counts:?}");
}

fn a_pod_is_seen_as_itself() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("web", "10.96.0.10", "TCP", &[&pod]);
    assert_eq!(ask_once(&client.netns, WEB).unwrap().ip(), client.address);
}

fn a_pod_that_reaches_itself_is_seen_as_the_node() {
    let lab = Lab::new();
    let pod = lab.server();
    lab.serve("web", "10.96.0.10", "TCP", &[&pod]);
    assert_eq!(ask_once(&pod.netns, WEB).unwrap().ip().to_string(), NODE);
}

fn the_node_reaches_services() {
    let lab = Lab::new();
    let pod = lab.server();
    lab.serve("web", "10.96.0.10", "TCP", &[&pod]);
    assert_eq!(ask_once(&lab.node, WEB).unwrap().ip().to_string(), NODE);
}

fn what_is_not_served_is_refused_at_once() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("web", "10.96.0.10", "TCP", &[&pod]);
    lab.serve("empty", "10.96.0.11", "TCP", &[]);
    for from in [&client.netns, &lab.node] {
        for to in ["10.96.0.10:81", "10.96.0.11:80"] {
            let start = Instant::now();
            // More than the ICMP errors that the kernel sends to one host in a row.
            for _ in 0..20 {
                assert_eq!(
                    connect(from, to).unwrap_err().kind(),
                    ErrorKind::ConnectionRefused,
                    "{to}"
                );
            }
            assert!(
                start.elapsed() < Duration::from_millis(500),
                "{to}: {:?}",
                start.elapsed()
            );
        }
    }
}

fn an_address_of_no_service_is_silent() {
    let lab = Lab::new();
    let client = lab.client();
    lab.serve("gone", "10.96.0.10", "TCP", &[]);
    lab.remove_service("gone");
    lab.settle();
    for from in [&client.netns, &lab.node] {
        let error = connect_within(A_WHILE, from, WEB).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}

fn an_endpoint_that_goes_keeps_its_connections() {
    let lab = Lab::new();
    let (client, old, new) = (lab.client(), lab.server(), lab.server());
    lab.serve("web", "10.96.0.10", "TCP", &[&old]);
    let mut stream = connect(&client.netns, WEB).unwrap();
    ask(&mut stream).unwrap();
    lab.set_endpoints("web", "TCP", &[&new]);
    lab.settle();
    assert_eq!(who_answers(&lab, &client.netns, WEB), new.address);
    assert_eq!(ask(&mut stream).unwrap().ip(), client.address);
    lab.remove_service("web");
    lab.settle();
    assert_eq!(ask(&mut stream).unwrap().ip(), client.address);
}

fn no_connection_fails_while_endpoints_come_and_go() {
    let lab = Lab::new();
    let (client, pods) = (lab.client(), [lab.server(), lab.server(), lab.server()]);
    let [a, b, c] = pods.each_ref();
    lab.serve("web", "10.96.0.10", "TCP", &[a]);
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| {
            for endpoints in [&[a, b, c][..], &[b, c], &[c], &[a, c], &[c, b, a], &[b]].repeat(5) {
                lab.set_endpoints("web", "TCP", endpoints);
                lab.settle();
            }
        });
        let start = Instant::now();
        while !changes.is_finished() {
            ask_once(&client.netns, WEB).unwrap();
            assert!(start.elapsed() < SOON);
        }
    });
}

fn a_cluster_ip_can_go_to_another_service() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("first", "10.96.0.10", "TCP", &[]);
    lab.remove_service("first");
    lab.serve("second", "10.96.0.10", "TCP", &[&pod]);
    ask_once(&client.netns, WEB).unwrap();
}
