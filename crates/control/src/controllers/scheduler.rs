//! Binds each pod that has no node to the node with the fewest pods.

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
        let names = nodes.iter().filter_map(|node| node.metadata.name.clone());
        let Some(node) = names.min_by_key(|node| self.index.pods_on(node)) else {
            return;
        };
        let now = self.store().now();
        // A pod that was deleted in between needs no node.
        let _ = self.store().modify(name, |pod: &mut Pod| {
            pod.spec.get_or_insert_default().node_name = Some(node);
            let conditions = pod
                .status
                .get_or_insert_default()
                .conditions
                .get_or_insert_default();
            conditions.push(PodCondition {
                type_: "PodScheduled".to_owned(),
                status: "True".to_owned(),
                last_transition_time: Some(now),
                ..PodCondition::default()
            });
        });
    }
}
