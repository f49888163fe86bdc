//! A pod's status in a word, as kubectl's column STATUS has it.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use podlab_control::pods::{is_ready, is_terminating};

/// The statuses of the pod's containers, without init containers.
pub(crate) fn containers(pod: &Pod) -> impl DoubleEndedIterator<Item = &ContainerStatus> {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_deref());
    statuses.unwrap_or_default().iter()
}

fn init_containers(pod: &Pod) -> &[ContainerStatus] {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.init_container_statuses.as_deref());
    statuses.unwrap_or_default()
}

/// The first init container that has not succeeded yet, and its index.
fn initializing(pod: &Pod) -> Option<(usize, &ContainerStatus)> {
    let succeeded = |container: &ContainerStatus| {
        let ended = container
            .state
            .as_ref()
            .and_then(|state| state.terminated.as_ref());
        ended.is_some_and(|ended| ended.exit_code == 0)
    };
    init_containers(pod)
        .iter()
        .enumerate()
        .find(|(_, container)| !succeeded(container))
}

/// `Running`, `CrashLoopBackOff`, `Init:0/1`: the reason of the container that is worst off, otherwise the phase.
pub(crate) fn status(pod: &Pod) -> String {
    if is_terminating(pod) {
        return "Terminating".to_owned();
    }
    if let Some((index, container)) = initializing(pod) {
        return match reason(container).filter(|reason| reason != "PodInitializing") {
            Some(reason) => format!("Init:{reason}"),
            None => format!("Init:{index}/{}", init_containers(pod).len()),
        };
    }
    let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
    let worst = containers(pod).find_map(reason);
    let runs = containers(pod).any(|container| {
        container.ready
            && container
                .state
                .as_ref()
                .is_some_and(|state| state.running.is_some())
    });
    match worst.or(phase) {
        // One of several has ended as it should.
        Some(reason) if reason == "Completed" && runs => {
            if is_ready(pod) { "Running" } else { "NotReady" }.to_owned()
        }
        Some(reason) => reason,
        None => "Pending".to_owned(),
    }
}

/// Why a container doesn't run, if it doesn't.
fn reason(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    let waiting = state.waiting.as_ref().and_then(|waiting| waiting.reason.clone());
    waiting.or_else(|| state.terminated.as_ref().map(ended))
}

fn ended(state: &ContainerStateTerminated) -> String {
    match (&state.reason, state.signal) {
        (Some(reason), _) => reason.clone(),
        (None, Some(signal)) => format!("Signal:{signal}"),
        (None, None) => format!("ExitCode:{}", state.exit_code),
    }
}

/// How often containers were started again: of the init container that is under way, or of all others.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    match initializing(pod) {
        Some((_, container)) => container.restart_count,
        None => containers(pod).map(|container| container.restart_count).sum(),
    }
}

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

fn states(pod: &Pod) -> impl Iterator<Item = &ContainerState> {
    init_containers(pod)
        .iter()
        .chain(containers(pod))
        .filter_map(|container| container.state.as_ref())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn waiting(reason: &str) -> Value {
        json!({"state": {"waiting": {"reason": reason}}})
    }

    fn terminated(code: i32, reason: Option<&str>, signal: Option<i32>) -> Value {
        json!({"state": {"terminated": {"exitCode": code, "reason": reason, "signal": signal}}})
    }

    fn running(ready: bool) -> Value {
        json!({"state": {"running": {}}, "ready": ready})
    }

    fn pod(phase: &str, init: &[Value], containers: &[Value], ready: bool) -> Pod {
        let full = |container: &Value| {
            let mut container = container.clone();
            for (field, value) in [
                ("name", json!("c")),
                ("image", json!("i")),
                ("imageID", json!("")),
            ] {
                container[field] = value;
            }
            container["restartCount"] = json!(2);
            if container.get("ready").is_none() {
                container["ready"] = json!(false);
            }
            container
        };
        let all = |containers: &[Value]| containers.iter().map(full).collect::<Vec<Value>>();
        let pod = json!({"metadata": {"name": "p"}, "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            "initContainerStatuses": all(init),
            "containerStatuses": all(containers),
        }});
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn the_word_is_kubectls() {
        let done = || terminated(0, Some("Completed"), None);
        let cases = [
            (pod("Running", &[], &[running(true)], true), "Running"),
            (pod("Running", &[], &[running(false)], false), "Running"),
            (pod("Pending", &[], &[], false), "Pending"),
            (
                pod("Pending", &[], &[waiting("ContainerCreating")], false),
                "ContainerCreating",
            ),
            (
                pod(
                    "Running",
                    &[],
                    &[running(true), waiting("CrashLoopBackOff")],
                    false,
                ),
                "CrashLoopBackOff",
            ),
            (pod("Succeeded", &[], &[done()], false), "Completed"),
            (
                pod("Failed", &[], &[terminated(3, Some("Error"), None)], false),
                "Error",
            ),
            (
                pod("Failed", &[], &[terminated(137, None, Some(9))], false),
                "Signal:9",
            ),
            (
                pod("Failed", &[], &[terminated(3, None, None)], false),
                "ExitCode:3",
            ),
            (pod("Running", &[], &[done(), running(true)], true), "Running"),
            (pod("Running", &[], &[done(), running(true)], false), "NotReady"),
            (
                pod(
                    "Pending",
                    &[waiting("PodInitializing")],
                    &[waiting("PodInitializing")],
                    false,
                ),
                "Init:0/1",
            ),
            (
                pod(
                    "Pending",
                    &[done(), running(false)],
                    &[waiting("PodInitializing")],
                    false,
                ),
                "Init:1/2",
            ),
            (
                pod(
                    "Pending",
                    &[waiting("CrashLoopBackOff")],
                    &[waiting("PodInitializing")],
                    false,
                ),
                "Init:CrashLoopBackOff",
            ),
            (
                pod(
                    "Failed",
                    &[terminated(1, Some("Error"), None)],
                    &[waiting("PodInitializing")],
                    false,
                ),
                "Init:Error",
            ),
            (pod("Running", &[done()], &[running(true)], true), "Running"),
        ];
        for (pod, word) in cases {
            assert_eq!(status(&pod), word, "{pod:?}");
        }
    }

    #[test]
    fn restarts_are_those_of_what_is_under_way() {
        let initializing = pod("Pending", &[running(false)], &[waiting("PodInitializing")], false);
        assert_eq!(restarts(&initializing), 2);
        let two = pod("Running", &[], &[running(true), running(true)], true);
        assert_eq!(restarts(&two), 4);
    }
}
