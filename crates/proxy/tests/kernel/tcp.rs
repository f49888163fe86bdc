//! TCP connections to services: who answers, whom they see, and who is refused how.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use k8s_openapi::api::networking::v1::ServiceCIDR;
use podlab_api::steps::NamespacedName;
use podlab_kernel::conntrack::{Conntrack, Protocol};
use serde_json::json;

use crate::lab::{
    A_WHILE, Lab, NODE, SOON, ask, ask_once, ask_udp, connect, connect_within, ping, udp_client, who_answers,
};

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
    who_serves_is_refused_and_served_like_others,
    a_ping_is_answered_as_by_kube_proxy,
    another_range_serves_as_well,
    ten_thousand_services_leave_nothing,
];

const WEB: &str = "10.96.0.10:80";

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

fn who_serves_is_refused_and_served_like_others() {
    let lab = Lab::new();
    let pods = [lab.server(), lab.server()];
    lab.serve("web", "10.96.0.10", "TCP", &pods.each_ref());
    lab.serve("empty", "10.96.0.11", "TCP", &[]);
    let pod = &pods[0];
    let mut counts = BTreeMap::new();
    for _ in 0..40 {
        *counts.entry(ask_once(&pod.netns, WEB).unwrap().ip()).or_insert(0) += 1;
    }
    // The other one sees it as itself, and only it itself sees the node.
    let mut seen: Vec<_> = counts.keys().map(ToString::to_string).collect();
    seen.sort();
    assert_eq!(seen, [NODE.to_owned(), pod.address.to_string()], "{counts:?}");
    for to in ["10.96.0.10:81", "10.96.0.11:80"] {
        let error = connect(&pod.netns, to).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{to}");
    }
}

/// Its nftables mode refuses all that is sent to a ClusterIP and to no port of it, pings too, and drops what is sent
/// to an address that no service has.
fn a_ping_is_answered_as_by_kube_proxy() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("web", "10.96.0.10", "TCP", &[&pod]);
    let pod_address = pod.address.to_string();
    for from in [&client.netns, &pod.netns] {
        ping(from, &pod_address).unwrap();
        assert_eq!(
            ping(from, "10.96.0.10").unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        assert_eq!(
            ping(from, "10.96.0.11").unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    }
    // What a host's own rules refuse, its kernel refuses to send.
    ping(&lab.node, &pod_address).unwrap();
    for refused in ["10.96.0.10", "10.96.0.11"] {
        let error = ping(&lab.node, refused).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }
}

fn another_range_serves_as_well() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("web", "172.20.0.10", "TCP", &[&pod]);
    let silent = || {
        connect_within(A_WHILE, &client.netns, "172.20.0.11:80")
            .unwrap_err()
            .kind()
    };
    // So says the nodes' router.
    assert_eq!(silent(), ErrorKind::NetworkUnreachable);
    for (name, cidr) in [
        ("more", "172.20.0.0/16"),
        ("inside", "172.20.0.0/24"),
        ("beside", "10.97.0.0/16"),
    ] {
        let range = json!({ "metadata": { "name": name }, "spec": { "cidrs": [cidr] } });
        lab.store
            .create(serde_json::from_value::<ServiceCIDR>(range).unwrap())
            .unwrap();
        lab.settle();
        assert_eq!(silent(), ErrorKind::TimedOut);
    }
    assert_eq!(
        ask_once(&lab.node, "172.20.0.10:80").unwrap().ip().to_string(),
        NODE
    );
    assert_eq!(
        connect(&client.netns, "172.20.0.10:81").unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    let more = NamespacedName {
        namespace: String::new(),
        name: "more".into(),
    };
    lab.store.remove::<ServiceCIDR>(&more).unwrap();
    lab.settle();
    assert_eq!(silent(), ErrorKind::TimedOut, "it is in the smaller one");
}

/// In batches, so that each is a few transactions of the kernel.
fn ten_thousand_services_leave_nothing() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    let maps = [
        "service-ips",
        "endpoints",
        "identities",
        "affinity",
        "cluster-ips",
        "hairpin",
    ];
    let name = |number: usize| format!("web-{number}");
    let address = |number: usize| format!("10.96.{}.{}", 1 + number / 250, 1 + number % 250);
    let protocol = |number: usize| if number.is_multiple_of(10) { "UDP" } else { "TCP" };
    for batch in 0..10 {
        for number in 0..1_000 {
            let affinity = if number % 50 == 1 { "ClientIP" } else { "None" };
            let annotation = if number % 50 == 2 { "RoundRobin" } else { "" };
            lab.set_service(
                &name(number),
                json!({ "podlab.dev/load-balancing": annotation }),
                json!({
                    "clusterIP": address(number),
                    "sessionAffinity": affinity,
                    "ports": [{ "port": 80, "protocol": protocol(number) }],
                }),
            );
            lab.set_endpoints(&name(number), protocol(number), &[&pod]);
        }
        lab.settle();
        for number in (0..1_000).step_by(25) {
            let to = format!("{}:80", address(number + batch));
            match protocol(number + batch) {
                "UDP" => drop(ask_udp(&udp_client(&client.netns, &to)).unwrap()),
                _ => drop(ask_once(&client.netns, &to).unwrap()),
            }
        }
        assert_eq!(lab.elements("service-ips"), 1_000);
        for number in 0..1_000 {
            lab.remove_service(&name(number));
            lab.remove_endpoints(&name(number));
        }
        lab.settle();
        assert_eq!(maps.map(|map| lab.elements(map)), [0; 6]);
        let flows = Conntrack::open(&lab.node).unwrap().flows().unwrap();
        let udp = flows.iter().filter(|flow| flow.protocol == Protocol::Udp);
        assert_eq!(
            udp.count(),
            0,
            "the rest are closed TCP connections, which time out"
        );
    }
    let chains = lab.nft().list(&["list", "chains"]).unwrap();
    let picks: Vec<_> = chains.lines().filter(|line| line.contains("pick-")).collect();
    assert_eq!(picks.len(), 2, "those that services share: {picks:?}");
}
