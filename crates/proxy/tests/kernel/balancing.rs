//! Which endpoint a connection goes to: at random, in turn, the one as before, or only this node's.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::thread::sleep;
use std::time::Duration;

use podlab_kernel::conntrack::Conntrack;
use podlab_kernel::netns::Netns;
use podlab_node::cni::PodLink;
use serde_json::{Value, json};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use crate::lab::{
    A_WHILE, Lab, NODE_NAME, POD_PORT, ask, ask_once, ask_udp, connect, connect_within, udp_client,
    who_answers,
};

crate::tests![
    connections_take_turns,
    nodes_and_pods_share_the_turns,
    a_client_stays_with_its_endpoint,
    each_client_and_each_port_has_an_endpoint_of_its_own,
    udp_clients_stay,
    a_client_moves_on_when_its_endpoint_goes,
    a_client_is_forgotten_after_its_time,
    each_connection_begins_the_time_anew,
    affinity_can_be_switched_off_and_leaves_nothing,
    affinity_and_turns_go_together,
    local_traffic_stays_on_the_node_or_is_dropped,
    hints_for_this_zone_are_followed,
    connections_stay_when_endpoints_are_added,
    terminating_endpoints_serve_when_no_other_does,
    local_terminating_endpoints_serve_when_no_other_does,
    slices_by_hand_can_have_a_port_each,
    slices_by_hand_can_have_an_address_each,
    slices_by_hand_can_lead_out_of_the_cluster,
    a_random_pick_is_an_even_one,
];

const WEB: &str = "10.96.0.10:80";

fn turns() -> Value {
    json!({ "podlab.dev/load-balancing": "RoundRobin" })
}

fn affinity(seconds: u32) -> Value {
    json!({
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": { "clientIP": { "timeoutSeconds": seconds } },
    })
}

fn answers(lab: &Lab, from: &Netns, times: usize) -> Vec<IpAddr> {
    (0..times).map(|_| who_answers(lab, from, WEB)).collect()
}

fn connections_take_turns() {
    let lab = Lab::new();
    let (client, pods) = (lab.client(), [lab.server(), lab.server(), lab.server()]);
    lab.set_service("web", turns(), json!({}));
    lab.set_endpoints("web", "TCP", &pods.each_ref());
    lab.settle();
    let answers = answers(&lab, &client.netns, 12);
    for (first, later) in answers.iter().zip(&answers[3..]) {
        assert_eq!(first, later, "{answers:?}");
    }
    let mut each = answers[..3].to_vec();
    each.sort();
    assert_eq!(each, pods.map(|pod| pod.address));
}

fn nodes_and_pods_share_the_turns() {
    let lab = Lab::new();
    let (client, pods) = (lab.client(), [lab.server(), lab.server()]);
    lab.set_service("web", turns(), json!({}));
    lab.set_endpoints("web", "TCP", &pods.each_ref());
    lab.settle();
    for _ in 0..5 {
        let pair = [
            who_answers(&lab, &client.netns, WEB),
            who_answers(&lab, &lab.node, WEB),
        ];
        assert_ne!(pair[0], pair[1]);
    }
}

fn a_client_stays_with_its_endpoint() {
    let lab = Lab::new();
    let (client, pods) = (
        lab.client(),
        [lab.server(), lab.server(), lab.server(), lab.server()],
    );
    let [a, b, c, d] = pods.each_ref();
    lab.set_service("web", json!({}), affinity(60));
    lab.set_endpoints("web", "TCP", &[a, b, c]);
    lab.settle();
    let mine = who_answers(&lab, &client.netns, WEB);
    let others: Vec<_> = pods.iter().filter(|pod| pod.address != mine).collect();
    // By chance alone, one in 3^20.
    assert_eq!(answers(&lab, &client.netns, 20), [mine; 20]);
    let stays = pods.iter().find(|pod| pod.address == mine).unwrap();
    for endpoints in [
        &[a, b, c, d][..],
        &[stays, others[0]],
        &[stays],
        &[others[1], stays],
    ] {
        lab.set_endpoints("web", "TCP", endpoints);
        lab.settle();
        assert_eq!(answers(&lab, &client.netns, 10), [mine; 10]);
    }
}

fn each_client_and_each_port_has_an_endpoint_of_its_own() {
    let lab = Lab::new();
    let pods = [lab.server(), lab.server(), lab.server()];
    lab.set_service("web", json!({}), affinity(60));
    lab.set_endpoints("web", "TCP", &pods.each_ref());
    lab.settle();
    let clients: Vec<_> = (0..20).map(|_| lab.client()).collect();
    let chosen: Vec<_> = clients
        .iter()
        .map(|client| who_answers(&lab, &client.netns, WEB))
        .collect();
    let again: Vec<_> = clients
        .iter()
        .map(|client| who_answers(&lab, &client.netns, WEB))
        .collect();
    assert_eq!(chosen, again);
    let counts = counts(&chosen);
    assert!(counts.len() > 1, "{counts:?}");
    assert_eq!(lab.elements("affinity"), 20);
}

