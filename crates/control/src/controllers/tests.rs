//! Stories of a control plane, told without a kernel: the test plays the kubelet.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Node, PodCondition};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::registry::{Applied, RegistryOptions};

mod claims;
mod crowds;
mod garbage;
mod growth;
mod rollouts;
mod services;
mod slices;

/// A node with room for so many pods.
fn node(name: &str, pods: usize) -> Node {
    let node = json!({"metadata": {"name": name}, "status": {"allocatable": {"pods": pods.to_string()}}});
    serde_json::from_value(node).unwrap()
}

struct Lab {
    registry: Registry,
    controllers: Controllers,
    /// Seconds since 1970.
    clock: Arc<AtomicI64>,
}

impl Lab {
    fn new() -> Self {
        Self::with_range("10.96.0.0/12")
    }

    fn with_range(service_cidr: &str) -> Self {
        Self::with_clock(service_cidr, |seconds| Timestamp::from_second(seconds).unwrap())
    }

    /// `time` says what the clock shows after so many seconds.
    fn with_clock(service_cidr: &str, time: impl Fn(i64) -> Timestamp + Send + Sync + 'static) -> Self {
        let clock = Arc::new(AtomicI64::new(0));
        let seconds = clock.clone();
        let now = move || Time(time(seconds.load(Ordering::Relaxed)));
        let store = Store::new(Arc::new(now));
        let options = RegistryOptions {
            service_cidr: service_cidr.parse().unwrap(),
        };
        let registry = Registry::new(store, options).unwrap();
        registry.apply(Object::Node(node("node-1", 1_000))).unwrap();
        let controllers = Controllers::new(registry.clone());
        Self {
            registry,
            controllers,
            clock,
        }
    }

    /// Lets time pass.
    fn wait(&mut self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
        self.controllers.run();
    }

    fn deployment(&mut self, replicas: i32, image: &str) {
        let deployment: Deployment = serde_json::from_value(json!({
            "metadata": {"name": "web"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{
                        "name": "web", "image": image, "ports": [{"name": "http", "containerPort": 8080}],
                    }]},
                },
            },
        }))
        .unwrap();
        self.registry.apply(Object::Deployment(deployment)).unwrap();
        self.controllers.run();
    }

    fn service(&mut self) {
        let service: Service = serde_json::from_value(json!({
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        }))
        .unwrap();
        assert_eq!(
            self.registry.apply(Object::Service(service)),
            Ok(Applied::Created)
        );
        self.controllers.run();
    }

    fn pods(&self) -> Vec<crate::store::Shared<Pod>> {
        self.registry.store().list::<Pod>()
    }

    /// What the kubelet would do: every pod runs and is ready, and those that are deleted are gone.
    fn kubelet(&mut self) {
        let now = self.registry.store().now();
        for (number, pod) in self.pods().iter().enumerate() {
            let name = name_of(&pod.metadata);
            if pod.metadata.deletion_timestamp.is_some() {
                self.registry.store().remove::<Pod>(&name).unwrap();
                continue;
            }
            if crate::pods::is_ready(pod) {
                continue;
            }
            let change = |pod: &mut Pod| {
                let status = pod.status.get_or_insert_default();
                status.phase = Some("Running".into());
                status.pod_ip.get_or_insert(format!("10.244.0.{}", number + 2));
                let ready = PodCondition {
                    type_: "Ready".into(),
                    status: "True".into(),
                    last_transition_time: Some(now.clone()),
                    ..PodCondition::default()
                };
                status.conditions = Some(vec![ready]);
            };
            self.registry.store().modify(&name, change).unwrap();
        }
        self.controllers.run();
    }

    fn ready_endpoints(&self) -> Vec<String> {
        let slices = self.registry.store().list::<EndpointSlice>();
        let ready = |endpoint: &&k8s_openapi::api::discovery::v1::Endpoint| {
            endpoint
                .conditions
                .as_ref()
                .and_then(|conditions| conditions.ready)
                == Some(true)
        };
        let of = |slice: &crate::store::Shared<EndpointSlice>| {
            let port = slice.ports.iter().flatten().find_map(|port| port.port);
            slice
                .endpoints
                .iter()
                .filter(ready)
                .map(|it| format!("{}:{}", it.addresses[0], port.unwrap()))
                .collect::<Vec<_>>()
        };
        let mut all: Vec<String> = slices.iter().flat_map(of).collect();
        all.sort();
        all
    }
}

