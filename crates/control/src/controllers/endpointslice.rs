//! Keeps the EndpointSlices of each service: the addresses of the pods that it selects, and whether they are ready.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{
    Endpoint, EndpointConditions, EndpointHints, EndpointSlice, ForNode, ForZone,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podlab_api::labels::{SERVICE_NAME, ZONE};
use podlab_api::object::Kind;
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::claims::controller_reference;
use super::slices::{Common, MANAGED_BY, Port, Template, Wanted, labels};
use crate::pods::{is_over, is_ready};
use crate::store::name_of;

const CONTROLLER: &str = "endpointslice-controller.k8s.io";
/// How many endpoints it puts into a slice.
const SLICE_SIZE: usize = 100;
/// The annotations of a service that ask for hints of another kind, which take the place of `trafficDistribution`'s.
const TOPOLOGY_MODES: [&str; 2] = [
    "service.kubernetes.io/topology-mode",
    "service.kubernetes.io/topology-aware-hints",
];
/// The label of the slices of a service without a ClusterIP.
const HEADLESS: &str = "service.kubernetes.io/headless";

impl Controllers {
    pub(super) fn reconcile_endpoint_slices(&mut self, name: &NamespacedName) {
        let Some(service) = self.store().get::<Service>(name) else {
            return;
        };
        let Some(spec) = service.spec.as_ref().filter(|spec| has_selector(spec)) else {
            return;
        };
        let mut wanted = Wanted::default();
        for pod in self.selected(&service) {
            if let Some(endpoint) = self.endpoint(&pod, &service, spec) {
                let common = Common {
                    address_type: "IPv4".to_owned(),
                    ports: ports(spec, &pod),
                };
                wanted.add(common, endpoint);
            }
        }
        let mut labels = labels(&*service, &name.name, CONTROLLER);
        label_headless(spec, &mut labels);
        let template = Template {
            service: name.name.clone(),
            namespace: service.metadata.namespace.clone(),
            labels,
            annotations: None,
            owner: controller_reference(&*service),
            size: SLICE_SIZE,
            may_create: !self.goes(&service.metadata),
        };
        template.bring_about(
            self.store(),
            &self.owned(&service.metadata),
            wanted.or_placeholder(),
        );
        self.remove_orphans(&service);
    }

    /// What another service of the same name has left.
    fn remove_orphans(&self, service: &Service) {
        let NamespacedName { namespace, name } = name_of(&service.metadata);
        let labels = [(SERVICE_NAME, &*name), (MANAGED_BY, CONTROLLER)];
        let labels = labels.map(|(label, value)| (label.to_owned(), value.to_owned()));
        let left = self
            .index
            .labelled(Kind::EndpointSlice, &namespace, &labels.into());
        for slice in left {
            if !self.index.is_owned(&service.metadata, Kind::EndpointSlice, slice) {
                // Not found: somebody else has deleted it.
                let _ = self.store().remove::<EndpointSlice>(slice);
            }
        }
    }

    pub(super) fn endpoint(&self, pod: &Pod, service: &Service, spec: &ServiceSpec) -> Option<Endpoint> {
        let address = pod.status.as_ref()?.pod_ip.clone().filter(|_| !is_over(pod))?;
        let terminating = pod.metadata.deletion_timestamp.is_some();
        let serving = is_ready(pod);
        let ready = spec.publish_not_ready_addresses == Some(true) || (serving && !terminating);
        let pod_spec = pod.spec.as_ref()?;
        let node = pod_spec.node_name.clone();
        let zone = node.as_deref().and_then(|node| self.zone(node));
        let hostname = pod_spec.hostname.clone().filter(|hostname| !hostname.is_empty());
        let in_subdomain = pod_spec.subdomain.is_some() && pod_spec.subdomain == service.metadata.name;
        Some(Endpoint {
            addresses: vec![address],
            conditions: Some(EndpointConditions {
                ready: Some(ready),
                serving: Some(serving),
                terminating: Some(terminating),
            }),
            hints: hints(service, node.as_deref(), zone.as_deref()).filter(|_| ready),
            hostname: hostname.filter(|_| in_subdomain),
            node_name: node,
            zone,
            target_ref: Some(ObjectReference {
                kind: Some("Pod".to_owned()),
                namespace: pod.metadata.namespace.clone(),
                name: pod.metadata.name.clone(),
                uid: pod.metadata.uid.clone(),
                ..ObjectReference::default()
            }),
            ..Endpoint::default()
        })
    }

