//! Binds each pod that has no node to the node with the fewest pods, of those whose ports it wants are free.

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use podlab_api::steps::NamespacedName;

use super::Controllers;
use crate::recorder::EventType;

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
        let names = nodes.iter().filter_map(|node| node.metadata.name.as_deref());
        let fit = names.filter(|node| self.index.has_free_ports(node, &pod));
        let node = fit.min_by_key(|node| self.index.pods_on(node)).map(str::to_owned);
        let obstacle = node.is_none().then(|| obstacle(nodes.len()));
        let condition = scheduled(obstacle.clone());
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
}

/// Why none of so many nodes can take a pod: all that they can lack is a free port.
fn obstacle(nodes: usize) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let none = format!("0/{nodes} nodes are available");
    format!(
        "{none}: {nodes} node(s) didn't have free ports for the requested pod ports. no new claims to deallocate, \
         preemption: {none}: {nodes} No preemption victims found for incoming pod."
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