fn in_default(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}

#[test]
fn a_deployment_becomes_pods_on_the_node_and_endpoints_when_they_are_ready() {
    let mut lab = Lab::new();
    lab.service();
    lab.deployment(3, "web:1");
    assert_eq!(lab.pods().len(), 3);
    assert!(
        lab.pods()
            .iter()
            .all(|pod| pod.spec.as_ref().unwrap().node_name.as_deref() == Some("node-1"))
    );
    assert!(lab.ready_endpoints().is_empty());
    lab.kubelet();
    assert_eq!(
        lab.ready_endpoints(),
        ["10.244.0.2:8080", "10.244.0.3:8080", "10.244.0.4:8080"]
    );
    let deployment = &lab.registry.store().list::<Deployment>()[0];
    assert_eq!(deployment.status.as_ref().unwrap().ready_replicas, Some(3));
}

#[test]
fn a_deleted_pod_leaves_the_ready_endpoints_at_once_and_is_replaced() {
    let mut lab = Lab::new();
    lab.service();
    lab.deployment(2, "web:1");
    lab.kubelet();
    let name = name_of(&lab.pods()[0].metadata);
    lab.registry.delete(Kind::Pod, &name).unwrap();
    lab.controllers.run();
    assert_eq!(lab.ready_endpoints().len(), 1);
    assert_eq!(
        lab.pods().len(),
        3,
        "the old one, which is stopping, and its replacement"
    );
    lab.kubelet();
    assert_eq!(lab.pods().len(), 2);
    assert!(!lab.pods().iter().any(|pod| name_of(&pod.metadata) == name));
}

#[test]
fn scaling_to_none_and_back_keeps_the_service() {
    let mut lab = Lab::new();
    lab.service();
    lab.deployment(3, "web:1");
    lab.kubelet();
    let name = NamespacedName {
        namespace: "default".into(),
        name: "web".into(),
    };
    lab.registry.scale(&name, 0).unwrap();
    lab.controllers.run();
    lab.kubelet();
    assert_eq!((lab.pods().len(), lab.ready_endpoints().len()), (0, 0));
    lab.registry.scale(&name, 1).unwrap();
    lab.controllers.run();
    lab.kubelet();
    assert_eq!((lab.pods().len(), lab.ready_endpoints().len()), (1, 1));
}

#[test]
fn a_new_template_replaces_all_pods_and_never_has_too_few() {
    let mut lab = Lab::new();
    lab.deployment(4, "web:1");
    lab.kubelet();
    lab.deployment(4, "web:2");
    for _ in 0..10 {
        let ready = lab
            .pods()
            .iter()
            .filter(|pod| crate::pods::is_ready(pod) && pod.metadata.deletion_timestamp.is_none())
            .count();
        assert!(ready >= 3, "{ready} ready pods");
        lab.kubelet();
    }
    let images: BTreeSet<_> = lab
        .pods()
        .iter()
        .filter_map(|pod| pod.spec.as_ref()?.containers[0].image.clone())
        .collect();
    assert_eq!(images, BTreeSet::from(["web:2".to_owned()]));
    assert_eq!(lab.pods().len(), 4);
    assert_eq!(lab.registry.store().list::<ReplicaSet>().len(), 2);
}

#[test]
fn what_a_deployment_owns_goes_with_it() {
    let mut lab = Lab::new();
    lab.service();
    lab.deployment(2, "web:1");
    lab.kubelet();
    let name = NamespacedName {
        namespace: "default".into(),
        name: "web".into(),
    };
    lab.registry.delete(Kind::Deployment, &name).unwrap();
    lab.controllers.run();
    lab.kubelet();
    assert!(lab.pods().is_empty());
    assert!(lab.registry.store().list::<ReplicaSet>().is_empty());
    lab.registry.delete(Kind::Service, &name).unwrap();
    lab.controllers.run();
    assert!(lab.registry.store().list::<EndpointSlice>().is_empty());
}

