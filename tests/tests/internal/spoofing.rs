//! Packets from outside that say that they come from a pod, a service, the node, or nobody.

use std::net::{Ipv4Addr, SocketAddr};

use podlab_node::cni::links::mac_of;

use crate::frames::{Mark, Wire, datagram_and_syn, udp};
use crate::lab::{BRIDGE, DNS, HOST_PORT, Lab, POD_PORT, QUESTION, WEB, hear, is_seen, udp_socket};

podlab_tests::tests![
    a_borrowed_address_opens_nothing,
    nobody_talks_in_between_two_pods,
    a_service_never_speaks_first,
];

fn a_borrowed_address_opens_nothing() {
    let lab = Lab::new();
    let (wire, own, to_node) = lab.attacker();
    let client = lab.pod("client").1;
    let try_as = |source: Ipv4Addr| {
        let (taps, mark) = (lab.taps(), Mark::new());
        for target in lab.targets() {
            for packet in datagram_and_syn((source, 4000).into(), target, &[], mark) {
                wire.send_ipv4(own, to_node, &packet);
            }
        }
        // Whoever answers such a question answers a pod.
        let node = (lab.node().1, HOST_PORT).into();
        wire.send_ipv4(
            own,
            to_node,
            &udp((source, 4000).into(), node, &[], &mark.bytes()),
        );
        is_seen(&taps, mark)
    };
    let sources = [
        client,
        Ipv4Addr::new(10, 244, 9, 9),
        BRIDGE,
        WEB,
        DNS,
        lab.node().1,
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::UNSPECIFIED,
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(224, 0, 0, 1),
    ];
    for source in sources {
        assert!(!try_as(source), "as {source}");
        let flows = lab.flows_of(source);
        let others = |flow: &&podlab_kernel::conntrack::Flow| flow.original.source.port() == 4000;
        assert_eq!(flows.iter().find(others), None, "as {source}");
    }
    lab.open_the_node();
    assert!(try_as(client), "a pod's address is believed otherwise");
}

/// A datagram of two pods' conversation is no new connection: no filter of those would see it.
fn nobody_talks_in_between_two_pods() {
    let lab = Lab::new();
    let (wire, own, to_node) = lab.attacker();
    let (client, address) = lab.pod("client");
    let web: SocketAddr = (lab.pod("web").1, POD_PORT).into();
    let socket = udp_socket(&client, (address, 4000).into());
    socket.connect(web).unwrap();
    socket.send(b"hello").unwrap();
    assert_eq!(hear(&socket).unwrap(), b"hello");
    let forged = udp(web, (address, 4000).into(), &[], b"forged");
    wire.send_ipv4(own, to_node, &forged);
    hear(&socket).unwrap_err();
    lab.open_the_node();
    wire.send_ipv4(own, to_node, &forged);
    assert_eq!(hear(&socket).unwrap(), b"forged");
}

/// Whoever asks the name server by its ClusterIP takes what comes from there for its answer: a node, and a pod, which
/// other pods may forge it for.
fn a_service_never_speaks_first() {
    let lab = Lab::new();
    let (node, node_address) = lab.node();
    let (web, web_address) = lab.pod("web");
    let (client, client_address) = lab.pod("client");
    let (from_outside, own, to_node) = lab.attacker();
    let from_pod = Wire::tap(&client);
    let pod = mac_of(client_address.into());
    for (to, address, wire, from, by_way_of) in [
        (node, node_address, &from_outside, own, to_node),
        (node, node_address, &from_pod, pod, mac_of(BRIDGE.into())),
        (&web, web_address, &from_pod, pod, mac_of(BRIDGE.into())),
    ] {
        let socket = udp_socket(to, (address, 4000).into());
        socket.connect((DNS, 53)).unwrap();
        let forged = udp((DNS, 53).into(), (address, 4000).into(), &[], b"forged");
        wire.send_ipv4(from, by_way_of, &forged);
        hear(&socket).unwrap_err();
        socket.send(QUESTION).unwrap();
        assert!(hear(&socket).unwrap().ends_with(&WEB.octets()));
    }
}
