//! The machine that bears the cluster: its addresses and its sockets are for none of the cluster's hosts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};
use std::process;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use podlab_api::object::Kind;
use podlab_kernel::netns::Netns;
use podlab_kernel::rtnl::Rtnl;
use podlab_node::cni::links::{ETH0, LOOPBACK, add_address, add_link_route, mac_of, put_neighbour, set_up};
use serde_json::json;

use crate::lab::{A_WHILE, BRIDGE, Lab};

podlab_tests::tests![
    nobody_reaches_the_machine,
    a_pod_keeps_the_network_that_it_was_given,
];

static MACHINE: OnceLock<Machine> = OnceLock::new();

/// Servers on the machine itself, made before the sandbox is.
struct Machine {
    addresses: Vec<SocketAddr>,
    socket: UnixAddr,
    _servers: (TcpListener, UnixListener),
}

/// Serves on all addresses of the machine, and by a name that isn't of the file system.
pub(crate) fn serve_on_the_machine() {
    let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = tcp.local_addr().unwrap().port();
    let name = format!("podlab-internal-{}", process::id());
    let socket = UnixAddr::from_abstract_name(name).unwrap();
    let unix = UnixListener::bind_addr(&socket).unwrap();
    let addresses = getifaddrs()
        .unwrap()
        .filter_map(|device| Some(device.address?.as_sockaddr_in()?.ip()));
    let addresses = addresses.map(|address| SocketAddr::new(IpAddr::V4(address), port));
    let machine = Machine {
        addresses: addresses.collect(),
        socket,
        _servers: (tcp, unix),
    };
    for address in &machine.addresses {
        TcpStream::connect_timeout(address, A_WHILE).unwrap();
    }
    UnixStream::connect_addr(&machine.socket).unwrap();
    assert!(MACHINE.set(machine).is_ok());
}

fn nobody_reaches_the_machine() {
    let lab = Lab::new();
    let machine = MACHINE.get().unwrap();
    let client = lab.pod("client").0;
    for from in [&client, lab.node().0, lab.outside().0] {
        for address in &machine.addresses {
            let reached = from.visit(|| TcpStream::connect_timeout(address, A_WHILE));
            assert!(reached.is_err(), "{address}");
        }
        from.visit(|| UnixStream::connect_addr(&machine.socket))
            .unwrap_err();
    }
}

/// What this program does in a pod, which may do as little as any other: all that would change its network.
pub(crate) fn change_the_network() {
    let rtnl = Rtnl::open().unwrap();
    let other = IpAddr::V4(Ipv4Addr::new(10, 244, 0, 14));
    let steps = [
        add_address(ETH0, other, 32),
        add_address(LOOPBACK, other, 32),
        add_link_route(ETH0, other),
        put_neighbour(ETH0, BRIDGE.into(), mac_of(other)),
        set_up(LOOPBACK),
    ];
    for step in steps {
        let refused = rtnl.apply(vec![step]).unwrap_err();
        assert_eq!(
            refused.source.raw_os_error(),
            Some(Errno::EPERM as i32),
            "{refused}"
        );
    }
    for sysctl in ["ip_forward", "conf/all/route_localnet", "conf/eth0/accept_local"] {
        std::fs::write(format!("/proc/sys/net/ipv4/{sysctl}"), "1").unwrap_err();
    }
    let entered = Netns::create().map(drop);
    assert!(entered.is_err(), "it makes a network of its own");
}

fn a_pod_keeps_the_network_that_it_was_given() {
    let lab = Lab::new();
    let mut pod = crate::lab::idle("changer");
    pod["spec"]["containers"][0] = json!({"name": "main", "image": "internal/changer"});
    pod["spec"]["restartPolicy"] = json!("Never");
    lab.apply(Kind::Pod, pod);
    assert_eq!(lab.until_ended("changer"), "Succeeded");
}
