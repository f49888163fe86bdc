//! Mirrors Endpoints that users write, the older form, as EndpointSlices of services without a selector.

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointSubset, Endpoints, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions};
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::claims::controller_reference;
use super::endpoints::{port, repack};
use super::endpointslice::has_selector;
use super::slices::{Common, Port, Template, Wanted, labels};

const CONTROLLER: &str = "endpointslicemirroring-controller.k8s.io";
/// The label of Endpoints that aren't to be mirrored.
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// The annotation of Endpoints that some program elects its leader with.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// The annotations that say something of the Endpoints only.
const NOT_MIRRORED: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "endpoints.kubernetes.io/last-change-trigger-time",
];
/// How many addresses of a subset are mirrored, all of them into one slice.
const MAX_ADDRESSES: usize = 1_000;

impl Controllers {
    /// `name` is that of the Endpoints, and of their service.
    pub(super) fn mirror_endpoints(&mut self, name: &NamespacedName) {
        let Some(endpoints) = self.store().get::<Endpoints>(name) else {
            return;
        };
        let service = self.store().get::<Service>(name);
        let selects = |service: &Service| service.spec.as_ref().is_some_and(has_selector);
        let is_mirrored = service.is_some_and(|service| !selects(&service)) && !opts_out(&endpoints);
        let mut wanted = Wanted::default();
        if is_mirrored {
            let subsets = repack(endpoints.subsets.as_deref().unwrap_or_default());
            subsets.iter().for_each(|subset| mirror(subset, &mut wanted));
        }
        let mut annotations = endpoints.metadata.annotations.clone().unwrap_or_default();
        annotations.retain(|name, _| !NOT_MIRRORED.contains(&name.as_str()));
        let template = Template {
            service: name.name.clone(),
            namespace: endpoints.metadata.namespace.clone(),
            labels: labels(&*endpoints, &name.name, CONTROLLER),
            annotations: Some(annotations),
            owner: controller_reference(&*endpoints),
            size: MAX_ADDRESSES,
            may_create: !self.goes(&endpoints.metadata),
        };
        template.bring_about(self.store(), &self.owned(&endpoints.metadata), wanted);
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
    let ports: Vec<Port> = subset.ports.iter().flatten().map(port).collect();
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