#[test]
fn a_namespace_is_gone_when_it_is_empty() {
    let mut lab = Lab::new();
    let parse = |value| serde_json::from_value::<k8s_openapi::api::core::v1::Namespace>(value).unwrap();
    lab.registry
        .apply(Object::Namespace(parse(json!({"metadata": {"name": "shop"}}))))
        .unwrap();
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }))
    .unwrap();
    lab.registry.apply(Object::Pod(pod.clone())).unwrap();
    lab.controllers.run();
    let shop = NamespacedName {
        namespace: String::new(),
        name: "shop".into(),
    };
    lab.registry.delete(Kind::Namespace, &shop).unwrap();
    lab.controllers.run();
    let mut another = pod;
    another.metadata.name = Some("q".into());
    assert!(
        lab.registry
            .apply(Object::Pod(another))
            .unwrap_err()
            .to_string()
            .contains("is being terminated")
    );
    lab.kubelet();
    assert!(lab.registry.store().get_object(Kind::Namespace, &shop).is_none());
    let system = NamespacedName {
        namespace: String::new(),
        name: "kube-system".into(),
    };
    assert_eq!(
        lab.registry
            .delete(Kind::Namespace, &system)
            .unwrap_err()
            .to_string(),
        "namespaces \"kube-system\" is forbidden: this namespace may not be deleted"
    );
}

