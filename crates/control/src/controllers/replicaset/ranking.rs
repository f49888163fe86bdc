//! Which of its pods a set needs least.

use std::cmp::Reverse;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;

use crate::pods::{is_ready, ready_since};

/// By it, a pod that is to be lost sooner is less.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What makes a pod worth keeping, the most important first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Worth {
    has_node: bool,
    phase: Phase,
    is_ready: bool,
    deletion_cost: i32,
    ready_since: Option<Reverse<Timestamp>>,
    restarts: Reverse<i32>,
    born: Option<Reverse<Timestamp>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Pending,
    Unknown,
    Running,
}

impl Worth {
    pub(super) fn of(pod: &Pod) -> Self {
        let status = pod.status.as_ref();
        let phase = match status.and_then(|status| status.phase.as_deref()) {
            None | Some("Pending") => Phase::Pending,
            Some("Unknown") => Phase::Unknown,
            Some(_) => Phase::Running,
        };
        let cost = pod
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(DELETION_COST)?.parse().ok());
        let containers = status.and_then(|status| status.container_statuses.as_deref());
        let restarts = containers
            .into_iter()
            .flatten()
            .map(|status| status.restart_count);
        Self {
            has_node: pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()),
            phase,
            is_ready: is_ready(pod),
            deletion_cost: cost.unwrap_or_default(),
            ready_since: ready_since(pod).map(Reverse),
            restarts: Reverse(restarts.max().unwrap_or_default()),
            born: pod
                .metadata
                .creation_timestamp
                .as_ref()
                .map(|time| Reverse(time.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_are_lost_in_kubernetes_order() {
        let ready = |since: &str| json!([{ "type": "Ready", "status": "True", "lastTransitionTime": since }]);
        let (early, late) = ("2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z");
        let pods = [
            json!({ "status": { "phase": "Running" } }),
            json!({ "spec": { "nodeName": "n" }, "status": { "phase": "Pending" } }),
            json!({ "spec": { "nodeName": "n" }, "status": { "phase": "Unknown" } }),
            json!({ "spec": { "nodeName": "n" }, "status": { "phase": "Running" } }),
            json!({
                "metadata": { "annotations": { DELETION_COST: "-1" } },
                "spec": { "nodeName": "n" },
                "status": { "phase": "Running", "conditions": ready(early) },
            }),
            json!({ "spec": { "nodeName": "n" }, "status": { "phase": "Running", "conditions": ready(late) } }),
            json!({
                "metadata": { "creationTimestamp": early },
                "spec": { "nodeName": "n" },
                "status": {
                    "phase": "Running", "conditions": ready(early),
                    "containerStatuses": [{ "name": "c", "image": "", "imageID": "", "ready": true, "restartCount": 1 }],
                },
            }),
            json!({
                "metadata": { "creationTimestamp": late },
                "spec": { "nodeName": "n" },
                "status": { "phase": "Running", "conditions": ready(early) },
            }),
            json!({
                "metadata": { "creationTimestamp": early },
                "spec": { "nodeName": "n" },
                "status": { "phase": "Running", "conditions": ready(early) },
            }),
        ];
        let worth = |pod: &serde_json::Value| {
            let mut pod = pod.clone();
            pod["spec"]["containers"] = json!([]);
            Worth::of(&serde_json::from_value(pod).unwrap())
        };
        let worths: Vec<_> = pods.iter().map(worth).collect();
        assert!(worths.is_sorted_by(|less, more| less < more), "{worths:#?}");
    }
}
