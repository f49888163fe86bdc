//! The pod's network, and what it doesn't lead to.

use std::collections::BTreeSet;

use nix::ifaddrs::getifaddrs;

use crate::lab::Lab;

podlab_tests::tests![
    &Lab;
    the_pods_network_cant_be_changed,
    the_host_is_out_of_reach,
    nobody_outside_of_the_cluster_is_reached,
    other_pods_are_reached,
];

fn the_pods_network_cant_be_changed(lab: &Lab) {
    let attempts = [
        "ip link set eth0 down",
        "ip address add 10.244.0.99/32 dev eth0",
        "ip route del default",
        "ip link add more type dummy",
        "nsenter --net=/proc/1/ns/net true",
    ];
    for attempt in attempts {
        lab.refused("attacker", attempt, "Operation not permitted");
        // Whoever has a user namespace of its own has no say in the networks of others.
        let inside = format!("unshare --map-root-user {attempt}");
        lab.refused("attacker", &inside, "ermi");
    }
    let links = lab.printed("attacker", "unshare --map-root-user --net ip -o link");
    assert!(!links.contains("eth0"), "{links}");
}

/// The test's own server listens on all addresses of the host.
fn the_host_is_out_of_reach(lab: &Lab) {
    let port = lab.tcp.local_addr().unwrap().port();
    let addresses = getifaddrs().unwrap().filter_map(|interface| {
        let address = interface.address?;
        address.as_sockaddr_in().map(|address| address.ip())
    });
    let addresses: BTreeSet<_> = addresses.collect();
    assert!(!addresses.is_empty());
    for address in addresses {
        let connected = std::net::TcpStream::connect((address, port));
        assert!(connected.is_ok(), "the host itself reaches {address}");
        lab.refused("attacker", &connect(&address.to_string(), port), "");
        lab.refused("privileged", &connect(&address.to_string(), port), "");
    }
}

fn nobody_outside_of_the_cluster_is_reached(lab: &Lab) {
    for address in ["192.0.2.1", "1.1.1.1", "169.254.169.254"] {
        lab.refused("attacker", &connect(address, 80), "");
    }
}

fn other_pods_are_reached(lab: &Lab) {
    let address = lab.pod("victim")["status"]["podIP"].as_str().unwrap().to_owned();
    lab.printed("attacker", &connect(&address, 8080));
}

fn connect(address: &str, port: u16) -> String {
    format!("timeout 3 bash -c ': < /dev/tcp/{address}/{port}'")
}
