//! Why a pod doesn't run, in Kubernetes' own words.

use k8s_openapi::api::core::v1::{ContainerState, Pod};

/// What Kubernetes says about a pod that has no node, or about a container that doesn't run.
pub(crate) fn message(pod: &Pod) -> Option<String> {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let unscheduled = conditions
        .into_iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(unscheduled) = unscheduled {
        return unscheduled.message.clone();
    }
    states(pod).find_map(|state| {
        let waiting = state.waiting.as_ref().and_then(|waiting| waiting.message.clone());
        waiting.or_else(|| state.terminated.as_ref()?.message.clone())
    })
}

/// Why containers of the pod wait: `CrashLoopBackOff`.
pub(crate) fn waiting_reasons(pod: &Pod) -> impl Iterator<Item = &str> {
    states(pod).filter_map(|state| state.waiting.as_ref()?.reason.as_deref())
}

/// The states of the pod's containers, init containers first.
fn states(pod: &Pod) -> impl Iterator<Item = &ContainerState> {
    let statuses = pod.status.iter().flat_map(|status| {
        let init = status.init_container_statuses.iter().flatten();
        init.chain(status.container_statuses.iter().flatten())
    });
    statuses.filter_map(|container| container.state.as_ref())
}
