//! Routes to the node, and packets that say which way they are to go.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};

use podlab_kernel::netns::Netns;
use podlab_kernel::rtnl::Rtnl;
use podlab_node::cni::links::{ETH0, add_link_route, mac_of, put_neighbour};

use crate::frames::{Mark, datagram_and_syn, source_route};
use crate::lab::{BRIDGE, DNS, HOST_PORT, Lab, POD_PORT, PORT, QUESTION, WEB, ask, connect, get, is_seen};

podlab_tests::tests![
    a_route_to_the_node_leads_nowhere,
    the_node_itself_is_reached_but_serves_no_service,
    a_packet_does_not_choose_its_way,
];

/// A route to this address by way of the node.
fn route_by_way_of(node: Ipv4Addr, from: &Netns, to: Ipv4Addr) {
    let rtnl = from.visit(Rtnl::open).unwrap();
    let by_way_of = put_neighbour(ETH0, to.into(), mac_of(node.into()));
    rtnl.apply(vec![add_link_route(ETH0, to.into()), by_way_of])
        .unwrap();
}

/// Whom a host or a pod reaches, by TCP or UDP.
fn reached(lab: &Lab, from: &Netns) -> Vec<String> {
    let mut reached = Vec::new();
    for target in lab.targets() {
        if connect(from, target).is_ok() {
            reached.push(format!("{target}/TCP"));
        }
        if ask(from, target, QUESTION).is_ok() {
            reached.push(format!("{target}/UDP"));
        }
    }
    reached
}

fn a_route_to_the_node_leads_nowhere() {
    let lab = Lab::new();
    let ((outside, address), (_, node)) = (lab.outside(), lab.node());
    for target in lab.targets() {
        let IpAddr::V4(target) = target.ip() else {
            continue;
        };
        route_by_way_of(node, outside, target);
    }
    assert_eq!(reached(&lab, outside), Vec::<String>::new());
    assert_eq!(lab.flows_of(address), []);
    let all = lab.targets().len() * 2;
    assert_eq!(reached(&lab, &lab.pod("client").0).len(), all);
    lab.open_the_node();
    let open = reached(&lab, outside).join(" ");
    for target in [
        format!("{WEB}:{PORT}/TCP"),
        format!("{DNS}:53/UDP"),
        format!("{BRIDGE}:{HOST_PORT}/TCP"),
    ] {
        assert!(open.contains(&target), "{open}");
    }
}

fn the_node_itself_is_reached_but_serves_no_service() {
    let lab = Lab::new();
    let ((outside, _), (_, node)) = (lab.outside(), lab.node());
    let host = get(outside, (node, HOST_PORT).into()).unwrap();
    assert!(host.contains("\"pod\":\"node-1\""), "{host}");
    for port in [PORT, 53] {
        let error = get(outside, (node, port).into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{port}");
        ask(outside, (node, port).into(), QUESTION).unwrap_err();
    }
}

fn a_packet_does_not_choose_its_way() {
    const LOOSE: u8 = 131;
    const STRICT: u8 = 137;
    let lab = Lab::new();
    let ((_, source), (_, node)) = (lab.outside(), lab.node());
    let (wire, own, to_node) = lab.attacker();
    let web = lab.pod("web");
    let gets_in = |kind: u8, then: Ipv4Addr| {
        let (taps, mark) = (lab.taps(), Mark::new());
        let options = source_route(kind, then);
        let to = (node, POD_PORT).into();
        for packet in datagram_and_syn((source, 4000).into(), to, &options, mark) {
            wire.send_ipv4(own, to_node, &packet);
        }
        is_seen(&taps, mark)
    };
    for kind in [LOOSE, STRICT] {
        for then in [web.1, WEB, DNS, BRIDGE] {
            assert!(!gets_in(kind, then), "option {kind} to {then}");
        }
    }
    for device in ["all", "eth0"] {
        lab.set(&format!("net/ipv4/conf/{device}/accept_source_route"), "1");
    }
    assert!(gets_in(LOOSE, web.1), "the options are what source routing is");
}
