//! Finds pods by label, services by the pods they select, and objects by owner, without looking at all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;

use super::host_ports::HostPorts;
use crate::pods::is_over;
use crate::store::name_of;

/// Namespace, key and value of a label.
type Label = (String, String, String);

/// What is where, by what is looked for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Index {
    pods: HashMap<Label, BTreeSet<NamespacedName>>,
    /// Each service under one label of its selector: the pods that it selects have that label too.
    services: HashMap<Label, BTreeMap<NamespacedName, BTreeMap<String, String>>>,
    owned: HashMap<String, BTreeSet<(Kind, NamespacedName)>>,
    on_node: HashMap<String, usize>,
    host_ports: HostPorts,
    unscheduled: BTreeSet<NamespacedName>,
}

impl Index {
    pub(super) fn add(&mut self, object: &Object) {
        let name = name_of(object.metadata());
        for owner in object.metadata().owner_references.iter().flatten() {
            self.owned
                .entry(owner.uid.clone())
                .or_default()
                .insert((object.kind(), name.clone()));
        }
        match object {
            Object::Pod(pod) => {
                for label in labels(&pod.metadata) {
                    self.pods.entry(label).or_default().insert(name.clone());
                }
                match node_of(pod) {
                    Some(node) => {
                        if !is_over(pod) {
                            self.host_ports.add(pod, &node);
                        }
                        *self.on_node.entry(node).or_default() += 1;
                    }
                    None => drop(self.unscheduled.insert(name)),
                }
            }
            Object::Service(service) => {
                if let Some((label, selector)) = selector_of(service) {
                    self.services.entry(label).or_default().insert(name, selector);
                }
            }
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, object: &Object) {
        let name = name_of(object.metadata());
        for owner in object.metadata().owner_references.iter().flatten() {
            if let Some(owned) = self.owned.get_mut(&owner.uid) {
                owned.remove(&(object.kind(), name.clone()));
                if owned.is_empty() {
                    self.owned.remove(&owner.uid);
                }
            }
        }
        match object {
            Object::Pod(pod) => {
                for label in labels(&pod.metadata) {
                    if let Some(pods) = self.pods.get_mut(&label) {
                        pods.remove(&name);
                        if pods.is_empty() {
                            self.pods.remove(&label);
                        }
                    }
                }
                match node_of(pod) {
                    Some(node) => {
                        if !is_over(pod) {
                            self.host_ports.remove(pod, &node);
                        }
                        let count = self.on_node.entry(node.clone()).or_default();
                        *count = count.saturating_sub(1);
                        if *count == 0 {
                            self.on_node.remove(&node);
                        }
                    }
                    None => drop(self.unscheduled.remove(&name)),
                }
            }
            Object::Service(service) => {
                if let Some((label, _)) = selector_of(service)
                    && let Some(services) = self.services.get_mut(&label)
                {
                    services.remove(&name);
                    if services.is_empty() {
                        self.services.remove(&label);
                    }
                }
            }
            _ => {}
        }
    }

    /// The objects of a kind that name this one as an owner.
    pub(super) fn owned(&self, owner: &ObjectMeta, kind: Kind) -> impl Iterator<Item = &NamespacedName> {
        self.dependents(owner)
            .filter(move |(dependent, _)| *dependent == kind)
            .map(|(_, name)| name)
    }

    /// All objects that name this one as an owner.
    pub(super) fn dependents(&self, owner: &ObjectMeta) -> impl Iterator<Item = &(Kind, NamespacedName)> {
        let uid = owner.uid.as_deref().unwrap_or_default();
        self.owned.get(uid).into_iter().flatten()
    }

    /// The services that select a pod with these labels.
    pub(super) fn services_of(&self, pod: &Pod) -> Vec<NamespacedName> {
        let has = |selector: &BTreeMap<String, String>| {
            let labels = pod.metadata.labels.as_ref();
            selector
                .iter()
                .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
        };
        labels(&pod.metadata)
            .filter_map(|label| self.services.get(&label))
            .flatten()
            .filter(|(_, selector)| has(selector))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The pods that a service selects.
    pub(super) fn pods_of(&self, service: &Service) -> impl Iterator<Item = &NamespacedName> {
        let namespace = service.metadata.namespace.clone().unwrap_or_default();
        let selector = selector_of(service)
            .map(|(_, selector)| selector)
            .unwrap_or_default();
        let mut sets = selector
            .into_iter()
            .map(|(key, value)| self.pods.get(&(namespace.clone(), key, value)))
            .collect::<Option<Vec<_>>>()
            .unwrap_or_default();
        sets.sort_by_key(|set| set.len());
        let mut sets = sets.into_iter();
        let smallest = sets.next();
        let others: Vec<_> = sets.collect();
        smallest
            .into_iter()
            .flatten()
            .filter(move |name| others.iter().all(|set| set.contains(name)))
    }

    /// Whether a node has the ports free that a pod wants of it.
    pub(super) fn has_free_ports(&self, node: &str, pod: &Pod) -> bool {
        self.host_ports.are_free(pod, node)
    }

    /// How many pods a node has.
    pub(super) fn pods_on(&self, node: &str) -> usize {
        self.on_node.get(node).copied().unwrap_or_default()
    }

    /// The pods that have no node.
    pub(super) fn unscheduled(&self) -> impl Iterator<Item = &NamespacedName> {
        self.unscheduled.iter()
    }
}

fn labels(metadata: &ObjectMeta) -> impl Iterator<Item = Label> {
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let labels = metadata.labels.iter().flatten();
    labels.map(move |(key, value)| (namespace.clone(), key.clone(), value.clone()))
}

fn node_of(pod: &Pod) -> Option<String> {
    pod.spec.as_ref()?.node_name.clone()
}

/// A service's selector, and one label of it; none for a service that selects nothing.
fn selector_of(service: &Service) -> Option<(Label, BTreeMap<String, String>)> {
    let spec = service
        .spec
        .as_ref()
        .filter(|spec| spec.type_.as_deref() != Some("ExternalName"))?;
    let selector = spec.selector.clone()?;
    let (key, value) = selector.first_key_value()?;
    let namespace = service.metadata.namespace.clone().unwrap_or_default();
    Some(((namespace, key.clone(), value.clone()), selector))
}
