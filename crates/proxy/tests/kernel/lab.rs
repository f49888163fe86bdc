//! A node with pods and a proxy, for one test.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use podlab_api::steps::NamespacedName;
use podlab_control::store::Store;
use podlab_kernel::conntrack::{Conntrack, Protocol, Tuple};
use podlab_kernel::netns::Netns;
use podlab_kernel::nft::Nft;
use podlab_node::cni::{Host, NodeNetwork, PodLink, Underlay};
use podlab_proxy::agent::{self, Config};
use podlab_proxy::plan::PodRanges;
use serde_json::{Value, json};
use socket2::{Domain, Protocol as SocketProtocol, Socket, Type};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// For what is expected to happen at once; far more than it takes.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// For what is expected not to happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(300);
/// The node's name.
pub(crate) const NODE_NAME: &str = "node";
/// The node's bridge: whom a masqueraded client is seen as.
pub(crate) const NODE: &str = "10.244.0.1";
/// The port that pods serve on.
pub(crate) const POD_PORT: u16 = 8080;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub(crate) struct Lab {
    pub(crate) node: Netns,
    pub(crate) store: Store,
    network: NodeNetwork,
    underlay: Underlay,
    progress: watch::Receiver<u64>,
    proxy: JoinHandle<()>,
}

