//! Brings the EndpointSlices that somebody owns to the endpoints that there should be, with as few changes as it can.

use std::collections::BTreeMap;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use podlab_api::object::Resource;

use crate::registry::random_suffix;
use crate::store::{Shared, Store, name_of};

/// How many endpoints a controller puts into a slice.
const SLICE_SIZE: usize = 100;
/// The label that names a slice's service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label that names the controller that keeps a slice.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";

/// What all endpoints of a slice have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Common {
    /// `IPv4` or `IPv6`.
    pub(super) address_type: String,
    pub(super) ports: Vec<Port>,
}

/// A port of a slice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) protocol: String,
    pub(super) number: i32,
    pub(super) app_protocol: Option<String>,
}

/// What tells the endpoints of an owner apart: the pod, if there is one, and the address.
type Key = (Option<String>, Option<String>);

/// The endpoints that there should be.
#[derive(Debug, Default)]
pub(super) struct Wanted(BTreeMap<Common, BTreeMap<Key, Endpoint>>);

impl Wanted {
    pub(super) fn add(&mut self, common: Common, endpoint: Endpoint) {
        self.0.entry(common).or_default().insert(key(&endpoint), endpoint);
    }

    /// Kubernetes keeps one empty slice for a service without endpoints.
    pub(super) fn or_placeholder(mut self) -> Self {
        if self.0.is_empty() {
            let nothing = Common {
                address_type: "IPv4".to_owned(),
                ports: Vec::new(),
            };
            self.0.insert(nothing, BTreeMap::new());
        }
        self
    }
}

/// What the slices of an owner are to be like, apart from their endpoints.
pub(super) struct Template {
    /// The service's name.
    pub(super) service: String,
    pub(super) namespace: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
    pub(super) owner: OwnerReference,
}

impl Template {
    /// Changes, deletes and creates slices, until those that the owner has hold what is wanted.
    pub(super) fn bring_about(&self, store: &Store, owned: &[Shared<EndpointSlice>], wanted: Wanted) {
        let Wanted(mut wanted) = wanted;
        let mut placeholders: Vec<Common> = Vec::new();
        wanted.retain(|common, endpoints| {
            if endpoints.is_empty() {
                placeholders.push(common.clone());
            }
            !endpoints.is_empty()
        });
        // Who is in a slice stays there; only then is there room for others.
        let kept: Vec<_> = owned
            .iter()
            .map(|slice| {
                let common = common(slice);
                let endpoints = wanted
                    .get_mut(&common)
                    .map_or_else(Vec::new, |wanted| keep(slice, wanted));
                (slice, common, endpoints)
            })
            .collect();
        for (slice, common, mut endpoints) in kept {
            if let Some(wanted) = wanted.get_mut(&common) {
                fill(&mut endpoints, wanted);
            }
            let placeholder = placeholders.iter().position(|placeholder| *placeholder == common);
            if let Some(index) = placeholder {
                placeholders.swap_remove(index);
            }
            self.update(store, slice, endpoints, placeholder.is_some());
        }
        for (common, endpoints) in wanted {
            let endpoints: Vec<Endpoint> = endpoints.into_values().collect();
            for endpoints in endpoints.chunks(SLICE_SIZE) {
                self.create(store, &common, endpoints);
            }
        }
        for common in placeholders {
            self.create(store, &common, &[]);
        }
    }

    fn update(&self, store: &Store, slice: &EndpointSlice, endpoints: Vec<Endpoint>, may_be_empty: bool) {
        let name = name_of(&slice.metadata);
        // Not found: somebody else has deleted it, and its own event follows.
        if endpoints.is_empty() && !may_be_empty {
            let _ = store.remove::<EndpointSlice>(&name);
            return;
        }
        let _ = store.modify(&name, |slice: &mut EndpointSlice| {
            if slice.endpoints != endpoints {
                slice.endpoints = endpoints;
                slice.metadata.generation = slice.metadata.generation.map(|generation| generation + 1);
            }
            slice.metadata.labels = Some(self.labels.clone());
            slice.metadata.annotations.clone_from(&self.annotations);
        });
    }

    fn create(&self, store: &Store, common: &Common, endpoints: &[Endpoint]) {
        let port = |port: &Port| EndpointPort {
            name: Some(port.name.clone()),
            protocol: Some(port.protocol.clone()),
            port: Some(port.number),
            app_protocol: port.app_protocol.clone(),
        };
        let prefix = format!("{}-", self.service);
        let slice = EndpointSlice {
            metadata: ObjectMeta {
                name: Some(format!("{prefix}{}", random_suffix())),
                generate_name: Some(prefix),
                namespace: self.namespace.clone(),
                labels: Some(self.labels.clone()),
                annotations: self.annotations.clone(),
                owner_references: Some(vec![self.owner.clone()]),
                generation: Some(1),
                ..ObjectMeta::default()
            },
            address_type: common.address_type.clone(),
            endpoints: endpoints.to_vec(),
            ports: Some(common.ports.iter().map(port).collect()),
        };
        // A name that is taken, one time in ten million, is tried again with the next change.
        let _ = store.create(slice);
    }
}

/// What is in a slice and still wanted, taken out of `wanted`.
fn keep(slice: &EndpointSlice, wanted: &mut BTreeMap<Key, Endpoint>) -> Vec<Endpoint> {
    let endpoints = slice.endpoints.iter();
    endpoints
        .filter_map(|endpoint| wanted.remove(&key(endpoint)))
        .collect()
}

fn fill(endpoints: &mut Vec<Endpoint>, wanted: &mut BTreeMap<Key, Endpoint>) {
    while endpoints.len() < SLICE_SIZE
        && let Some((_, endpoint)) = wanted.pop_first()
    {
        endpoints.push(endpoint);
    }
}

fn key(endpoint: &Endpoint) -> Key {
    let pod = endpoint.target_ref.as_ref().and_then(|pod| pod.name.clone());
    (pod, endpoint.addresses.first().cloned())
}

fn common(slice: &EndpointSlice) -> Common {
    let port = |port: &EndpointPort| Port {
        name: port.name.clone().unwrap_or_default(),
        protocol: port.protocol.clone().unwrap_or_default(),
        number: port.port.unwrap_or_default(),
        app_protocol: port.app_protocol.clone(),
    };
    Common {
        address_type: slice.address_type.clone(),
        ports: slice.ports.iter().flatten().map(port).collect(),
    }
}

/// The labels of a slice: those of what it is made from, and the two that say whose it is.
pub(super) fn labels(of: &impl Resource, service: &str, managed_by: &str) -> BTreeMap<String, String> {
    let mut labels = of.metadata().labels.clone().unwrap_or_default();
    labels.insert(SERVICE_NAME.to_owned(), service.to_owned());
    labels.insert(MANAGED_BY.to_owned(), managed_by.to_owned());
    labels
}
