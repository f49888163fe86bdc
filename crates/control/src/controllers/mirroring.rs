//! Mirrors Endpoints that users write, the older form, as EndpointSlices of services without a selector.

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointSubset, Endpoints, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions};
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::replicaset::controller_reference;
use super::slices::{Common, Port, Template, Wanted, labels};

const CONTROLLER: &str = "endpointslicemirroring-controller.k8s.io";
/// The label of Endpoints that aren't to be mirrored.
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// The annotation of Endpoints that some program elects its leader with.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// kubectl's annotation of what was applied, which isn't that of the slices.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// How many addresses of a subset are mirrored.
const MAX_ADDRESSES: usize = 1_000;

impl Controllers {
    /// `name` is that of the Endpoints, and of their service.
    pub(super) fn mirror_endpoints(&mut self, name: &NamespacedName) {
        let Some(endpoints) = self.store().get::<Endpoints>(name) else {
            return;
        };
        let service = self.store().get::<Service>(name);
        let selects = |service: &Service| service.spec.as_ref().is_some_and(|spec| spec.selector.is_some());
        let is_mirrored = service.is_some_and(|service| !selects(&service)) && !opts_out(&endpoints);
        let mut wanted = Wanted::default();
        let subsets = endpoints.subsets.iter().flatten();
        for subset in subsets.filter(|_| is_mirrored) {
            mirror(subset, &mut wanted);
        }
        let mut annotations = endpoints.metadata.annotations.clone();
        annotations
            .iter_mut()
            .for_each(|all| drop(all.remove(LAST_APPLIED)));
        let template = Template {
            service: name.name.clone(),
            namespace: endpoints.metadata.namespace.clone(),
            labels: labels(&*endpoints, &name.name, CONTROLLER),
            annotations: annotations.filter(|annotations| !annotations.is_empty()),
            owner: controller_reference(&*endpoints, "v1"),
        };
        template.bring_about(self.store(), &self.owned(&*endpoints), wanted);
    }
}

fn opts_out(endpoints: &Endpoints) -> bool {
    let metadata = &endpoints.metadata;
    let skip = metadata.labels.as_ref().and_then(|labels| labels.get(SKIP));
    let annotations = metadata.annotations.as_ref();
    skip.is_some_and(|skip| skip == "true")
        || annotations.is_some_and(|annotations| annotations.contains_key(LEADER))
}

fn mirror(subset: &EndpointSubset, wanted: &mut Wanted) {
    let ports = subset.ports.iter().flatten().map(|port| Port {
        name: port.name.clone().unwrap_or_default(),
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        number: port.port,
        app_protocol: port.app_protocol.clone(),
    });
    let ports: Vec<Port> = ports.collect();
    let ready = subset.addresses.iter().flatten().map(|address| (address, true));
    let not_ready = subset
        .not_ready_addresses
        .iter()
        .flatten()
        .map(|address| (address, false));
    for (address, ready) in ready.chain(not_ready).take(MAX_ADDRESSES) {
        let common = Common {
            address_type: if address.ip.contains(':') { "IPv6" } else { "IPv4" }.to_owned(),
            ports: ports.clone(),
        };
        wanted.add(common, endpoint(address, ready));
    }
}

fn endpoint(address: &EndpointAddress, ready: bool) -> Endpoint {
    Endpoint {
        addresses: vec![address.ip.clone()],
        conditions: Some(EndpointConditions {
            ready: Some(ready),
            ..EndpointConditions::default()
        }),
        hostname: address.hostname.clone().filter(|name| !name.is_empty()),
        node_name: address.node_name.clone(),
        target_ref: address.target_ref.clone(),
        ..Endpoint::default()
    }
}