/// Who answered, and whom it saw asking.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) pod: IpAddr,
    pub(crate) client: SocketAddr,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with_store(Store::new(Arc::new(|| Time(Timestamp::UNIX_EPOCH))))
    }

    pub(crate) fn with_store(store: Store) -> Self {
        let range = json!({ "metadata": { "name": "kubernetes" }, "spec": { "cidrs": ["10.96.0.0/16"] } });
        // It is there already when the store has had another lab.
        let _ = store.create(serde_json::from_value::<ServiceCIDR>(range).unwrap());
        RUNTIME.block_on(async {
            let node = Netns::create().unwrap();
            let mut underlay = Underlay::create().await.unwrap();
            let PodRanges { cluster, node: pods } = ranges();
            underlay.add_node(NODE_NAME, node.clone(), cluster).await.unwrap();
            let network = NodeNetwork::create(node.clone(), pods, cluster).await.unwrap();
            let (proxy, progress) = start_proxy(&store, &node);
            Self {
                node,
                store,
                network,
                underlay,
                progress,
                proxy,
            }
        })
    }

    /// As when it is killed, while it does nothing.
    pub(crate) fn stop_proxy(&mut self) {
        self.proxy.abort();
        let _ = RUNTIME.block_on(&mut self.proxy);
    }

    /// As when the proxy is replaced by a newer one: what the first has made is there still.
    pub(crate) fn restart_proxy(&mut self) {
        self.proxy.abort();
        let _runtime = RUNTIME.enter();
        (self.proxy, self.progress) = start_proxy(&self.store, &self.node);
    }

    /// A pod that does nothing.
    pub(crate) fn client(&self) -> PodLink {
        RUNTIME.block_on(self.network.attach()).unwrap()
    }

    /// A pod that answers at [`POD_PORT`]; see [`listen`].
    pub(crate) fn server(&self) -> PodLink {
        let pod = self.client();
        listen(&pod.netns, pod.address, POD_PORT);
        pod
    }

    /// A host outside of the cluster that answers at [`POD_PORT`].
    pub(crate) fn outside(&mut self) -> Host {
        let host = RUNTIME.block_on(self.underlay.add_outside()).unwrap();
        listen(&host.netns, host.address, POD_PORT);
        host
    }

    /// A service at 10.96.0.10, TCP port 80, unless its specification says otherwise.
    pub(crate) fn set_service(&self, name: &str, annotations: Value, mut spec: Value) {
        for (field, default) in [
            ("clusterIP", json!("10.96.0.10")),
            ("ports", json!([{ "protocol": "TCP", "port": 80 }])),
        ] {
            if spec[field].is_null() {
                spec[field] = default;
            }
        }
        let metadata = json!({ "namespace": "default", "name": name, "annotations": annotations });
        let service: Service = serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap();
        if self.store.update(service.clone()).is_err() {
            self.store.create(service).unwrap();
        }
    }

    pub(crate) fn set_endpoints(&self, service: &str, protocol: &str, pods: &[&PodLink]) {
        let endpoints = pods.iter().map(|pod| json!({ "addresses": [pod.address] }));
        self.set_slice(service, protocol, endpoints.collect());
    }

    pub(crate) fn set_slice(&self, service: &str, protocol: &str, endpoints: Value) {
        let ports = json!([{ "protocol": protocol, "port": POD_PORT }]);
        self.set_named_slice(service, service, ports, endpoints);
    }

    pub(crate) fn set_named_slice(&self, name: &str, service: &str, ports: Value, endpoints: Value) {
        let slice: EndpointSlice = serde_json::from_value(json!({
            "metadata": {
                "namespace": "default",
                "name": name,
                "labels": { "kubernetes.io/service-name": service },
            },
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": endpoints,
        }))
        .unwrap();
        if self.store.update(slice.clone()).is_err() {
            self.store.create(slice).unwrap();
        }
    }

    /// A TCP or UDP service, served by these pods, when it returns.
    pub(crate) fn serve(&self, name: &str, cluster_ip: &str, protocol: &str, pods: &[&PodLink]) {
        let ports = json!([{ "protocol": protocol, "port": 80 }]);
        self.set_service(
            name,
            json!({}),
            json!({ "clusterIP": cluster_ip, "ports": ports }),
        );
        self.set_endpoints(name, protocol, pods);
        self.settle();
    }

    pub(crate) fn remove_service(&self, name: &str) {
        self.store.remove::<Service>(&in_default(name)).unwrap();
    }

    pub(crate) fn remove_endpoints(&self, service: &str) {
        self.store.remove::<EndpointSlice>(&in_default(service)).unwrap();
    }

    /// Labels the node.
    pub(crate) fn set_zone(&self, zone: &str) {
        let labels = json!({ "topology.kubernetes.io/zone": zone });
        let node: Node =
            serde_json::from_value(json!({ "metadata": { "name": NODE_NAME, "labels": labels } })).unwrap();
        self.store.create(node).unwrap();
    }

    /// How many elements one of the proxy's maps or sets has.
    pub(crate) fn elements(&self, map: &str) -> usize {
        let listed = self
            .nft()
            .list(&["-j", "list", "table", "ip", "podlab-proxy"])
            .unwrap();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let objects = listed["nftables"].as_array().unwrap().iter();
        let mut maps = objects.flat_map(|object| [&object["map"], &object["set"]]);
        let map = maps.find(|found| found["name"] == map).unwrap();
        map["elem"].as_array().map_or(0, Vec::len)
    }

    /// Waits until the proxy is up to date.
    pub(crate) fn settle(&self) {
        let revision = self.store.revision();
        let mut progress = self.progress.clone();
        RUNTIME
            .block_on(async {
                let up_to_date = timeout(SOON, progress.wait_for(|done| *done >= revision)).await;
                up_to_date.map(|result| result.map(drop))
            })
            .expect("the proxy hangs")
            .expect("the proxy has given up");
    }

    pub(crate) fn nft(&self) -> Nft {
        Nft::new(self.node.clone()).unwrap()
    }
}

/// Answers each TCP connection's lines, and each UDP datagram, with whom it sees.
pub(crate) fn listen(at: &Netns, address: IpAddr, port: u16) {
    let any = SocketAddr::from(([0, 0, 0, 0], port));
    let (tcp, udp) = at
        .visit(|| Ok((TcpListener::bind(any)?, UdpSocket::bind(any)?)))
        .unwrap();
    thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let peer = stream.peer_addr().unwrap().to_string();
                let mut request = [0; 1];
                while stream.read_exact(&mut request).is_ok() {
                    stream.write_all(format!("{peer:<32}").as_bytes()).unwrap();
                }
            });
        }
    });
    thread::spawn(move || {
        loop {
            let (_, peer) = udp.recv_from(&mut [0; 1]).unwrap();
            let answer = format!("{address} {peer}");
            udp.send_to(answer.as_bytes(), peer).unwrap();
        }
    });
}

