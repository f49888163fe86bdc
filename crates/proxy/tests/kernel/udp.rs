//! UDP has no connections, but conntrack remembers who answered whom: what it remembers must not outlive endpoints.

use std::io::ErrorKind;

use podlab_kernel::conntrack::Conntrack;
use podlab_node::cni::PodLink;
use serde_json::json;

use crate::lab::{Lab, NODE, NODE_NAME, ask, ask_udp, connect, udp_client};

crate::tests![
    a_client_moves_on_when_its_endpoint_goes,
    a_client_stays_with_an_endpoint_that_stays,
    a_client_stays_while_its_endpoint_serves_to_its_last,
    tcp_connections_of_the_same_port_are_kept,
    a_client_is_refused_until_an_endpoint_is_ready,
    the_node_moves_on_when_its_endpoint_goes,
    a_client_moves_on_when_its_local_endpoint_goes_and_another_comes,
    a_pod_that_reaches_itself_is_seen_as_the_node,
    what_is_not_served_is_refused_at_once,
];

const DNS: &str = "10.96.0.10:80";

fn a_client_moves_on_when_its_endpoint_goes() {
    let lab = Lab::new();
    let (client, old, new) = (lab.client(), lab.server(), lab.server());
    lab.serve("dns", "10.96.0.10", "UDP", &[&old]);
    let socket = udp_client(&client.netns, DNS);
    assert_eq!(ask_udp(&socket).unwrap().pod, old.address);
    lab.set_endpoints("dns", "UDP", &[&new]);
    lab.settle();
    assert_eq!(ask_udp(&socket).unwrap().pod, new.address);
    lab.remove_service("dns");
    lab.settle();
    assert!(ask_udp(&socket).is_err());
}

fn a_client_stays_with_an_endpoint_that_stays() {
    let lab = Lab::new();
    let (client, stays) = (lab.client(), lab.server());
    lab.serve("dns", "10.96.0.10", "UDP", &[&stays]);
    let socket = udp_client(&client.netns, DNS);
    ask_udp(&socket).unwrap();
    let others: Vec<_> = (0..20).map(|_| lab.client()).collect();
    let all: Vec<_> = others.iter().chain([&stays]).collect();
    lab.set_endpoints("dns", "UDP", &all);
    lab.settle();
    lab.set_endpoints("dns", "UDP", &all[1..]);
    lab.settle();
    assert_eq!(ask_udp(&socket).unwrap().pod, stays.address);
}

fn a_client_stays_while_its_endpoint_serves_to_its_last() {
    let lab = Lab::new();
    let (client, leaves, stays) = (lab.client(), lab.server(), lab.server());
    lab.serve("dns", "10.96.0.10", "UDP", &[&leaves]);
    let socket = udp_client(&client.netns, DNS);
    ask_udp(&socket).unwrap();
    let leaving = |serving: bool| {
        let conditions = json!({ "ready": false, "serving": serving, "terminating": true });
        json!([
            { "addresses": [leaves.address], "conditions": conditions },
            { "addresses": [stays.address] },
        ])
    };
    lab.set_slice("dns", "UDP", leaving(true));
    lab.settle();
    assert_eq!(ask_udp(&socket).unwrap().pod, leaves.address);
    assert_eq!(
        ask_udp(&udp_client(&client.netns, DNS)).unwrap().pod,
        stays.address
    );
    lab.set_slice("dns", "UDP", leaving(false));
    lab.settle();
    assert_eq!(ask_udp(&socket).unwrap().pod, stays.address);
}