    fn zone(&self, node: &str) -> Option<String> {
        let name = NamespacedName {
            namespace: String::new(),
            name: node.to_owned(),
        };
        let node = self.store().get::<Node>(&name)?;
        zone_of(&node).cloned()
    }
}

/// The zone that a node is in.
pub(super) fn zone_of(node: &Node) -> Option<&String> {
    let zone = node.metadata.labels.as_ref()?.get(ZONE);
    zone.filter(|zone| !zone.is_empty())
}

/// Whether the service's endpoints are pods that it selects. An empty selector is none.
pub(super) fn has_selector(spec: &ServiceSpec) -> bool {
    spec.selector
        .as_ref()
        .is_some_and(|selector| !selector.is_empty())
        && spec.type_.as_deref() != Some("ExternalName")
}

/// The label says that a service has no ClusterIP; on what is made from a service that has one it would be wrong.
pub(super) fn label_headless(spec: &ServiceSpec, labels: &mut BTreeMap<String, String>) {
    if spec.cluster_ip.as_deref() == Some("None") {
        labels.insert(HEADLESS.to_owned(), String::new());
    } else {
        labels.remove(HEADLESS);
    }
}

/// For whom an endpoint is, by the service's `trafficDistribution`.
fn hints(service: &Service, node: Option<&str>, zone: Option<&str>) -> Option<EndpointHints> {
    let annotations = service.metadata.annotations.as_ref();
    let mode = TOPOLOGY_MODES
        .iter()
        .find_map(|name| annotations.and_then(|annotations| annotations.get(*name)));
    if mode.is_some_and(|mode| mode.eq_ignore_ascii_case("auto")) {
        return None;
    }
    let zones = zone.map(|zone| {
        vec![ForZone {
            name: zone.to_owned(),
        }]
    });
    match service.spec.as_ref()?.traffic_distribution.as_deref()? {
        "PreferClose" | "PreferSameZone" => Some(EndpointHints {
            for_zones: Some(zones?),
            for_nodes: None,
        }),
        "PreferSameNode" => Some(EndpointHints {
            for_zones: zones,
            for_nodes: Some(vec![ForNode {
                name: node?.to_owned(),
            }]),
        }),
        _ => None,
    }
}

/// The service's ports as this pod has them. A port whose name the pod doesn't know is left out.
pub(super) fn ports(spec: &ServiceSpec, pod: &Pod) -> Vec<Port> {
    let port = |port: &ServicePort| {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        let number = match &port.target_port {
            None => port.port,
            Some(IntOrString::Int(number)) => *number,
            Some(IntOrString::String(name)) => named_port(pod, name, &protocol)?,
        };
        Some(Port {
            name: port.name.clone().unwrap_or_default(),
            protocol,
            number,
            app_protocol: port.app_protocol.clone(),
        })
    };
    spec.ports.iter().flatten().filter_map(port).collect()
}

fn named_port(pod: &Pod, name: &str, protocol: &str) -> Option<i32> {
    let containers = &pod.spec.as_ref()?.containers;
    let mut ports = containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten());
    let is_it = |port: &&k8s_openapi::api::core::v1::ContainerPort| {
        port.name.as_deref() == Some(name) && port.protocol.as_deref().unwrap_or("TCP") == protocol
    };
    ports.find(is_it).map(|port| port.container_port)
}
