//! `podlab_kernel::conntrack`, on the flows of services.

use std::net::SocketAddr;

use podlab_kernel::conntrack::{Conntrack, Flow, Protocol, Tuple};

use crate::lab::{Lab, POD_PORT, ask, ask_udp, connect, udp_client};

crate::tests![
    a_flow_tells_who_answers_and_whom_it_sees,
    a_flow_is_forgotten_once_and_for_all,
    a_dump_of_many_flows_has_each_of_them,
];

fn a_flow_tells_who_answers_and_whom_it_sees() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("web", "10.96.0.10", "TCP", &[&pod]);
    let mut stream = connect(&client.netns, "10.96.0.10:80").unwrap();
    ask(&mut stream).unwrap();
    let (source, destination) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    let original = Tuple { source, destination };
    let reply = Tuple {
        source: SocketAddr::new(pod.address, POD_PORT),
        destination: source,
    };
    let expected = Flow {
        protocol: Protocol::Tcp,
        original,
        reply,
    };
    let conntrack = Conntrack::open(&lab.node).unwrap();
    assert_eq!(conntrack.get(Protocol::Tcp, &original).unwrap(), Some(expected));
    assert_eq!(conntrack.get(Protocol::Udp, &original).unwrap(), None);
    assert_eq!(conntrack.flows().unwrap(), [expected]);
}

fn a_flow_is_forgotten_once_and_for_all() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("dns", "10.96.0.10", "UDP", &[&pod]);
    ask_udp(&udp_client(&client.netns, "10.96.0.10:80")).unwrap();
    let conntrack = Conntrack::open(&lab.node).unwrap();
    let flow = conntrack.flows().unwrap()[0];
    conntrack.delete(&flow).unwrap();
    assert_eq!(conntrack.flows().unwrap(), []);
    conntrack.delete(&flow).unwrap();
}

fn a_dump_of_many_flows_has_each_of_them() {
    let lab = Lab::new();
    let (client, pod) = (lab.client(), lab.server());
    lab.serve("dns", "10.96.0.10", "UDP", &[&pod]);
    let sockets: Vec<_> = (0..400)
        .map(|_| udp_client(&client.netns, "10.96.0.10:80"))
        .collect();
    let mut expected: Vec<_> = sockets
        .iter()
        .map(|socket| {
            ask_udp(socket).unwrap();
            socket.local_addr().unwrap()
        })
        .collect();
    let flows = Conntrack::open(&lab.node).unwrap().flows().unwrap();
    let mut seen: Vec<_> = flows.iter().map(|flow| flow.original.source).collect();
    expected.sort();
    seen.sort();
    assert_eq!(seen, expected);
}