fn udp_clients_stay() {
    let lab = Lab::new();
    let (client, pods) = (lab.client(), [lab.server(), lab.server(), lab.server()]);
    let mut spec = affinity(60);
    spec["ports"] = json!([{ "port": 80, "protocol": "UDP" }]);
    lab.set_service("web", json!({}), spec);
    lab.set_endpoints("web", "UDP", &pods.each_ref());
    lab.settle();
    let answer = || ask_udp(&udp_client(&client.netns, WEB)).unwrap().pod;
    let mine = answer();
    assert!((0..20).all(|_| answer() == mine));
}

fn a_client_moves_on_when_its_endpoint_goes() {
    let lab = Lab::new();
    let (client, pods) = (lab.client(), [lab.server(), lab.server(), lab.server()]);
    lab.set_service("web", json!({}), affinity(60));
    lab.set_endpoints("web", "TCP", &pods.each_ref());
    lab.settle();
    let first = who_answers(&lab, &client.netns, WEB);
    let left: Vec<_> = pods.iter().filter(|pod| pod.address != first).collect();
    lab.set_endpoints("web", "TCP", &left);
    lab.settle();
    let second = who_answers(&lab, &client.netns, WEB);
    assert_ne!(second, first);
    assert_eq!(answers(&lab, &client.netns, 20), [second; 20]);
    // The first one comes back: the client has moved, and stays where it is.
    lab.set_endpoints("web", "TCP", &pods.each_ref());
    lab.settle();
    assert_eq!(answers(&lab, &client.netns, 20), [second; 20]);
}

/// Whom a client gets that stays for a second, each time after a pause.
fn answers_with_pauses(pause: Duration) -> BTreeMap<IpAddr, usize> {
    let lab = Lab::new();
    let pods: Vec<PodLink> = (0..8).map(|_| lab.server()).collect();
    lab.set_service("web", json!({}), affinity(1));
    lab.set_endpoints("web", "TCP", &pods.iter().collect::<Vec<_>>());
    lab.settle();
    let client = lab.client();
    let answers: Vec<_> = (0..6)
        .map(|_| {
            sleep(pause);
            who_answers(&lab, &client.netns, WEB)
        })
        .collect();
    counts(&answers)
}

fn counts(answers: &[IpAddr]) -> BTreeMap<IpAddr, usize> {
    answers.iter().fold(BTreeMap::new(), |mut counts, pod| {
        *counts.entry(*pod).or_default() += 1;
        counts
    })
}

fn a_client_is_forgotten_after_its_time() {
    // Six times the same of eight by chance: one in 30,000.
    let counts = answers_with_pauses(Duration::from_millis(1300));
    assert!(counts.len() > 1, "{counts:?}");
}

/// Three seconds and more after the first connection, and never a whole one after the last.
fn each_connection_begins_the_time_anew() {
    let counts = answers_with_pauses(Duration::from_millis(600));
    assert_eq!(counts.len(), 1, "{counts:?}");
}

fn affinity_can_be_switched_off_and_leaves_nothing() {
    let lab = Lab::new();
    let (client, pods) = (lab.client(), [lab.server(), lab.server(), lab.server()]);
    lab.set_service("web", json!({}), affinity(60));
    lab.set_endpoints("web", "TCP", &pods.each_ref());
    lab.settle();
    let first = who_answers(&lab, &client.netns, WEB);
    assert_eq!(lab.elements("affinity"), 1);
    lab.set_service("web", json!({}), json!({}));
    lab.settle();
    let answers = answers(&lab, &client.netns, 40);
    assert!(answers.iter().any(|pod| *pod != first), "{answers:?}");
    assert_eq!((lab.elements("affinity"), lab.elements("identities")), (0, 0));
    lab.set_service("web", json!({}), affinity(60));
    lab.settle();
    ask_once(&client.netns, WEB).unwrap();
    lab.remove_service("web");
    lab.settle();
    assert_eq!((lab.elements("affinity"), lab.elements("identities")), (0, 0));
}

