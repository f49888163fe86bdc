//! Keeps the EndpointSlices of each service: the addresses of the pods that it selects, and whether they are ready.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ObjectReference, Pod, Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::replicaset::controller_reference;
use crate::pods::{is_over, is_ready};
use crate::registry::random_suffix;
use crate::store::{Shared, name_of};

/// How many endpoints a slice has at most.
const SLICE_SIZE: usize = 100;
const SERVICE: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";

/// Name, protocol and number of each port; pods with the same ones share a slice.
type Ports = Vec<(String, String, i32)>;

impl Controllers {
    pub(super) fn reconcile_endpoint_slices(&mut self, name: &NamespacedName) {
        let Some(service) = self.store().get::<Service>(name) else {
            return;
        };
        let Some(spec) = service.spec.as_ref().filter(|spec| spec.selector.is_some()) else {
            return;
        };
        let mut wanted = BTreeMap::<Ports, BTreeMap<String, Endpoint>>::new();
        for pod in self.selected(&service) {
            if let Some(endpoint) = endpoint(&pod, spec) {
                let pods = wanted.entry(ports(spec, &pod)).or_default();
                pods.insert(pod.metadata.name.clone().unwrap_or_default(), endpoint);
            }
        }
        let slices: Vec<Shared<EndpointSlice>> = self.owned(&*service);
        for slice in slices {
            self.update_slice(&slice, wanted.get_mut(&ports_of(&slice)));
        }
        for (ports, endpoints) in wanted {
            let endpoints: Vec<Endpoint> = endpoints.into_values().collect();
            for endpoints in endpoints.chunks(SLICE_SIZE) {
                // A name that is taken, one time in ten million, is tried again with the next change.
                let _ = self.store().create(new_slice(&service, &ports, endpoints));
            }
        }
    }

    /// Leaves in the slice what is still wanted, and takes into it what has room, out of `wanted`.
    fn update_slice(&self, slice: &EndpointSlice, wanted: Option<&mut BTreeMap<String, Endpoint>>) {
        let mut nothing = BTreeMap::new();
        let wanted = wanted.unwrap_or(&mut nothing);
        let pod_of = |endpoint: &Endpoint| endpoint.target_ref.as_ref().and_then(|pod| pod.name.clone());
        let kept = slice
            .endpoints
            .iter()
            .filter_map(|endpoint| wanted.remove(&pod_of(endpoint)?));
        let mut endpoints: Vec<Endpoint> = kept.collect();
        while endpoints.len() < SLICE_SIZE
            && let Some((_, endpoint)) = wanted.pop_first()
        {
            endpoints.push(endpoint);
        }
        let name = name_of(&slice.metadata);
        if endpoints.is_empty() {
            let _ = self.store().remove::<EndpointSlice>(&name);
        } else {
            let _ = self
                .store()
                .modify(&name, |slice: &mut EndpointSlice| slice.endpoints = endpoints);
        }
    }
}

fn endpoint(pod: &Pod, spec: &ServiceSpec) -> Option<Endpoint> {
    let address = pod.status.as_ref()?.pod_ip.clone().filter(|_| !is_over(pod))?;
    let terminating = pod.metadata.deletion_timestamp.is_some();
    let serving = is_ready(pod);
    let ready = spec.publish_not_ready_addresses == Some(true) || (serving && !terminating);
    Some(Endpoint {
        addresses: vec![address],
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        node_name: pod.spec.as_ref()?.node_name.clone(),
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

/// The service's ports as this pod has them. A port whose name the pod doesn't know is left out.
fn ports(spec: &ServiceSpec, pod: &Pod) -> Ports {
    let port = |port: &ServicePort| {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        let number = match &port.target_port {
            None => port.port,
            Some(IntOrString::Int(number)) => *number,
            Some(IntOrString::String(name)) => named_port(pod, name, &protocol)?,
        };
        Some((port.name.clone().unwrap_or_default(), protocol, number))
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

fn ports_of(slice: &EndpointSlice) -> Ports {
    let port = |port: &EndpointPort| {
        let name = port.name.clone().unwrap_or_default();
        (
            name,
            port.protocol.clone().unwrap_or_default(),
            port.port.unwrap_or_default(),
        )
    };
    slice.ports.iter().flatten().map(port).collect()
}

fn new_slice(service: &Service, ports: &Ports, endpoints: &[Endpoint]) -> EndpointSlice {
    let name = service.metadata.name.clone().unwrap_or_default();
    let prefix = format!("{name}-");
    let labels = [(SERVICE, name.as_str()), (MANAGED_BY, CONTROLLER)];
    let port = |(name, protocol, number): &(String, String, i32)| EndpointPort {
        name: Some(name.clone()),
        protocol: Some(protocol.clone()),
        port: Some(*number),
        app_protocol: None,
    };
    EndpointSlice {
        metadata: ObjectMeta {
            name: Some(format!("{prefix}{}", random_suffix())),
            generate_name: Some(prefix.clone()),
            namespace: service.metadata.namespace.clone(),
            labels: Some(
                labels
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            ),
            owner_references: Some(vec![controller_reference(service, "v1")]),
            generation: Some(1),
            ..ObjectMeta::default()
        },
        address_type: "IPv4".to_owned(),
        endpoints: endpoints.to_vec(),
        ports: Some(ports.iter().map(port).collect()),
    }
}
