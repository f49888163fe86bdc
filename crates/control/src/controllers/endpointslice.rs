//! Keeps the EndpointSlices of each service: the addresses of the pods that it selects, and whether they are ready.

use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointHints, ForNode, ForZone};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::replicaset::controller_reference;
use super::slices::{Common, Port, Template, Wanted, labels};
use crate::pods::{is_over, is_ready};

const CONTROLLER: &str = "endpointslice-controller.k8s.io";
/// The label of the slices of a service without a ClusterIP.
pub(super) const HEADLESS: &str = "service.kubernetes.io/headless";
/// The label of a Node that names its zone.
const ZONE: &str = "topology.kubernetes.io/zone";

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
        if spec.cluster_ip.as_deref() == Some("None") {
            labels.insert(HEADLESS.to_owned(), String::new());
        }
        let template = Template {
            service: name.name.clone(),
            namespace: service.metadata.namespace.clone(),
            labels,
            annotations: None,
            owner: controller_reference(&*service, "v1"),
        };
        template.bring_about(self.store(), &self.owned(&*service), wanted.or_placeholder());
    }

    pub(super) fn endpoint(&self, pod: &Pod, service: &Service, spec: &ServiceSpec) -> Option<Endpoint> {
        let address = pod.status.as_ref()?.pod_ip.clone().filter(|_| !is_over(pod))?;
        let terminating = pod.metadata.deletion_timestamp.is_some();
        let serving = is_ready(pod);
        let ready = spec.publish_not_ready_addresses == Some(true) || (serving && !terminating);
        let pod_spec = pod.spec.as_ref()?;
        let node = pod_spec.node_name.clone();
        let zone = node.as_deref().and_then(|node| self.zone(node));
        let in_subdomain = pod_spec.subdomain.is_some() && pod_spec.subdomain == service.metadata.name;
        Some(Endpoint {
            addresses: vec![address],
            conditions: Some(EndpointConditions {
                ready: Some(ready),
                serving: Some(serving),
                terminating: Some(terminating),
            }),
            hints: hints(spec, node.as_deref(), zone.as_deref()).filter(|_| ready),
            hostname: pod_spec.hostname.clone().filter(|_| in_subdomain),
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
        node.metadata.labels.as_ref()?.get(ZONE).cloned()
    }
}

pub(super) fn has_selector(spec: &ServiceSpec) -> bool {
    spec.selector.is_some() && spec.type_.as_deref() != Some("ExternalName")
}

/// For whom an endpoint is, by the service's `trafficDistribution`.
fn hints(spec: &ServiceSpec, node: Option<&str>, zone: Option<&str>) -> Option<EndpointHints> {
    let zones = zone.map(|zone| {
        vec![ForZone {
            name: zone.to_owned(),
        }]
    });
    match spec.traffic_distribution.as_deref()? {
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