fn tcp_connections_of_the_same_port_are_kept() {
    let lab = Lab::new();
    let (client, old, new) = (lab.client(), lab.server(), lab.server());
    lab.serve("dns", "10.96.0.10", "TCP", &[&old]);
    let mut stream = connect(&client.netns, DNS).unwrap();
    ask(&mut stream).unwrap();
    lab.remove_service("dns");
    lab.serve("dns", "10.96.0.10", "UDP", &[&old]);
    lab.set_endpoints("dns", "UDP", &[&new]);
    lab.settle();
    assert_eq!(ask(&mut stream).unwrap().ip(), client.address);
    let flows = Conntrack::open(&lab.node).unwrap().flows().unwrap();
    assert_eq!(flows.len(), 1);
    assert_eq!(flows[0].original.source, stream.local_addr().unwrap());
}

fn a_client_is_refused_until_an_endpoint_is_ready() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("dns", "10.96.0.10", "UDP", &[]);
    let socket = udp_client(&client.netns, DNS);
    assert_eq!(ask_udp(&socket).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let ready = |ready: bool| json!([{ "addresses": [pod.address], "conditions": { "ready": ready, "serving": ready } }]);
    lab.set_slice("dns", "UDP", ready(false));
    lab.settle();
    assert_eq!(ask_udp(&socket).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    lab.set_slice("dns", "UDP", ready(true));
    lab.settle();
    assert_eq!(ask_udp(&socket).unwrap().pod, pod.address);
}

fn the_node_moves_on_when_its_endpoint_goes() {
    let lab = Lab::new();
    let (old, new) = (lab.server(), lab.server());
    lab.serve("dns", "10.96.0.10", "UDP", &[&old]);
    let socket = udp_client(&lab.node, DNS);
    assert_eq!(ask_udp(&socket).unwrap().pod, old.address);
    lab.set_endpoints("dns", "UDP", &[&new]);
    lab.settle();
    assert_eq!(ask_udp(&socket).unwrap().pod, new.address);
}

fn a_client_moves_on_when_its_local_endpoint_goes_and_another_comes() {
    let lab = Lab::new();
    let (client, old, new, elsewhere) = (lab.client(), lab.server(), lab.server(), lab.server());
    let ports = json!([{ "port": 80, "protocol": "UDP" }]);
    lab.set_service(
        "dns",
        json!({}),
        json!({ "internalTrafficPolicy": "Local", "ports": ports }),
    );
    let on = |pod: &PodLink, node: &str| json!({ "addresses": [pod.address], "nodeName": node });
    let there = on(&elsewhere, "another");
    lab.set_slice("dns", "UDP", json!([on(&old, NODE_NAME), there]));
    lab.settle();
    let socket = udp_client(&client.netns, DNS);
    assert_eq!(ask_udp(&socket).unwrap().pod, old.address);
    lab.set_slice("dns", "UDP", json!([there]));
    lab.settle();
    assert_eq!(
        ask_udp(&socket).unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "dropped"
    );
    lab.set_slice("dns", "UDP", json!([there, on(&new, NODE_NAME)]));
    lab.settle();
    assert_eq!(ask_udp(&socket).unwrap().pod, new.address);
}

fn a_pod_that_reaches_itself_is_seen_as_the_node() {
    let lab = Lab::new();
    let pod = lab.server();
    lab.serve("dns", "10.96.0.10", "UDP", &[&pod]);
    let answer = ask_udp(&udp_client(&pod.netns, DNS)).unwrap();
    assert_eq!(
        (answer.pod, answer.client.ip().to_string()),
        (pod.address, NODE.to_owned())
    );
}

fn what_is_not_served_is_refused_at_once() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("dns", "10.96.0.10", "UDP", &[&pod]);
    lab.serve("empty", "10.96.0.11", "UDP", &[]);
    for to in ["10.96.0.10:81", "10.96.0.11:80"] {
        for from in [&client.netns, &pod.netns] {
            // More than the ICMP errors that the kernel sends to one host in a row.
            for _ in 0..20 {
                let error = ask_udp(&udp_client(from, to)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{to}");
            }
        }
        // What a host's own rules refuse, its kernel refuses to send.
        let error = ask_udp(&udp_client(&lab.node, to)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{to}");
    }
}