fn start_proxy(store: &Store, node: &Netns) -> (JoinHandle<()>, watch::Receiver<u64>) {
    let config = Config {
        node: NODE_NAME.to_owned(),
        ranges: ranges(),
    };
    let (sender, progress) = watch::channel(0);
    let proxy = tokio::spawn(agent::serve(store.clone(), node.clone(), config, sender));
    (proxy, progress)
}

pub(crate) fn ranges() -> PodRanges {
    PodRanges {
        cluster: "10.244.0.0/16".parse().unwrap(),
        node: "10.244.0.0/24".parse().unwrap(),
    }
}

pub(crate) fn in_default(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: "default".into(),
        name: name.into(),
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.proxy.abort();
    }
}

/// Which pod answers a new connection.
pub(crate) fn who_answers(lab: &Lab, from: &Netns, to: &str) -> IpAddr {
    let stream = connect(from, to).unwrap();
    let (source, destination) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    answerer(lab, Protocol::Tcp, Tuple { source, destination }).ip()
}

/// Where the node's connection tracking has the answers of a connection come from.
pub(crate) fn answerer(lab: &Lab, protocol: Protocol, original: Tuple) -> SocketAddr {
    let conntrack = Conntrack::open(&lab.node).unwrap();
    conntrack.get(protocol, &original).unwrap().unwrap().reply.source
}

pub(crate) fn connect(from: &Netns, to: &str) -> io::Result<TcpStream> {
    connect_within(SOON, from, to)
}

pub(crate) fn connect_within(time: Duration, from: &Netns, to: &str) -> io::Result<TcpStream> {
    let to = to.parse().unwrap();
    let stream = from.visit(|| TcpStream::connect_timeout(&to, time))?;
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// Has the server at the other end of a connection say whom it sees.
pub(crate) fn ask(stream: &mut TcpStream) -> io::Result<SocketAddr> {
    stream.write_all(b"?")?;
    let mut answer = [0; 32];
    stream.read_exact(&mut answer)?;
    Ok(std::str::from_utf8(&answer).unwrap().trim().parse().unwrap())
}

/// A connection of its own, with a question and its answer: whom the server saw.
pub(crate) fn ask_once(from: &Netns, to: &str) -> io::Result<SocketAddr> {
    let mut stream = connect(from, to)?;
    let answer = ask(&mut stream)?;
    stream.shutdown(Shutdown::Both)?;
    Ok(answer)
}

pub(crate) fn udp_client(from: &Netns, to: &str) -> UdpSocket {
    let socket = from
        .visit(|| {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.connect(to)?;
            Ok(socket)
        })
        .unwrap();
    socket.set_read_timeout(Some(A_WHILE)).unwrap();
    socket
}

pub(crate) fn ask_udp(socket: &UdpSocket) -> io::Result<Answer> {
    socket.send(b"?")?;
    let mut answer = [0; 64];
    let length = loop {
        match socket.recv(&mut answer) {
            // A machine that was suspended wakes up like this.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    let text = std::str::from_utf8(&answer[..length]).unwrap();
    let (pod, client) = text.split_once(' ').unwrap();
    Ok(Answer {
        pod: pod.parse().unwrap(),
        client: client.parse().unwrap(),
    })
}

/// One ping, and what the network says to it.
pub(crate) fn ping(from: &Netns, to: &str) -> io::Result<()> {
    let to: std::net::Ipv4Addr = to.parse().unwrap();
    let socket = from.visit(|| Socket::new(Domain::IPV4, Type::RAW, Some(SocketProtocol::ICMPV4)))?;
    socket.set_read_timeout(Some(A_WHILE))?;
    socket.connect(&SocketAddr::from((to, 0)).into())?;
    // An echo request without an identifier, and its checksum.
    socket.send(&[8, 0, 0xf7, 0xff, 0, 0, 0, 0])?;
    let mut answer = [0; 128];
    loop {
        // Errors come to connected sockets as such.
        let length = (&socket).read(&mut answer)?;
        match answer[..length][20] {
            0 => return Ok(()),
            8 => {} // the request, when a pod pings itself
            other => panic!("ICMP type {other}"),
        }
    }
}