fn affinity_and_turns_go_together() {
    let lab = Lab::new();
    let pods = [lab.server(), lab.server(), lab.server()];
    lab.set_service("web", turns(), affinity(60));
    lab.set_endpoints("web", "TCP", &pods.each_ref());
    lab.settle();
    let clients = [lab.client(), lab.client(), lab.client()];
    let mut chosen = clients
        .each_ref()
        .map(|client| who_answers(&lab, &client.netns, WEB));
    let again = clients
        .each_ref()
        .map(|client| who_answers(&lab, &client.netns, WEB));
    assert_eq!(chosen, again);
    chosen.sort();
    assert_eq!(chosen, pods.map(|pod| pod.address));
}

fn local_traffic_stays_on_the_node_or_is_dropped() {
    let lab = Lab::new();
    let (client, here, there) = (lab.client(), lab.server(), lab.server());
    lab.set_service("agent", json!({}), json!({ "internalTrafficPolicy": "Local" }));
    let on = |pod: &PodLink, node: &str| json!({ "addresses": [pod.address], "nodeName": node });
    lab.set_slice(
        "agent",
        "TCP",
        json!([on(&here, NODE_NAME), on(&there, "another")]),
    );
    lab.settle();
    assert_eq!(answers(&lab, &client.netns, 20), [here.address; 20]);
    lab.set_slice("agent", "TCP", json!([on(&there, "another")]));
    lab.settle();
    for from in [&client.netns, &lab.node] {
        let error = connect_within(A_WHILE, from, WEB).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    lab.set_slice("agent", "TCP", json!([]));
    lab.settle();
    assert_eq!(
        connect(&client.netns, WEB).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

fn hints_for_this_zone_are_followed() {
    let lab = Lab::new();
    let (client, here, there) = (lab.client(), lab.server(), lab.server());
    lab.set_service("web", json!({}), json!({}));
    let in_zone = |pod: &PodLink, zone: &str| json!({ "addresses": [pod.address], "hints": { "forZones": [{ "name": zone }] } });
    lab.set_slice("web", "TCP", json!([in_zone(&here, "a"), in_zone(&there, "b")]));
    lab.settle();
    // By chance alone, one in a million.
    assert_eq!(
        counts(&answers(&lab, &client.netns, 21)).len(),
        2,
        "the node is in no zone"
    );
    lab.set_zone("a");
    lab.settle();
    assert_eq!(answers(&lab, &client.netns, 20), [here.address; 20]);
}

fn connections_stay_when_endpoints_are_added() {
    let lab = Lab::new();
    let (client, old, new) = (lab.client(), lab.server(), lab.server());
    lab.serve("web", "10.96.0.10", "TCP", &[&old]);
    let mut streams: Vec<_> = (0..10).map(|_| connect(&client.netns, WEB).unwrap()).collect();
    lab.set_endpoints("web", "TCP", &[&new, &old]);
    lab.settle();
    for stream in &mut streams {
        assert_eq!(ask(stream).unwrap(), stream.local_addr().unwrap());
    }
    assert_eq!(counts(&answers(&lab, &client.netns, 30)).len(), 2);
}

fn terminating(pod: &PodLink, node: &str) -> Value {
    let conditions = json!({ "ready": false, "serving": true, "terminating": true });
    json!({ "addresses": [pod.address], "nodeName": node, "conditions": conditions })
}

fn terminating_endpoints_serve_when_no_other_does() {
    let lab = Lab::new();
    let (client, leaves, ready) = (lab.client(), lab.server(), lab.server());
    lab.set_service("web", json!({}), json!({}));
    lab.set_slice(
        "web",
        "TCP",
        json!([terminating(&leaves, NODE_NAME), { "addresses": [ready.address] }]),
    );
    lab.settle();
    assert_eq!(answers(&lab, &client.netns, 20), [ready.address; 20]);
    lab.set_slice("web", "TCP", json!([terminating(&leaves, "another")]));
    lab.settle();
    assert_eq!(answers(&lab, &client.netns, 5), [leaves.address; 5]);
}

fn local_terminating_endpoints_serve_when_no_other_does() {
    let lab = Lab::new();
    let (client, here, there) = (lab.client(), lab.server(), lab.server());
    lab.set_service("web", json!({}), json!({ "internalTrafficPolicy": "Local" }));
    let ready_elsewhere = json!({ "addresses": [there.address], "nodeName": "another" });
    lab.set_slice(
        "web",
        "TCP",
        json!([terminating(&here, NODE_NAME), ready_elsewhere]),
    );
    lab.settle();
    assert_eq!(answers(&lab, &client.netns, 10), [here.address; 10]);
    lab.set_slice("web", "TCP", json!([terminating(&here, "another")]));
    lab.settle();
    let error = connect_within(A_WHILE, &client.netns, WEB).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

fn two_ports() -> Value {
    json!({ "ports": [{ "name": "port80", "port": 80 }, { "name": "port81", "port": 81 }] })
}

fn slices_by_hand_can_have_a_port_each() {
    let lab = Lab::new();
    let (client, first, second) = (lab.client(), lab.server(), lab.server());
    lab.set_service("web", json!({}), two_ports());
    for (slice, pod) in [("port80", &first), ("port81", &second)] {
        let ports = json!([{ "name": slice, "port": POD_PORT, "protocol": "TCP" }]);
        lab.set_named_slice(slice, "web", ports, json!([{ "addresses": [pod.address] }]));
    }
    lab.settle();
    assert_eq!(who_answers(&lab, &client.netns, WEB), first.address);
    assert_eq!(who_answers(&lab, &client.netns, "10.96.0.10:81"), second.address);
}

fn slices_by_hand_can_have_an_address_each() {
    let lab = Lab::new();
    let (client, pods) = (lab.client(), [lab.server(), lab.server()]);
    lab.set_service("web", json!({}), two_ports());
    for (slice, pod) in [("first", &pods[0]), ("second", &pods[1])] {
        let port = |name: &str| json!({ "name": name, "port": POD_PORT, "protocol": "TCP" });
        let endpoints = json!([{ "addresses": [pod.address] }]);
        lab.set_named_slice(slice, "web", json!([port("port80"), port("port81")]), endpoints);
    }
    lab.settle();
    for to in [WEB, "10.96.0.10:81"] {
        let answers: Vec<_> = (0..30).map(|_| who_answers(&lab, &client.netns, to)).collect();
        assert_eq!(counts(&answers).len(), 2);
    }
}

/// A host there knows no way back to a pod, so it is the node that it sees.
fn slices_by_hand_can_lead_out_of_the_cluster() {
    let mut lab = Lab::new();
    let (client, outside) = (lab.client(), lab.outside());
    lab.set_service("database", json!({}), json!({}));
    lab.set_slice("database", "TCP", json!([{ "addresses": [outside.address] }]));
    lab.settle();
    for from in [&client.netns, &lab.node] {
        assert_eq!(who_answers(&lab, from, WEB), outside.address);
        assert_eq!(ask_once(from, WEB).unwrap().ip().to_string(), "172.18.0.2");
    }
}

/// Counted by the kernel's connection tracking: nobody has to listen at a thousand ports.
fn a_random_pick_is_an_even_one() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.client());
    for endpoints in [1_u16, 2, 3, 7, 100, 1_000] {
        let address = format!("10.96.1.{}", endpoints % 250);
        let ports = json!([{ "port": 80, "protocol": "UDP" }]);
        lab.set_service("web", json!({}), json!({ "clusterIP": address, "ports": ports }));
        for port in 0..endpoints {
            let ports = json!([{ "port": 10_000 + port, "protocol": "UDP" }]);
            lab.set_named_slice(
                &format!("web-{port}"),
                "web",
                ports,
                json!([{ "addresses": [pod.address] }]),
            );
        }
        lab.settle();
        let p = even_spread(&lab, &client.netns, &format!("{address}:80"), endpoints.into());
        // Of an even pick, one draw in a thousand looks as uneven as this, and two in a row one in a million.
        let p = if p > 0.001 {
            p
        } else {
            even_spread(&lab, &client.netns, &format!("{address}:80"), endpoints.into())
        };
        assert!(p > 0.001, "{endpoints} endpoints: p = {p}");
    }
}

/// How likely a spread of new flows at least as uneven as the one seen is, when the pick is even.
fn even_spread(lab: &Lab, from: &Netns, to: &str, endpoints: usize) -> f64 {
    let conntrack = Conntrack::open(&lab.node).unwrap();
    conntrack
        .flows()
        .unwrap()
        .iter()
        .for_each(|flow| conntrack.delete(flow).unwrap());
    let total = (endpoints * 10).max(1_000);
    for _ in 0..total {
        udp_client(from, to).send(b"?").unwrap();
    }
    let mut counts = BTreeMap::new();
    for flow in conntrack.flows().unwrap() {
        *counts.entry(flow.reply.source).or_insert(0_u32) += 1;
    }
    // A source port may have come twice: then it is one flow.
    let seen = counts.values().sum::<u32>();
    assert!(seen as usize > total * 8 / 10, "{seen} of {total} flows");
    let expected = f64::from(seen) / endpoints as f64;
    let unseen = (endpoints - counts.len()) as f64 * expected;
    let seen: f64 = counts
        .values()
        .map(|count| (f64::from(*count) - expected).powi(2) / expected)
        .sum();
    let freedom = (endpoints - 1) as f64;
    ChiSquared::new(freedom).map_or(1.0, |distribution| distribution.sf(seen + unseen))
}
