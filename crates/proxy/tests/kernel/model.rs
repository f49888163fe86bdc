//! A small cluster behind a real proxy, its changes, and what a naive reading of its objects expects of it.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, PodIP, PodStatus, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use podlab_api::object::{Kind, Object};
use podlab_control::controllers::Controllers;
use podlab_control::registry::{Registry, RegistryOptions};
use podlab_control::store::Store;
use podlab_kernel::conntrack::{Protocol, Tuple};
use podlab_kernel::netns::Netns;
use podlab_node::cni::PodLink;
use podlab_proxy::plan::Plan;
use serde_json::json;

use crate::lab::{
    A_WHILE, Lab, NODE_NAME, answerer, ask_udp, connect_within, in_default, listen, ranges, udp_client,
};
use crate::listing::{listed, planned};

/// A pod's ports: the odd ones call the second one `http`.
const PORTS: [u16; 2] = [8080, 8081];
pub(crate) const SERVICES: u8 = 3;
pub(crate) const PODS: u8 = 5;
/// A service of which only the proxy knows has one of these.
const BEACONS: [&str; 2] = ["10.96.255.250", "10.96.255.251"];

/// A change of a small cluster; its numbers choose from few names, so that changes meet.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Service {
        name: u8,
        shape: Shape,
    },
    NoService(u8),
    Pod {
        name: u8,
        labels: u8,
        ready: bool,
    },
    Terminate(u8),
    NoPod(u8),
    /// The proxy ends, and another takes its place.
    NewProxy,
    /// Somebody else takes the proxy's table away.
    NoTable,
}

impl Step {
    /// Whether it changes objects, and leaves the proxy alone.
    pub(crate) fn is_of_objects(&self) -> bool {
        !matches!(self, Self::NewProxy | Self::NoTable)
    }
}

/// What a service is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Which of the two labels its selector has; 0: only the one that all pods have.
    pub(crate) selector: u8,
    pub(crate) affinity: bool,
    pub(crate) turns: bool,
    pub(crate) local: bool,
    pub(crate) not_ready_too: bool,
    /// Whether ports and target ports have changed places.
    pub(crate) exchanged: bool,
}

impl Shape {
    pub(crate) const PLAIN: Self = Self {
        selector: 0,
        affinity: false,
        turns: false,
        local: false,
        not_ready_too: false,
        exchanged: false,
    };

    /// Where port 80 leads, TCP and UDP; and the ports that lead to a name which pods have, and to one which none has.
    fn ports(self) -> ([u16; 2], [u16; 2]) {
        if self.exchanged {
            ([PORTS[1], PORTS[0]], [82, 81])
        } else {
            (PORTS, [81, 82])
        }
    }
}

