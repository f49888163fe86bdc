//! Answers to connections of who isn't there any more.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use podlab_api::object::Kind;
use podlab_kernel::netns::Netns;
use podlab_node::cni::links::mac_of;
use serde_json::json;

use crate::frames::{Mark, Wire, ping, udp};
use crate::lab::{BRIDGE, Lab, POD_PORT, PORT, SOON, hear, idle, is_seen, udp_socket};

podlab_tests::tests![
    answers_to_a_pod_that_is_gone_do_not_reach_who_has_its_address,
    answers_from_where_a_service_led_before_reach_nobody,
];

const OUTSIDE_PORT: u16 = 9000;
const ECHO: u8 = 8;
const ECHO_REPLY: u8 = 0;

/// A pod that has this address, which somebody has left: all others are given first.
fn next_with(lab: &Lab, address: Ipv4Addr) -> Netns {
    for number in 0..16 {
        let name = format!("next-{number}");
        lab.apply(Kind::Pod, idle(&name));
        lab.until_ready(&name);
        let (netns, given) = lab.pod(&name);
        if given == address {
            return netns;
        }
        lab.delete(&name);
    }
    panic!("nobody is given {address}");
}

fn answers_to_a_pod_that_is_gone_do_not_reach_who_has_its_address() {
    let lab = Lab::new();
    lab.apply(Kind::Pod, idle("leaver"));
    lab.until_ready("leaver");
    let (leaver, address) = lab.pod("leaver");
    let (outside, far) = lab.outside();
    let node = lab.node().1;
    let far_end = udp_socket(outside, (far, OUTSIDE_PORT).into());
    let near_end = udp_socket(&leaver, (address, 4000).into());
    near_end.connect((far, OUTSIDE_PORT)).unwrap();
    near_end.send(b"hello").unwrap();
    let (_, seen) = far_end.recv_from(&mut [0; 8]).unwrap();
    assert_eq!(seen.ip(), node);

    let listener = outside.visit(|| TcpListener::bind((far, OUTSIDE_PORT))).unwrap();
    let to = SocketAddr::from((far, OUTSIDE_PORT));
    let near_stream = leaver.visit(|| TcpStream::connect_timeout(&to, SOON)).unwrap();
    let (mut far_stream, _) = listener.accept().unwrap();

    let (wire, own, to_node) = lab.attacker();
    let from_leaver = Wire::tap(&leaver);
    let request = ping(address, far, ECHO, b"first");
    from_leaver.send_ipv4(mac_of(address.into()), mac_of(BRIDGE.into()), &request);
    let reply = ping(far, address, ECHO_REPLY, b"first");
    assert!(from_leaver.find(&reply[20..], SOON).is_some());

    let mut answer = |mark: Mark| {
        far_end.send_to(&mark.bytes(), seen).unwrap();
        let _ = far_stream.write_all(&mark.bytes());
        wire.send_ipv4(own, to_node, &ping(far, node, ECHO_REPLY, &mark.bytes()));
    };
    let mark = Mark::new();
    answer(mark);
    for _ in 0..3 {
        assert!(from_leaver.find(&mark.bytes(), SOON).is_some());
    }
    // Its socket is closed unseen, as when its pod is killed with all that it has.
    drop((from_leaver, near_end, leaver));
    lab.delete("leaver");
    lab.until_forgotten(address);
    drop(near_stream);
    let tap = [Wire::tap(&next_with(&lab, address))];
    let mark = Mark::new();
    answer(mark);
    assert!(!is_seen(&tap, mark));
}

/// A service whose endpoint is outside: its answers come from there.
fn answers_from_where_a_service_led_before_reach_nobody() {
    let lab = Lab::new();
    let (outside, far) = lab.outside();
    let ports = json!([{"name": "udp", "protocol": "UDP", "port": PORT}]);
    let away = Ipv4Addr::new(10, 96, 0, 77);
    lab.apply(
        Kind::Service,
        json!({"metadata": {"name": "away"}, "spec": {"clusterIP": away, "ports": ports}}),
    );
    let leads_to = |address: Ipv4Addr, port: u16| {
        let slice = json!({
            "metadata": {"name": "away", "labels": {"kubernetes.io/service-name": "away"}},
            "addressType": "IPv4",
            "ports": [{"name": "udp", "protocol": "UDP", "port": port}],
            "endpoints": [{"addresses": [address]}],
        });
        lab.apply(Kind::EndpointSlice, slice);
        lab.settle();
    };
    leads_to(far, OUTSIDE_PORT);
    let far_end = udp_socket(outside, (far, OUTSIDE_PORT).into());
    let (client, address) = lab.pod("client");
    let near_end = udp_socket(&client, (address, 4000).into());
    near_end.connect((away, PORT)).unwrap();
    near_end.send(b"hello").unwrap();
    let (_, seen) = far_end.recv_from(&mut [0; 8]).unwrap();
    far_end.send_to(b"there", seen).unwrap();
    assert_eq!(hear(&near_end).unwrap(), b"there");
    leads_to(lab.pod("web").1, POD_PORT);
    let tap = [Wire::tap(&client)];
    let mark = Mark::new();
    far_end.send_to(&mark.bytes(), seen).unwrap();
    assert!(!is_seen(&tap, mark));
    let (wire, own, to_node) = lab.attacker();
    let forged = udp((away, PORT).into(), seen, &[], &mark.bytes());
    wire.send_ipv4(own, to_node, &forged);
    assert!(!is_seen(&tap, mark));
    near_end.send(b"hello").unwrap();
    assert_eq!(hear(&near_end).unwrap(), b"hello");
}
