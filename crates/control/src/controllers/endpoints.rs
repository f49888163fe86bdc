//! Keeps the Endpoints of each service with a selector: the older form of its EndpointSlices, all in one object.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints, Pod, Service};
use k8s_openapi::api::discovery::v1::Endpoint;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::endpointslice::{HEADLESS, has_selector, ports};
use super::slices::Port;
use crate::store::name_of;

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
        let mut addresses_of = BTreeMap::<Option<Port>, Addresses>::new();
        let mut count = 0;
        for pod in self.selected(&service) {
            let leaves = pod.metadata.deletion_timestamp.is_some();
            let Some(endpoint) = self
                .endpoint(&pod, &service, spec)
                .filter(|_| !leaves || publishes_all)
            else {
                continue;
            };
            count += 1;
            if count > CAPACITY {
                continue;
            }
            let ports = ports(spec, &pod);
            // A headless service may have no ports at all; a port whose name the pod doesn't know is left out.
            let has_none = spec.ports.as_ref().is_none_or(Vec::is_empty);
            let ports = ports.into_iter().map(Some).chain(has_none.then_some(None));
            for port in ports {
                let (key, address) = address(&pod, &endpoint);
                addresses_of.entry(port).or_default().insert(key, address);
            }
        }
        let mut labels = service.metadata.labels.clone().unwrap_or_default();
        labels.insert(MANAGED_BY.to_owned(), CONTROLLER.to_owned());
        if spec.cluster_ip.as_deref() == Some("None") {
            labels.insert(HEADLESS.to_owned(), String::new());
        }
        let truncated = (OVER_CAPACITY.to_owned(), "truncated".to_owned());
        let wanted = Endpoints {
            metadata: ObjectMeta {
                name: service.metadata.name.clone(),
                namespace: service.metadata.namespace.clone(),
                labels: Some(labels),
                annotations: (count > CAPACITY).then(|| [truncated].into()),
                ..ObjectMeta::default()
            },
            subsets: subsets(addresses_of),
        };
        self.put_endpoints(wanted);
    }

    fn put_endpoints(&self, wanted: Endpoints) {
        let name = name_of(&wanted.metadata);
        if self.store().get::<Endpoints>(&name).is_none() {
            // Somebody else may have been faster: then that event follows.
            let _ = self.store().create(wanted);
            return;
        }
        let _ = self.store().modify(&name, |endpoints: &mut Endpoints| {
            endpoints.metadata.labels = wanted.metadata.labels;
            endpoints.metadata.annotations = wanted.metadata.annotations;
            endpoints.subsets = wanted.subsets;
        });
    }
}

fn address(pod: &Pod, endpoint: &Endpoint) -> ((bool, String), EndpointAddress) {
    let ip = endpoint.addresses.first().cloned().unwrap_or_default();
    let ready = endpoint
        .conditions
        .as_ref()
        .and_then(|conditions| conditions.ready)
        == Some(true);
    // Pods on a node's own network share its address.
    let key = format!("{ip} {}", pod.metadata.name.as_deref().unwrap_or_default());
    let address = EndpointAddress {
        ip,
        hostname: endpoint.hostname.clone(),
        node_name: endpoint.node_name.clone(),
        target_ref: endpoint.target_ref.clone(),
    };
    ((!ready, key), address)
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
            ports: Some(ports),
        }
    });
    Some(subsets.collect::<Vec<_>>()).filter(|subsets| !subsets.is_empty())
}