pub(crate) struct Cluster {
    pub(crate) lab: Lab,
    registry: Registry,
    pub(crate) controllers: Controllers,
    client: PodLink,
    pods: Vec<PodLink>,
    shapes: [Option<Shape>; SERVICES as usize],
    /// Labels and readiness; whether it is terminating.
    states: [Option<(u8, bool, bool)>; PODS as usize],
    beacon: bool,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let store = Store::new(Arc::new(|| Time(Timestamp::UNIX_EPOCH)));
        let options = RegistryOptions {
            service_cidr: "10.96.0.0/16".parse().unwrap(),
        };
        let registry = Registry::new(store.clone(), options).unwrap();
        let lab = Lab::with_store(store);
        let pods = (0..PODS).map(|_| {
            let pod = lab.client();
            PORTS
                .iter()
                .for_each(|port| listen(&pod.netns, pod.address, *port));
            pod
        });
        Self {
            client: lab.client(),
            pods: pods.collect(),
            controllers: Controllers::new(registry.clone()),
            registry,
            lab,
            shapes: [None; SERVICES as usize],
            states: [None; PODS as usize],
            beacon: false,
        }
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match *step {
            Step::Service { name, shape } => {
                self.registry
                    .apply(Object::Service(service(name, shape)))
                    .unwrap();
                self.shapes[usize::from(name)] = Some(shape);
            }
            Step::NoService(name) => {
                let name = usize::from(name);
                let deleted = self
                    .registry
                    .delete(Kind::Service, &in_default(&format!("service-{name}")));
                assert_eq!(deleted.is_ok(), self.shapes[name].take().is_some());
            }
            Step::Pod { name, labels, ready } => self.set_pod(name, labels, ready),
            Step::Terminate(name) => {
                let _ = self
                    .registry
                    .delete(Kind::Pod, &in_default(&format!("pod-{name}")));
                if let Some((_, _, terminating)) = &mut self.states[usize::from(name)] {
                    *terminating = true;
                }
            }
            Step::NoPod(name) => {
                let _ = self.lab.store.remove::<Pod>(&in_default(&format!("pod-{name}")));
                self.states[usize::from(name)] = None;
            }
            Step::NewProxy => {
                self.settle();
                self.lab.restart_proxy();
            }
            Step::NoTable => {
                self.settle();
                self.lab.nft().load("delete table ip podlab-proxy").unwrap();
                // The kernel refuses the next change, whatever it is; so there has to be one.
                self.beacon = !self.beacon;
                let address = BEACONS[usize::from(self.beacon)];
                self.lab
                    .set_service("beacon", json!({}), json!({ "clusterIP": address }));
            }
        }
    }

    /// Here the test is the kubelet.
    fn set_pod(&mut self, name: u8, labels: u8, ready: bool) {
        let index = usize::from(name);
        self.registry.apply(Object::Pod(pod(name, labels))).unwrap();
        let address = self.pods[index].address.to_string();
        let conditions = json!([{ "type": "Ready", "status": if ready { "True" } else { "False" } }]);
        let status = PodStatus {
            phase: Some("Running".to_owned()),
            pod_ips: Some(vec![PodIP { ip: address.clone() }]),
            pod_ip: Some(address),
            conditions: serde_json::from_value(conditions).unwrap(),
            ..PodStatus::default()
        };
        let set = |pod: &mut Pod| pod.status = Some(status);
        self.lab
            .store
            .modify(&in_default(&format!("pod-{name}")), set)
            .unwrap();
        let terminating = self.states[index].is_some_and(|(_, _, terminating)| terminating);
        self.states[index] = Some((labels, ready, terminating));
    }

    pub(crate) fn settle(&mut self) {
        self.controllers.run();
        self.lab.settle();
    }

    pub(crate) fn check_maps(&self) {
        let mut watch = self.lab.store.watch();
        let mut plan = Plan::new(NODE_NAME.to_owned(), ranges());
        while let Some(event) = watch.try_next() {
            plan.record(&event);
        }
        assert_eq!(listed(&self.lab.nft()), planned(&plan.commit().add));
    }

    pub(crate) fn check_answers(&self) {
        for name in 0..SERVICES {
            let Some(address) = self.cluster_ip(name) else {
                continue;
            };
            let shape = self.shapes[usize::from(name)].unwrap();
            for (protocol, port) in [
                (Protocol::Tcp, 80),
                (Protocol::Udp, 80),
                (Protocol::Tcp, 81),
                (Protocol::Tcp, 82),
            ] {
                let to = SocketAddr::new(address, port);
                let answers = || self.answer(protocol, to);
                match self.expected(shape, protocol, port) {
                    Expected::Silence => assert_eq!(answers(), Err(ErrorKind::TimedOut), "{protocol} {to}"),
                    Expected::By(pods) if pods.is_empty() => {
                        assert_eq!(answers(), Err(ErrorKind::ConnectionRefused), "{protocol} {to}");
                    }
                    Expected::By(pods) if shape.affinity => {
                        let seen: BTreeSet<_> = (0..3).map(|_| answers().unwrap()).collect();
                        assert!(
                            seen.len() == 1 && seen.is_subset(&pods),
                            "{protocol} {to}: {seen:?}, {pods:?}"
                        );
                    }
                    Expected::By(pods) => {
                        let mut seen = BTreeSet::new();
                        // That one of five isn't seen in so many is one in 10^14.
                        for _ in 0..150 {
                            seen.insert(answers().unwrap());
                            if seen == pods {
                                break;
                            }
                        }
                        assert_eq!(seen, pods, "{protocol} {to}");
                    }
                }
            }
        }
    }

    pub(crate) fn cluster_ip(&self, name: u8) -> Option<IpAddr> {
        let service = self
            .lab
            .store
            .get::<Service>(&in_default(&format!("service-{name}")))?;
        service.spec.as_ref()?.cluster_ip.as_ref()?.parse().ok()
    }

    fn expected(&self, shape: Shape, protocol: Protocol, port: u16) -> Expected {
        let ([number, datagrams], [name, _]) = shape.ports();
        let target = |pod: u8| match (protocol, port) {
            (Protocol::Tcp, 80) => Some(number),
            (Protocol::Udp, 80) => Some(datagrams),
            (Protocol::Tcp, port) if port == name => Some(PORTS[usize::from(pod % 2)]),
            _ => None,
        };
        // Ready; otherwise serving to the last.
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for name in 0..PODS {
            let Some((labels, ready, terminating)) = self.states[usize::from(name)] else {
                continue;
            };
            let Some(target) = target(name).filter(|_| labels & shape.selector == shape.selector) else {
                continue;
            };
            let end = SocketAddr::new(self.pods[usize::from(name)].address, target);
            if shape.not_ready_too || (ready && !terminating) {
                first.push((name, end));
            } else if ready {
                second.push((name, end));
            }
        }
        let is_here = |(name, _): &&(u8, SocketAddr)| !shape.local || !name.is_multiple_of(3);
        let of = |pods: &[(u8, SocketAddr)]| pods.iter().filter(is_here).map(|(_, end)| *end).collect();
        let (ready, leaving): (BTreeSet<_>, BTreeSet<_>) = (of(&first), of(&second));
        let here = if ready.is_empty() { leaving } else { ready };
        let all_elsewhere = here.is_empty() && !(first.is_empty() && second.is_empty());
        if shape.local && all_elsewhere {
            Expected::Silence
        } else {
            Expected::By(here)
        }
    }

    pub(crate) fn answer(&self, protocol: Protocol, to: SocketAddr) -> Result<SocketAddr, ErrorKind> {
        let from: &Netns = &self.client.netns;
        let source = match protocol {
            Protocol::Tcp => {
                let stream = connect_within(A_WHILE, from, &to.to_string()).map_err(|error| error.kind())?;
                stream.local_addr().unwrap()
            }
            Protocol::Udp => {
                let socket = udp_client(from, &to.to_string());
                ask_udp(&socket).map_err(|error| match error.kind() {
                    ErrorKind::WouldBlock => ErrorKind::TimedOut,
                    other => other,
                })?;
                socket.local_addr().unwrap()
            }
        };
        let original = Tuple {
            source,
            destination: to,
        };
        Ok(answerer(&self.lab, protocol, original))
    }
}

