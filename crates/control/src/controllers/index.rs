//! Finds pods by label, services by the pods they select, and objects by owner, without looking at all of them.

mod labelled;
mod selectors;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;

use super::host_ports::HostPorts;
use crate::pods::is_over;
use crate::store::name_of;
use labelled::Labelled;
pub(super) use selectors::Selector;
use selectors::Selectors;

/// Namespace, key and value of a label.
type Label = (String, String, String);

/// What is where, by what is looked for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Index {
    pods: Labelled,
    sets: Labelled,
    slices: Labelled,
    services: Selectors,
    sets_by_selector: Selectors,
    deployments: Selectors,
    /// How many objects a namespace has.
    in_namespace: HashMap<String, usize>,
    owned: HashMap<String, BTreeSet<(Kind, NamespacedName)>>,
    on_node: HashMap<String, usize>,
    host_ports: HostPorts,
    unscheduled: BTreeSet<NamespacedName>,
}

impl Index {
    pub(super) fn add(&mut self, object: &Object) {
        let name = name_of(object.metadata());
        increase(&mut self.in_namespace, name.namespace.clone());
        for owner in object.metadata().owner_references.iter().flatten() {
            self.owned
                .entry(owner.uid.clone())
                .or_default()
                .insert((object.kind(), name.clone()));
        }
        match object {
            Object::Pod(pod) => {
                self.pods.add(&pod.metadata);
                match node_of(pod) {
                    Some(node) => {
                        if !is_over(pod) {
                            self.host_ports.add(pod, &node);
                        }
                        increase(&mut self.on_node, node);
                    }
                    None => drop(self.unscheduled.insert(name)),
                }
            }
            Object::Service(service) => {
                if let Some(selector) = service_selector(service) {
                    self.services.add(name, selector);
                }
            }
            Object::ReplicaSet(set) => {
                self.sets.add(&set.metadata);
                if let Some(selector) = set_selector(set) {
                    self.sets_by_selector.add(name, selector);
                }
            }
            Object::EndpointSlice(slice) => self.slices.add(&slice.metadata),
            Object::Deployment(deployment) => {
                if let Some(selector) = deployment_selector(deployment) {
                    self.deployments.add(name, selector);
                }
            }
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, object: &Object) {
        let name = name_of(object.metadata());
        decrease(&mut self.in_namespace, &name.namespace);
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
                self.pods.remove(&pod.metadata);
                match node_of(pod) {
                    Some(node) => {
                        if !is_over(pod) {
                            self.host_ports.remove(pod, &node);
                        }
                        decrease(&mut self.on_node, &node);
                    }
                    None => drop(self.unscheduled.remove(&name)),
                }
            }
            Object::Service(service) => {
                if let Some(selector) = service_selector(service) {
                    self.services.remove(&name, &selector);
                }
            }
            Object::ReplicaSet(set) => {
                self.sets.remove(&set.metadata);
                if let Some(selector) = set_selector(set) {
                    self.sets_by_selector.remove(&name, &selector);
                }
            }
            Object::EndpointSlice(slice) => self.slices.remove(&slice.metadata),
            Object::Deployment(deployment) => {
                if let Some(selector) = deployment_selector(deployment) {
                    self.deployments.remove(&name, &selector);
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

    /// Whether an object names this one as an owner.
    pub(super) fn is_owned(&self, owner: &ObjectMeta, kind: Kind, name: &NamespacedName) -> bool {
        let uid = owner.uid.as_deref().unwrap_or_default();
        let owned = self.owned.get(uid);
        owned.is_some_and(|owned| owned.contains(&(kind, name.clone())))
    }

    /// All objects that name this one as an owner.
    pub(super) fn dependents(&self, owner: &ObjectMeta) -> impl Iterator<Item = &(Kind, NamespacedName)> {
        let uid = owner.uid.as_deref().unwrap_or_default();
        self.owned.get(uid).into_iter().flatten()
    }

    /// The services that select a pod.
    pub(super) fn services_of(&self, pod: &Pod) -> impl Iterator<Item = &NamespacedName> {
        self.services.of(&pod.metadata)
    }

    /// Who would take an object that nobody controls.
    pub(super) fn takers_of(&self, object: &Object) -> (Kind, Vec<NamespacedName>) {
        let (kind, takers) = match object {
            Object::Pod(_) => (Kind::ReplicaSet, &self.sets_by_selector),
            Object::ReplicaSet(_) => (Kind::Deployment, &self.deployments),
            _ => return (object.kind(), Vec::new()),
        };
        (kind, takers.of(object.metadata()).cloned().collect())
    }

    /// The pods that a service selects.
    pub(super) fn pods_of(&self, service: &Service) -> impl Iterator<Item = &NamespacedName> {
        let namespace = service.metadata.namespace.as_deref().unwrap_or_default();
        let selector = service_selector(service).map(|selector| selector.exact);
        self.pods.with(namespace, &selector.unwrap_or_default())
    }

    /// The pods, sets or slices in a namespace that have all of these labels; none if there are no labels.
    pub(super) fn labelled<'a>(
        &'a self,
        kind: Kind,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a NamespacedName> + use<'a> {
        let objects = match kind {
            Kind::Pod => Some(&self.pods),
            Kind::ReplicaSet => Some(&self.sets),
            Kind::EndpointSlice => Some(&self.slices),
            _ => None,
        };
        let named = objects.map(|objects| objects.with(namespace, labels));
        named.into_iter().flatten()
    }

    /// Whether a node has the ports free that a pod wants of it.
    pub(super) fn has_free_ports(&self, node: &str, pod: &Pod) -> bool {
        self.host_ports.are_free(pod, node)
    }

    /// Whether a namespace has any objects, events aside.
    pub(super) fn has_content(&self, namespace: &str) -> bool {
        self.in_namespace.contains_key(namespace)
    }

    /// How many pods a node has.
    pub(super) fn pods_on(&self, node: &str) -> usize {
        self.on_node.get(node).copied().unwrap_or_default()
    }

    /// The pods that have no node.
    pub(super) fn unscheduled(&self) -> impl ExactSizeIterator<Item = &NamespacedName> {
        self.unscheduled.iter()
    }
}

fn increase(counts: &mut HashMap<String, usize>, key: String) {
    *counts.entry(key).or_default() += 1;
}

fn decrease(counts: &mut HashMap<String, usize>, key: &str) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
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

/// None for a service that selects nothing.
fn service_selector(service: &Service) -> Option<Selector> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return None;
    }
    Selector::new(&LabelSelector {
        match_labels: spec.selector.clone(),
        match_expressions: None,
    })
}

fn set_selector(set: &ReplicaSet) -> Option<Selector> {
    Selector::new(&set.spec.as_ref()?.selector)
}

fn deployment_selector(deployment: &Deployment) -> Option<Selector> {
    Selector::new(&deployment.spec.as_ref()?.selector)
}
