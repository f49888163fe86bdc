//! Binds each pod that has no node to the node with the fewest pods, of those that have room for it and whose ports it
//! wants are free.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use podlab_api::object::Kind;
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::index::Index;
use crate::recorder::EventType;
use crate::store::Shared;

const NO_PORTS: &str = "node(s) didn't have free ports for the requested pod ports";
const NO_ROOM: &str = "Too many pods";

/// The pods that wait for room: as many of them are looked at again as there is room for, and not all each time.
#[derive(Default)]
pub(super) struct Crowd(BTreeSet<NamespacedName>);

impl Crowd {
    pub(super) fn forget(&mut self, pod: &NamespacedName) {
        self.0.remove(pod);
    }
}

impl Controllers {
    pub(super) fn schedule(&mut self, name: &NamespacedName) {
        let Some(pod) = self.store().get::<Pod>(name) else {
            return;
        };
        let bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
        if bound || pod.metadata.deletion_timestamp.is_some() {
            return;
        }
        let nodes = self.store().list::<Node>();
        let node = best(&nodes, &self.index, &pod);
        if node.as_ref().is_err_and(|lacks| lacks.contains_key(NO_ROOM)) {
            self.crowd.0.insert(name.clone());
        } else {
            self.crowd.0.remove(name);
            self.mark_crowd();
        }
        let obstacle = node.as_ref().err().map(|lacks| obstacle(nodes.len(), lacks));
        let condition = scheduled(obstacle.clone());
        let node = node.ok();
        let now = self.store().now();
        let bound_to = node.clone();
        let changed = self.store().modify(name, |pod: &mut Pod| {
            pod.spec.get_or_insert_default().node_name = bound_to;
            let status = pod.status.get_or_insert_default();
            let conditions = status.conditions.get_or_insert_default();
            let old = conditions.iter().position(|old| old.type_ == condition.type_);
            let old = old.map(|index| conditions.remove(index));
            let since = old.filter(|old| old.status == condition.status);
            conditions.push(PodCondition {
                last_transition_time: since.map_or(Some(now), |old| old.last_transition_time),
                ..condition
            });
        });
        // A pod that was deleted in between needs no node, and one that still waits is known to wait.
        if !changed.is_ok_and(|changed| changed.metadata.resource_version != pod.metadata.resource_version) {
            return;
        }
        let recorder = &self.recorders.scheduler;
        if let Some(node) = node {
            let message = format!("Successfully assigned {}/{} to {node}", name.namespace, name.name);
            recorder.event(&*pod, EventType::Normal, "Scheduled", message);
        } else if let Some(obstacle) = obstacle {
            recorder.event(&*pod, EventType::Warning, "FailedScheduling", obstacle);
        }
    }

    /// Has all pods looked at that wait for something else than room, and one of those.
    pub(super) fn mark_unscheduled(&mut self) {
        if self.index.unscheduled().len() > self.crowd.0.len() {
            let others = self.index.unscheduled().filter(|pod| !self.crowd.0.contains(pod));
            let others: Vec<_> = others.map(|pod| (Kind::Pod, pod.clone())).collect();
            self.dirty.extend(others);
        }
        self.mark_crowd();
    }

    /// Has one pod looked at that waits for room; the next one is when this has found some.
    fn mark_crowd(&mut self) {
        let first = self.crowd.0.first();
        self.dirty.extend(first.map(|pod| (Kind::Pod, pod.clone())));
    }
}

/// The node with the fewest pods that can take one more; what those lack that there are, if none can.
fn best(nodes: &[Shared<Node>], index: &Index, pod: &Pod) -> Result<String, BTreeMap<&'static str, usize>> {
    let mut lacks = BTreeMap::new();
    let mut fit = Vec::new();
    for node in nodes {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let pods = index.pods_on(name);
        let lack = if !index.has_free_ports(name, pod) {
            NO_PORTS
        } else if pods >= room(node) {
            NO_ROOM
        } else {
            fit.push((pods, name));
            continue;
        };
        *lacks.entry(lack).or_default() += 1;
    }
    let best = fit.into_iter().min_by_key(|(pods, _)| *pods);
    best.map(|(_, name)| name.to_owned()).ok_or(lacks)
}

/// How many pods a node can have; as in Kubernetes none, if it doesn't say.
pub(super) fn room(node: &Node) -> usize {
    let status = node.status.as_ref();
    let allocatable = status.and_then(|status| status.allocatable.as_ref());
    let pods = allocatable.and_then(|allocatable| allocatable.get("pods"));
    pods.and_then(|pods| pods.0.parse().ok()).unwrap_or_default()
}

/// Why none of so many nodes can take a pod, by what how many of them lack.
fn obstacle(nodes: usize, lacks: &BTreeMap<&str, usize>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let none = format!("0/{nodes} nodes are available");
    let mut lacks: Vec<String> = lacks
        .iter()
        .map(|(lack, nodes)| format!("{nodes} {lack}"))
        .collect();
    lacks.sort();
    format!(
        "{none}: {}. no new claims to deallocate, preemption: {none}: {nodes} No preemption victims found for \
         incoming pod.",
        lacks.join(", ")
    )
}

/// The condition `PodScheduled`, with what stands in the way.
fn scheduled(obstacle: Option<String>) -> PodCondition {
    PodCondition {
        type_: "PodScheduled".to_owned(),
        status: if obstacle.is_some() { "False" } else { "True" }.to_owned(),
        reason: obstacle.is_some().then(|| "Unschedulable".to_owned()),
        message: obstacle,
        ..PodCondition::default()
    }
}