enum Expected {
    By(BTreeSet<SocketAddr>),
    Silence,
}

fn service(name: u8, shape: Shape) -> Service {
    let mut selector = json!({ "app": "any" });
    for (bit, label) in [(1, "a"), (2, "b")] {
        if shape.selector & bit != 0 {
            selector[label] = json!("yes");
        }
    }
    let order = if shape.turns { "RoundRobin" } else { "" };
    let ([number, datagrams], [name_of_some, name_of_none]) = shape.ports();
    let service = json!({
        "metadata": {
            "name": format!("service-{name}"),
            "annotations": { "podlab.dev/load-balancing": order },
        },
        "spec": {
            "selector": selector,
            "ports": [
                { "name": "number", "port": 80, "targetPort": number },
                { "name": "datagrams", "port": 80, "targetPort": datagrams, "protocol": "UDP" },
                { "name": "name", "port": name_of_some, "targetPort": "http" },
                { "name": "unknown", "port": name_of_none, "targetPort": "nobody-has-it" },
            ],
            "sessionAffinity": if shape.affinity { "ClientIP" } else { "None" },
            "internalTrafficPolicy": if shape.local { "Local" } else { "Cluster" },
            "publishNotReadyAddresses": shape.not_ready_too,
        },
    });
    serde_json::from_value(service).unwrap()
}

/// Each third pod is on another node, as far as its object says.
fn pod(name: u8, labels: u8) -> Pod {
    let mut all = json!({ "app": "any" });
    for (bit, label) in [(1, "a"), (2, "b")] {
        all[label] = json!(if labels & bit != 0 { "yes" } else { "no" });
    }
    let port = json!({ "name": "http", "containerPort": PORTS[usize::from(name % 2)] });
    let pod = json!({
        "metadata": { "name": format!("pod-{name}"), "labels": all },
        "spec": {
            "nodeName": if name.is_multiple_of(3) { "another" } else { NODE_NAME },
            "containers": [{ "name": "server", "image": "podlab/echo", "ports": [port] }],
        },
    });
    serde_json::from_value(pod).unwrap()
}
