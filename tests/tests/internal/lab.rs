//! A cluster with a service, its name server and a host outside, for one test.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;
use podlab_cluster::{Cluster, Options};
use podlab_kernel::conntrack::{Conntrack, Flow};
use podlab_kernel::netns::Netns;
use podlab_kernel::nft::Nft;
use podlab_node::cni::links::mac_of;
use podlab_node::images::{Images, Input, Workload};
use podlab_workloads::images;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::frames::{Mac, Mark, Wire};

/// Nothing here takes as long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(30);
/// For what is expected to happen at once; far more than it takes.
pub(crate) const SOON: Duration = Duration::from_secs(5);
/// For what is expected not to happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(300);

/// The ClusterIPs of the service that all tests have, and of the name server.
pub(crate) const WEB: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 20);
pub(crate) const DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// The node's address among its pods.
pub(crate) const BRIDGE: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 1);
/// The service's port, its pods' port, and the port of the pod on the node's network.
pub(crate) const PORT: u16 = 80;
pub(crate) const POD_PORT: u16 = 8080;
pub(crate) const HOST_PORT: u16 = 8081;

/// A question for the address of `web.default.svc.cluster.local`.
pub(crate) const QUESTION: &[u8] =
    b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03web\x07default\x03svc\x07cluster\x05local\0\0\x01\0\x01";

pub(crate) struct Lab {
    pub(crate) cluster: Cluster,
    runtime: Runtime,
    /// The name server's pod.
    dns: NamespacedName,
}

/// The name of a pod or another object in the namespace of all tests.
fn name(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}

fn built_in(image: &str) -> Option<Workload> {
    let (arguments, input) = match image {
        "podlab/dns" => (vec!["dns".to_owned()], Input::Watch),
        "internal/changer" => (vec!["change-the-network".to_owned()], Input::Nothing),
        other => (images::lookup(other)?, Input::Nothing),
    };
    Some(Workload { arguments, input })
}

/// A pod that echoes HTTP at one port and datagrams at another.
pub(crate) fn echo(name: &str, http: u16, udp: u16) -> Value {
    let ports = [format!("--http-port={http}"), format!("--udp-port={udp}")];
    json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [
            {"name": "main", "image": "podlab/echo", "args": ports, "readinessProbe": {"tcpSocket": {"port": http}}},
        ]},
    })
}

/// A pod that does nothing.
pub(crate) fn idle(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [
            {"name": "main", "image": "any", "command": ["sleep", "1000"]},
        ]},
    })
}

/// A service of the pods with its name, TCP and UDP.
pub(crate) fn service(name: &str, cluster_ip: Ipv4Addr) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"clusterIP": cluster_ip, "selector": {"app": name}, "ports": [
            {"name": "tcp", "port": PORT, "targetPort": POD_PORT},
            {"name": "udp", "protocol": "UDP", "port": PORT, "targetPort": POD_PORT},
        ]},
    })
}

