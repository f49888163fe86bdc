//! Loopback addresses that come from elsewhere (CVE-2020-8558).

use std::net::Ipv4Addr;

use podlab_node::cni::links::mac_of;

use crate::frames::{Mac, Wire, udp};
use crate::lab::{BRIDGE, Lab, hear, udp_socket};

podlab_tests::tests![the_nodes_loopback_is_its_own, a_pods_loopback_is_its_own];

/// What listens on loopback only.
const PRIVATE: u16 = 7000;

fn the_nodes_loopback_is_its_own() {
    let lab = Lab::new();
    let (from_outside, own, to_node) = lab.attacker();
    let (client, address) = lab.pod("client");
    let (node, node_address) = lab.node();
    let socket = udp_socket(node, (Ipv4Addr::LOCALHOST, PRIVATE).into());
    let from_pod = Wire::tap(&client);
    let ways: [(&Wire, Mac, Mac, Ipv4Addr); 2] = [
        (&from_outside, own, to_node, lab.outside().1),
        (&from_pod, mac_of(address.into()), mac_of(BRIDGE.into()), address),
    ];
    let attack = |(wire, from, to, source): (&Wire, Mac, Mac, Ipv4Addr)| {
        for source in [source, Ipv4Addr::LOCALHOST, node_address, BRIDGE] {
            let packet = udp(
                (source, 4000).into(),
                (Ipv4Addr::LOCALHOST, PRIVATE).into(),
                &[],
                b"in",
            );
            wire.send_ipv4(from, to, &packet);
        }
        hear(&socket).is_ok()
    };
    for way in ways {
        assert!(!attack(way), "from {}", way.3);
    }
    lab.open_the_node();
    assert!(!attack(ways[0]), "the kernel itself refuses it");
    // As kube-proxy sets it for node ports on loopback.
    lab.set("net/ipv4/conf/all/route_localnet", "1");
    for way in ways {
        assert!(attack(way), "from {}", way.3);
    }
}

fn a_pods_loopback_is_its_own() {
    let lab = Lab::new();
    let (from_outside, own, to_node) = lab.attacker();
    let (client, address) = lab.pod("client");
    let (web, web_address) = lab.pod("web");
    let from_pod = Wire::tap(&client);
    let socket = udp_socket(&web, (Ipv4Addr::LOCALHOST, PRIVATE).into());
    let packet = |source: Ipv4Addr| {
        udp(
            (source, 4000).into(),
            (Ipv4Addr::LOCALHOST, PRIVATE).into(),
            &[],
            b"in",
        )
    };
    let from = mac_of(address.into());
    for to in [web_address, BRIDGE] {
        from_pod.send_ipv4(from, mac_of(to.into()), &packet(address));
        from_outside.send_ipv4(own, mac_of(to.into()), &packet(lab.outside().1));
    }
    from_outside.send_ipv4(own, to_node, &packet(lab.outside().1));
    hear(&socket).unwrap_err();
}
