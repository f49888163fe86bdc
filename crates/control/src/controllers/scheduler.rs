//! Binds each pod that has no node to the node with the fewest pods, of those whose ports it wants are free.

use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use podlab_api::steps::NamespacedName;

use super::Controllers;

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
        let node = fit.min_by_key(|node| self.index.pods_on(node));
        let condition = match (node, nodes.len()) {
            (Some(_), _) => scheduled("True", None),
            (None, 0) => scheduled("False", Some("no nodes available to schedule pods".to_owned())),
            (None, all) => {
                let why = format!(
                    "0/{all} nodes are available: {all} node(s) didn't have free ports for the requested pod ports."
                );
                scheduled("False", Some(why))
            }
        };
        let node = node.map(str::to_owned);
        let now = self.store().now();
        // A pod that was deleted in between needs no node.
        let _ = self.store().modify(name, |pod: &mut Pod| {
            pod.spec.get_or_insert_default().node_name = node;
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
    }
}

/// The condition `PodScheduled`, with what stands in the way.
fn scheduled(status: &str, obstacle: Option<String>) -> PodCondition {
    PodCondition {
        type_: "PodScheduled".to_owned(),
        status: status.to_owned(),
        reason: obstacle.is_some().then(|| "Unschedulable".to_owned()),
        message: obstacle,
        ..PodCondition::default()
    }
}
