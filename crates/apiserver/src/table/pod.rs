//! Pods.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};
use podlab_control::pods::{Summary, summary};

use super::text::{age, given, name, since};
use super::{AGE, Cell, Column, NAME, Printed, RowCondition, cells};

impl Printed for Pod {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Ready", "How many of the pod's containers are ready."),
        Column::text("Status", "The pod's phase, or why a container of it doesn't run."),
        Column::text(
            "Restarts",
            "How often its containers were started again, and when last.",
        ),
        AGE,
        Column::text("IP", "The pod's address.").wide(),
        Column::text("Node", "The node that the pod runs on.").wide(),
        Column::text("Nominated Node", "The node where room is being made for the pod.").wide(),
        Column::text(
            "Readiness Gates",
            "How many of the pod's readiness gates are open.",
        )
        .wide(),
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let summary = summary(self);
        let restarts = restarts(&summary, now);
        let (spec, status) = (self.spec.as_ref(), self.status.as_ref());
        let ip = status.and_then(|status| status.pod_ip.as_deref());
        let node = spec.and_then(|spec| spec.node_name.as_deref());
        let nominated_node = status.and_then(|status| status.nominated_node_name.as_deref());
        cells![
            name(&self.metadata),
            format!("{}/{}", summary.ready, summary.containers),
            summary.status,
            restarts,
            age(&self.metadata, now),
            given(ip, "<none>"),
            given(node, "<none>"),
            given(nominated_node, "<none>"),
            readiness_gates(spec, status),
        ]
    }
}

fn restarts(summary: &Summary, now: Timestamp) -> String {
    match summary.last_restart {
        Some(last) if summary.restarts != 0 => {
            format!("{} ({} ago)", summary.restarts, since(Some(last), now))
        }
        _ => summary.restarts.to_string(),
    }
}

fn readiness_gates(spec: Option<&PodSpec>, status: Option<&PodStatus>) -> String {
    let gates = spec
        .and_then(|spec| spec.readiness_gates.as_deref())
        .unwrap_or_default();
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let conditions = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let is_open = |gate: &str| {
        let condition = conditions.iter().find(|condition| condition.type_ == gate);
        condition.is_some_and(|condition| condition.status == "True")
    };
    let open = gates.iter().filter(|gate| is_open(&gate.condition_type)).count();
    format!("{open}/{}", gates.len())
}

const SUCCEEDED: &[RowCondition] = &[completed("Succeeded", "The pod has completed successfully.")];
const FAILED: &[RowCondition] = &[completed("Failed", "The pod failed.")];

pub(super) fn conditions(pod: &Pod) -> &'static [RowCondition] {
    match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
        Some("Succeeded") => SUCCEEDED,
        Some("Failed") => FAILED,
        _ => &[],
    }
}

const fn completed(reason: &'static str, message: &'static str) -> RowCondition {
    RowCondition {
        type_: "Completed",
        status: "True",
        reason,
        message,
    }
}