impl Lab {
    /// A cluster with the pods `web` behind a service, `client`, and `host` on the node's own network.
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let options = Options {
            service_cidr: "10.96.0.0/16".parse().unwrap(),
            pod_cidr: "10.244.0.0/16".parse().unwrap(),
            node_cidr_mask_size: 28,
            upstream_nameserver: None,
            images: Images::new(Vec::new(), built_in),
        };
        let cluster = runtime.block_on(Cluster::start(options)).unwrap();
        let mut lab = Self {
            cluster,
            runtime,
            dns: name(""),
        };
        lab.apply(Kind::Service, service("web", WEB));
        lab.apply(Kind::Pod, echo("web", POD_PORT, POD_PORT));
        lab.apply(Kind::Pod, idle("client"));
        let mut host = echo("host", HOST_PORT, HOST_PORT);
        host["spec"]["hostNetwork"] = json!(true);
        lab.apply(Kind::Pod, host);
        for pod in ["web", "client", "host"] {
            lab.until_ready(pod);
        }
        lab.dns = lab.name_server();
        lab.settle();
        lab
    }

    fn name_server(&self) -> NamespacedName {
        self.until("the name server", || {
            let deployments = self.cluster.store().list_in::<Deployment>("kube-system");
            let status = deployments.first()?.status.clone()?;
            (status.ready_replicas == Some(1)).then_some(())
        });
        let pods = self.cluster.store().list_in::<Pod>("kube-system");
        NamespacedName {
            namespace: "kube-system".to_owned(),
            name: pods[0].metadata.name.clone().unwrap(),
        }
    }

    pub(crate) fn apply(&self, kind: Kind, object: Value) {
        let object = Object::from_json(kind, object).unwrap();
        self.cluster.registry().apply(object).unwrap();
    }

    /// Waits until the node does what all objects say.
    pub(crate) fn settle(&self) {
        self.wait(self.cluster.settled());
    }

    fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime
            .block_on(async { timeout(PATIENCE, what).await })
            .expect("it comes in time")
    }

    /// Waits until something is in the store.
    fn until<T>(&self, what: &str, is_there: impl Fn() -> Option<T>) -> T {
        self.wait(async {
            let mut watch = self.cluster.store().watch();
            loop {
                if let Some(found) = is_there() {
                    return found;
                }
                watch.next().await.expect(what);
            }
        })
    }

    pub(crate) fn until_ready(&self, pod: &str) {
        self.until(pod, || {
            let pod = self.cluster.store().get::<Pod>(&name(pod))?;
            let conditions = pod.status.clone()?.conditions?;
            let mut ready = conditions.iter().filter(|condition| condition.type_ == "Ready");
            ready.any(|condition| condition.status == "True").then_some(())
        });
    }

    /// Waits until a pod's containers have ended, and says how.
    pub(crate) fn until_ended(&self, pod: &str) -> String {
        self.until(pod, || {
            let phase = self
                .cluster
                .store()
                .get::<Pod>(&name(pod))?
                .status
                .clone()?
                .phase?;
            ["Succeeded", "Failed"].contains(&&*phase).then_some(phase)
        })
    }

    pub(crate) fn delete(&self, pod: &str) {
        self.cluster.registry().delete(Kind::Pod, &name(pod)).unwrap();
        self.until(pod, || {
            self.cluster
                .store()
                .get::<Pod>(&name(pod))
                .is_none()
                .then_some(())
        });
        self.settle();
    }

    /// A pod's namespace and address.
    pub(crate) fn pod(&self, pod: &str) -> (Netns, Ipv4Addr) {
        self.network(&name(pod))
    }

    /// The name server's.
    pub(crate) fn name_server_pod(&self) -> (Netns, Ipv4Addr) {
        self.network(&self.dns)
    }

    fn network(&self, pod: &NamespacedName) -> (Netns, Ipv4Addr) {
        let pod = self.cluster.pod(pod).expect("it has its network");
        (pod.netns, v4(pod.address))
    }

    pub(crate) fn node(&self) -> (&Netns, Ipv4Addr) {
        let node = &self.cluster.nodes()[0];
        (&node.netns, v4(node.address))
    }

    pub(crate) fn outside(&self) -> (&Netns, Ipv4Addr) {
        let outside = self.cluster.outside();
        (&outside.netns, v4(outside.address))
    }

    /// What whoever is outside sends from, and its own and the node's hardware addresses.
    pub(crate) fn attacker(&self) -> (Wire, Mac, Mac) {
        let (netns, address) = self.outside();
        let node = self.node().1;
        (Wire::tap(netns), mac_of(address.into()), mac_of(node.into()))
    }

    /// What is and isn't to be reached: services, pods, the name server, and the node among its pods.
    pub(crate) fn targets(&self) -> Vec<SocketAddr> {
        let (web, dns) = (self.pod("web").1, self.name_server_pod().1);
        let targets = [
            (WEB, PORT),
            (web, POD_PORT),
            (DNS, 53),
            (dns, 53),
            (BRIDGE, HOST_PORT),
        ];
        targets.map(SocketAddr::from).to_vec()
    }

    /// Taps on all who may be reached.
    pub(crate) fn taps(&self) -> Vec<Wire> {
        let client = self.pod("client").0;
        let pods = [self.pod("web").0, self.name_server_pod().0, client];
        pods.iter().map(Wire::tap).collect()
    }

    /// Takes away what a node has against the outside.
    pub(crate) fn open_the_node(&self) {
        self.nft("delete table netdev podlab-underlay");
    }

    pub(crate) fn nft(&self, commands: &str) {
        let nft = Nft::new(self.node().0.clone()).unwrap();
        nft.load(commands).unwrap();
    }

    /// Changes a setting of the node.
    pub(crate) fn set(&self, sysctl: &str, value: &str) {
        let file = Path::new("/proc/sys").join(sysctl);
        self.node().0.visit(|| fs::write(file, value)).unwrap();
    }

    /// What the node remembers of connections from and to this address.
    pub(crate) fn flows_of(&self, address: Ipv4Addr) -> Vec<Flow> {
        let flows = Conntrack::open(self.node().0).unwrap().flows().unwrap();
        let ends = |flow: &Flow| {
            let [original, reply] = [flow.original, flow.reply];
            [
                original.source,
                original.destination,
                reply.source,
                reply.destination,
            ]
        };
        let is_of = |flow: &Flow| ends(flow).iter().any(|end| end.ip() == address);
        flows.into_iter().filter(is_of).collect()
    }

    /// Waits until the node remembers no connections of an address: a pod's object is gone before its network.
    pub(crate) fn until_forgotten(&self, address: Ipv4Addr) {
        let start = Instant::now();
        while !self.flows_of(address).is_empty() {
            assert!(start.elapsed() < SOON, "{:?}", self.flows_of(address));
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Whether one of them sees it.
pub(crate) fn is_seen(taps: &[Wire], mark: Mark) -> bool {
    thread::sleep(A_WHILE);
    taps.iter()
        .any(|tap| tap.find(&mark.bytes(), Duration::ZERO).is_some())
}

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => panic!("an IPv4 address"),
    }
}

pub(crate) fn connect(from: &Netns, to: SocketAddr) -> io::Result<TcpStream> {
    from.visit(|| TcpStream::connect_timeout(&to, A_WHILE))
}

/// What a web server says to whoever asks from there.
pub(crate) fn get(from: &Netns, to: SocketAddr) -> io::Result<String> {
    let mut stream = connect(from, to)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The answer to a datagram.
pub(crate) fn ask(from: &Netns, to: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let socket = udp_socket(from, (Ipv4Addr::UNSPECIFIED, 0).into());
    socket.connect(to)?;
    socket.send(question)?;
    hear(&socket)
}

/// The next datagram that a socket gets.
pub(crate) fn hear(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    Ok(answer[..length].to_vec())
}

pub(crate) fn udp_socket(at: &Netns, address: SocketAddr) -> UdpSocket {
    let socket = at.visit(|| UdpSocket::bind(address)).unwrap();
    socket.set_read_timeout(Some(A_WHILE)).unwrap();
    socket
}
