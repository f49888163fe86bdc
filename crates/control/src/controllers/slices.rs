//! Brings the EndpointSlices that somebody owns to the endpoints that there should be, with as few changes as it can.

use std::collections::BTreeMap;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use podlab_api::labels::SERVICE_NAME;
use podlab_api::object::Resource;

use crate::registry::generated_name;
use crate::store::{Shared, Store, name_of};

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

/// What tells the endpoints of an owner apart: the pod, if there is one, the address, and the host name.
type Key = (Option<String>, Option<String>, Option<String>);

/// The endpoints that there should be.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    endpoints: BTreeMap<Common, BTreeMap<Key, Endpoint>>,
    /// A slice that there should be without endpoints.
    placeholder: Option<Common>,
}

impl Wanted {
    pub(super) fn add(&mut self, common: Common, endpoint: Endpoint) {
        let endpoints = self.endpoints.entry(common).or_default();
        endpoints.insert(key(&endpoint), endpoint);
    }

    /// Kubernetes keeps one empty slice for a service without endpoints.
    pub(super) fn or_placeholder(mut self) -> Self {
        self.placeholder = self.endpoints.is_empty().then(|| Common {
            address_type: "IPv4".to_owned(),
            ports: Vec::new(),
        });
        self
    }
}

/// What the slices of an owner are to be like, apart from their endpoints.
pub(super) struct Template {
    /// The service's name.
    pub(super) service: String,
    pub(super) namespace: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    /// None: those that a slice has are its users'.
    pub(super) annotations: Option<BTreeMap<String, String>>,
    pub(super) owner: OwnerReference,
    /// How many endpoints a slice has at most.
    pub(super) size: usize,
    /// Whether new slices may be made: none are for who goes, or they would never be gone.
    pub(super) may_create: bool,
}

impl Template {
    /// Changes, creates and deletes slices, until those that the owner has hold what is wanted.
    pub(super) fn bring_about(&self, store: &Store, owned: &[Shared<EndpointSlice>], wanted: Wanted) {
        let Wanted {
            endpoints: mut wanted,
            mut placeholder,
        } = wanted;
        // Who is in a slice stays there; only then is there room for others.
        let kept: Vec<_> = owned
            .iter()
            .map(|slice| {
                let wanted = wanted.get_mut(&common(slice));
                (slice, wanted.map_or_else(Vec::new, |wanted| keep(slice, wanted)))
            })
            .collect();
        let mut spare = Vec::new();
        for (slice, mut endpoints) in kept {
            let common = common(slice);
            if let Some(wanted) = wanted.get_mut(&common) {
                self.fill(&mut endpoints, wanted);
            }
            let is_placeholder = placeholder.as_ref() == Some(&common);
            if endpoints.is_empty() && !is_placeholder {
                spare.push(slice);
                continue;
            }
            placeholder.take_if(|_| is_placeholder);
            self.update(store, slice, &common, endpoints);
        }
        let new = wanted.into_iter().flat_map(|(common, endpoints)| {
            let endpoints: Vec<Endpoint> = endpoints.into_values().collect();
            let chunks = endpoints.chunks(self.size).map(<[Endpoint]>::to_vec);
            chunks
                .map(move |chunk| (common.clone(), chunk))
                .collect::<Vec<_>>()
        });
        for (common, endpoints) in new.chain(placeholder.map(|common| (common, Vec::new()))) {
            // A slice that has become empty is used again, and keeps its name.
            match spare
                .iter()
                .position(|slice| slice.address_type == common.address_type)
            {
                Some(index) => self.update(store, spare.remove(index), &common, endpoints),
                None if self.may_create => self.create(store, &common, endpoints),
                None => {}
            }
        }
        for slice in spare {
            // Not found: somebody else has deleted it, and its own event follows.
            let _ = store.remove::<EndpointSlice>(&name_of(&slice.metadata));
        }
    }

    fn fill(&self, endpoints: &mut Vec<Endpoint>, wanted: &mut BTreeMap<Key, Endpoint>) {
        while endpoints.len() < self.size
            && let Some((_, endpoint)) = wanted.pop_first()
        {
            endpoints.push(endpoint);
        }
    }

    fn update(&self, store: &Store, slice: &EndpointSlice, to: &Common, endpoints: Vec<Endpoint>) {
        // Not found: somebody else has deleted it, and its own event follows.
        let _ = store.modify(&name_of(&slice.metadata), |slice: &mut EndpointSlice| {
            let before = slice.clone();
            slice.endpoints = endpoints;
            if common(slice) != *to {
                slice.ports = Some(to.ports.iter().map(slice_port).collect());
            }
            slice.metadata.labels = Some(self.labels.clone());
            if self.annotations.is_some() {
                let annotations = self.annotations.clone();
                slice.metadata.annotations = annotations.filter(|annotations| !annotations.is_empty());
            }
            if *slice != before {
                slice.metadata.generation = slice.metadata.generation.map(|generation| generation + 1);
            }
        });
    }

    fn create(&self, store: &Store, common: &Common, endpoints: Vec<Endpoint>) {
        let prefix = format!("{}-", self.service);
        let slice = EndpointSlice {
            metadata: ObjectMeta {
                name: Some(generated_name(&prefix)),
                generate_name: Some(prefix),
                namespace: self.namespace.clone(),
                labels: Some(self.labels.clone()),
                annotations: self
                    .annotations
                    .clone()
                    .filter(|annotations| !annotations.is_empty()),
                owner_references: Some(vec![self.owner.clone()]),
                generation: Some(1),
                ..ObjectMeta::default()
            },
            address_type: common.address_type.clone(),
            endpoints,
            ports: Some(common.ports.iter().map(slice_port).collect()),
        };
        // A name that is taken, one time in ten million, is tried again with the next change.
        let _ = store.create(slice);
    }
}

fn slice_port(port: &Port) -> EndpointPort {
    EndpointPort {
        name: Some(port.name.clone()),
        protocol: Some(port.protocol.clone()),
        port: Some(port.number),
        app_protocol: port.app_protocol.clone(),
    }
}

/// What is in a slice and still wanted, taken out of `wanted`.
fn keep(slice: &EndpointSlice, wanted: &mut BTreeMap<Key, Endpoint>) -> Vec<Endpoint> {
    let endpoints = slice.endpoints.iter();
    endpoints
        .filter_map(|endpoint| wanted.remove(&key(endpoint)))
        .collect()
}

fn key(endpoint: &Endpoint) -> Key {
    let pod = endpoint.target_ref.as_ref().and_then(|pod| pod.name.clone());
    (
        pod,
        endpoint.addresses.first().cloned(),
        endpoint.hostname.clone(),
    )
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