#[test]
fn two_pods_cannot_have_the_same_port_of_a_node() {
    let mut lab = Lab::new();
    let ports = [
        json!({"containerPort": 80, "hostPort": 80}),
        json!({"containerPort": 80, "hostPort": 80, "hostIP": "10.1.1.1"}),
        json!({"containerPort": 80, "hostPort": 80, "protocol": "UDP"}),
        json!({"containerPort": 80, "hostPort": 81, "hostIP": "10.1.1.1"}),
        json!({"containerPort": 80, "hostPort": 81, "hostIP": "10.1.1.2"}),
    ];
    for (index, port) in ports.iter().enumerate() {
        let pod = serde_json::from_value(json!({
            "metadata": {"name": format!("pod-{index}")},
            "spec": {"containers": [{"name": "c", "image": "i", "ports": [port]}]},
        }));
        lab.registry.apply(Object::Pod(pod.unwrap())).unwrap();
    }
    lab.controllers.run();
    let pod = |lab: &Lab, index| {
        lab.registry
            .store()
            .get::<Pod>(&in_default(&format!("pod-{index}")))
    };
    let bound = |lab: &Lab| {
        let node = |index| pod(lab, index)?.spec.as_ref()?.node_name.clone();
        (0..ports.len())
            .filter(|index| node(*index).is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(bound(&lab), [0, 2, 3, 4]);
    let waits = pod(&lab, 1).unwrap().status.clone().unwrap().conditions.unwrap();
    let message = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. \
                   no new claims to deallocate, preemption: 0/1 nodes are available: \
                   1 No preemption victims found for incoming pod.";
    assert_eq!(waits[0].reason.as_deref(), Some("Unschedulable"));
    assert_eq!(waits[0].message.as_deref(), Some(message));

    lab.registry.store().remove::<Pod>(&in_default("pod-0")).unwrap();
    lab.controllers.run();
    assert_eq!(bound(&lab), [1, 2, 3, 4]);
}

#[test]
fn a_pod_beyond_its_nodes_room_waits_for_it() {
    let mut lab = Lab::new();
    let room = |lab: &mut Lab, pods| {
        let name = NamespacedName {
            namespace: String::new(),
            name: "node-1".to_owned(),
        };
        let change = |old: &mut Node| old.status = node("node-1", pods).status;
        lab.registry.store().modify(&name, change).unwrap();
        lab.controllers.run();
    };
    room(&mut lab, 3);
    lab.deployment(5, "v1");
    let counts = |lab: &Lab| {
        let pods = lab.pods();
        let bound = pods
            .iter()
            .filter(|pod| pod.spec.as_ref().unwrap().node_name.is_some());
        (bound.count(), pods.len())
    };
    assert_eq!(counts(&lab), (3, 5));
    let pods = lab.pods();
    let waits = pods
        .iter()
        .find(|pod| pod.spec.as_ref().unwrap().node_name.is_none())
        .unwrap();
    let condition = &waits.status.as_ref().unwrap().conditions.as_ref().unwrap()[0];
    let message = "0/1 nodes are available: 1 Too many pods. no new claims to deallocate, preemption: \
                   0/1 nodes are available: 1 No preemption victims found for incoming pod.";
    assert_eq!(condition.reason.as_deref(), Some("Unschedulable"));
    assert_eq!(condition.message.as_deref(), Some(message));
    let events = lab.registry.store().list::<k8s_openapi::api::core::v1::Event>();
    let told = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some("FailedScheduling"));
    assert_eq!(told.count(), 2);

    // Each that goes makes room for one.
    let gone = pods
        .iter()
        .find(|pod| pod.metadata.name != waits.metadata.name)
        .unwrap();
    lab.registry
        .store()
        .remove::<Pod>(&name_of(&gone.metadata))
        .unwrap();
    lab.controllers.run();
    assert_eq!(counts(&lab), (3, 5));
    // One that goes while it waits leaves no gap in the line.
    let pods = lab.pods();
    let first = pods
        .iter()
        .find(|pod| pod.spec.as_ref().unwrap().node_name.is_none())
        .unwrap();
    lab.registry
        .store()
        .remove::<Pod>(&name_of(&first.metadata))
        .unwrap();
    lab.controllers.run();
    assert_eq!(counts(&lab), (3, 5));
    // A larger node takes more, a further one as well.
    room(&mut lab, 4);
    assert_eq!(counts(&lab), (4, 5));
    lab.registry.apply(Object::Node(node("node-2", 110))).unwrap();
    lab.controllers.run();
    assert_eq!(counts(&lab), (5, 5));
}

/// What a template lacks, its pods get: their containers' ports are the node's.
#[test]
fn pods_of_a_deployment_on_the_nodes_network_need_its_ports() {
    let mut lab = Lab::new();
    let container = json!({"name": "agent", "image": "i", "ports": [{"containerPort": 9100}]});
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": {"name": "agent"},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "agent"}},
            "template": {
                "metadata": {"labels": {"app": "agent"}},
                "spec": {"hostNetwork": true, "containers": [container]},
            },
        },
    }))
    .unwrap();
    lab.registry.apply(Object::Deployment(deployment)).unwrap();
    lab.controllers.run();
    let bound = |lab: &Lab| {
        let pods = lab.registry.store().list::<Pod>();
        let nodes = pods
            .iter()
            .filter(|pod| pod.spec.as_ref().unwrap().node_name.is_some());
        nodes.map(|pod| name_of(&pod.metadata)).collect::<Vec<_>>()
    };
    let first = bound(&lab);
    assert_eq!(first.len(), 1);
    // One that has ended needs them no longer.
    let end = |pod: &mut Pod| pod.status.get_or_insert_default().phase = Some("Failed".to_owned());
    lab.registry.store().modify(&first[0], end).unwrap();
    lab.controllers.run();
    assert!(bound(&lab).len() > 1);
}

#[test]
fn the_largest_surge_is_taken() {
    let mut lab = Lab::new();
    for surge in [json!(i32::MAX), json!("2000000000%")] {
        lab.deployment(2, "v1");
        let surged = |deployment: &mut Deployment| {
            let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge}});
            deployment.spec.as_mut().unwrap().strategy = serde_json::from_value(strategy).unwrap();
        };
        lab.registry.store().modify(&in_default("web"), surged).unwrap();
        lab.deployment(3, "v2");
        lab.controllers.run();
        assert!(lab.pods().len() >= 3);
    }
}
