//! Keeps the Endpoints of each service with a selector: the older form of its EndpointSlices, all in one object.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Service};
use k8s_openapi::api::discovery::v1::Endpoint;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::endpointslice::{has_selector, label_headless, ports};
use super::slices::Port;

/// The label that says who keeps an object of this kind.
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpoint-controller";
/// The annotation of an object that doesn't hold all addresses.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
/// How many addresses an object holds at most.
const CAPACITY: usize = 1_000;

/// The addresses of a port, those that are ready first.
type Addresses = BTreeMap<(bool, String), EndpointAddress>;

impl Controllers {
    pub(super) fn reconcile_endpoints(&mut self, name: &NamespacedName) {
        let Some(service) = self.store().get::<Service>(name) else {
            return;
        };
        let Some(spec) = service.spec.as_ref().filter(|spec| has_selector(spec)) else {
            return;
        };
        let publishes_all = spec.publish_not_ready_addresses == Some(true);
        let mut selected = self.selected(&service);
        selected.retain(|pod| publishes_all || pod.metadata.deletion_timestamp.is_none());
        let endpoints = selected
            .iter()
            .filter_map(|pod| Some((pod, self.endpoint(pod, &service, spec)?)));
        let mut endpoints: Vec<_> = endpoints.collect();
        let is_over_capacity = endpoints.len() > CAPACITY;
        if is_over_capacity {
            endpoints.sort_by_key(|(_, endpoint)| !is_ready(endpoint));
            endpoints.truncate(CAPACITY);
        }
        let mut addresses_of = BTreeMap::<Option<Port>, Addresses>::new();
        for (pod, endpoint) in endpoints {
            let ports = ports(spec, pod);
            // A headless service may have no ports at all; a port whose name the pod doesn't know is left out.
            let has_none = spec.ports.as_ref().is_none_or(Vec::is_empty);
            let ports = ports.into_iter().map(Some).chain(has_none.then_some(None));
            for port in ports {
                let address = address(&endpoint);
                let key = (!is_ready(&endpoint), key(&address));
                addresses_of.entry(port).or_default().insert(key, address);
            }
        }
        let mut labels = service.metadata.labels.clone().unwrap_or_default();
        labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
        label_headless(spec, &mut labels);
        if self.store().get::<Endpoints>(name).is_none() && !self.goes(&service.metadata) {
            let new = Endpoints {
                metadata: ObjectMeta {
                    name: Some(name.name.clone()),
                    namespace: Some(name.namespace.clone()),
                    ..ObjectMeta::default()
                },
                subsets: None,
            };
            // Somebody else may have been faster.
            let _ = self.store().create(new);
        }
        // Not found: somebody else has deleted it, and that event follows.
        let _ = self.store().modify(name, |endpoints: &mut Endpoints| {
            endpoints.metadata.labels = Some(labels);
            // Other annotations are their users'.
            let annotations = endpoints.metadata.annotations.get_or_insert_default();
            annotations.remove(OVER_CAPACITY);
            if is_over_capacity {
                annotations.insert(OVER_CAPACITY.to_owned(), "truncated".to_owned());
            }
            endpoints
                .metadata
                .annotations
                .take_if(|annotations| annotations.is_empty());
            endpoints.subsets = subsets(addresses_of);
        });
    }
}

fn is_ready(endpoint: &Endpoint) -> bool {
    let conditions = endpoint.conditions.as_ref();
    conditions.and_then(|conditions| conditions.ready) == Some(true)
}

fn address(endpoint: &Endpoint) -> EndpointAddress {
    EndpointAddress {
        ip: endpoint.addresses.first().cloned().unwrap_or_default(),
        hostname: endpoint.hostname.clone(),
        node_name: endpoint.node_name.clone(),
        target_ref: endpoint.target_ref.clone(),
    }
}

/// Pods on a node's own network share its address.
fn key(address: &EndpointAddress) -> String {
    let pod = address.target_ref.as_ref().and_then(|pod| pod.name.as_deref());
    format!("{} {}", address.ip, pod.unwrap_or_default())
}

/// The same addresses and ports in as few subsets as there can be.
pub(super) fn repack(all: &[EndpointSubset]) -> Vec<EndpointSubset> {
    let mut addresses_of = BTreeMap::<Option<Port>, Addresses>::new();
    for subset in all {
        let ports: Vec<Port> = subset.ports.iter().flatten().map(port).collect();
        let has_none = ports.is_empty();
        for port in ports.into_iter().map(Some).chain(has_none.then_some(None)) {
            let addresses = addresses_of.entry(port).or_default();
            let ready = subset.addresses.iter().flatten();
            let others = subset.not_ready_addresses.iter().flatten();
            for (not_ready, address) in ready.map(|it| (false, it)).chain(others.map(|it| (true, it))) {
                addresses.insert((not_ready, key(address)), address.clone());
            }
        }
    }
    // Who is ready for a port isn't also not ready for it.
    for addresses in addresses_of.values_mut() {
        let ready: BTreeSet<String> = addresses
            .keys()
            .filter(|(not_ready, _)| !not_ready)
            .map(|(_, key)| key.clone())
            .collect();
        addresses.retain(|(not_ready, key), _| !not_ready || !ready.contains(key));
    }
    subsets(addresses_of).unwrap_or_default()
}

pub(super) fn port(port: &EndpointPort) -> Port {
    Port {
        name: port.name.clone().unwrap_or_default(),
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        number: port.port,
        app_protocol: port.app_protocol.clone(),
    }
}

/// Ports with the same addresses are in one subset.
fn subsets(addresses_of: BTreeMap<Option<Port>, Addresses>) -> Option<Vec<EndpointSubset>> {
    let mut ports_of = BTreeMap::<Vec<(bool, String)>, (Vec<EndpointPort>, Addresses)>::new();
    for (port, addresses) in addresses_of {
        let key = addresses.keys().cloned().collect();
        let (ports, _) = ports_of.entry(key).or_insert_with(|| (Vec::new(), addresses));
        ports.extend(port.map(|port| EndpointPort {
            name: Some(port.name).filter(|name| !name.is_empty()),
            port: port.number,
            protocol: Some(port.protocol),
            app_protocol: port.app_protocol,
        }));
    }
    let subsets = ports_of.into_values().map(|(ports, addresses)| {
        let (mut ready, mut others) = (Vec::new(), Vec::new());
        for ((not_ready, _), address) in addresses {
            if not_ready { &mut others } else { &mut ready }.push(address);
        }
        let some = |addresses: Vec<_>| Some(addresses).filter(|addresses| !addresses.is_empty());
        EndpointSubset {
            addresses: some(ready),
            not_ready_addresses: some(others),
            ports: Some(ports).filter(|ports| !ports.is_empty()),
        }
    });
    Some(subsets.collect::<Vec<_>>()).filter(|subsets| !subsets.is_empty())
}
