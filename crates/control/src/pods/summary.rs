//! A pod in a few words, as kubectl's columns READY, STATUS and RESTARTS have it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerStateTerminated, ContainerStatus, Pod, PodStatus};

use super::{has_condition, is_over, is_ready, is_terminating};

/// What one line says of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many containers are ready; sidecars count, other init containers don't.
    pub ready: usize,
    /// How many containers the pod has, counted in the same way.
    pub containers: usize,
    /// `Running`, `CrashLoopBackOff`, `Init:0/1`: why the container that is worst off doesn't run, otherwise the phase.
    pub status: String,
    /// How often containers were started again: all of them, or, before they run, the init containers so far.
    pub restarts: i64,
    /// When the container that was started again last had ended.
    pub last_restart: Option<Timestamp>,
}

/// What is to be said of a pod, by the rules of Kubernetes' own printer.
pub fn summary(pod: &Pod) -> Summary {
    let none = PodStatus::default();
    let status = pod.status.as_ref().unwrap_or(&none);
    let start = Start::of(pod, status);
    let (word, running, restarts) = match start.obstacle {
        Some(obstacle) if !has_condition(pod, "Initialized") => (obstacle, 0, start.restarts),
        obstacle => {
            let containers = status.container_statuses.as_deref().unwrap_or_default();
            let running = containers.iter().filter(|container| runs(container)).count();
            let mut restarts = start.sidecar_restarts;
            containers.iter().for_each(|container| restarts.add(container));
            let word = containers.iter().find_map(reason).or(obstacle);
            let word = match word.unwrap_or_else(|| phase(status)) {
                // One of several has ended as it should.
                word if word == "Completed" && running > 0 && is_ready(pod) => "Running".to_owned(),
                word if word == "Completed" && running > 0 => "NotReady".to_owned(),
                word => word,
            };
            (word, running, restarts)
        }
    };
    Summary {
        ready: start.ready + running,
        containers: containers(pod),
        status: end(pod, status).map_or(word, str::to_owned),
        restarts: restarts.count,
        last_restart: restarts.last,
    }
}

/// What init containers have done, up to the one that is under way.
#[derive(Default)]
struct Start {
    /// What keeps the other containers from starting: `Init:0/1`.
    obstacle: Option<String>,
    /// Of all of these init containers.
    restarts: Restarts,
    sidecar_restarts: Restarts,
    /// How many sidecars are ready.
    ready: usize,
}

impl Start {
    fn of(pod: &Pod, status: &PodStatus) -> Self {
        let mut start = Self::default();
        for (index, container) in status.init_container_statuses.iter().flatten().enumerate() {
            let sidecar = init_containers(pod).any(|init| init.name == container.name && is_sidecar(init));
            start.restarts.add(container);
            if sidecar {
                start.sidecar_restarts.add(container);
            }
            if terminated(container).is_some_and(|ended| ended.exit_code == 0) {
                continue;
            }
            if sidecar && container.started == Some(true) {
                start.ready += usize::from(container.ready);
                continue;
            }
            start.obstacle = Some(
                match reason(container).filter(|reason| reason != "PodInitializing") {
                    Some(reason) => format!("Init:{reason}"),
                    None => format!("Init:{index}/{}", init_containers(pod).count()),
                },
            );
            break;
        }
        start
    }
}

#[derive(Default)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, container: &ContainerStatus) {
        self.count += i64::from(container.restart_count);
        let last = container
            .last_state
            .as_ref()
            .and_then(|state| state.terminated.as_ref());
        let ended = last.and_then(|ended| ended.finished_at.as_ref());
        self.last = self.last.max(ended.map(|time| time.0));
    }
}

fn containers(pod: &Pod) -> usize {
    let containers = pod.spec.as_ref().map_or(0, |spec| spec.containers.len());
    containers + init_containers(pod).filter(|init| is_sidecar(init)).count()
}

fn init_containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod.spec
        .iter()
        .flat_map(|spec| spec.init_containers.iter().flatten())
}

fn is_sidecar(init_container: &Container) -> bool {
    init_container.restart_policy.as_deref() == Some("Always")
}

fn runs(container: &ContainerStatus) -> bool {
    let running = container
        .state
        .as_ref()
        .is_some_and(|state| state.running.is_some());
    container.ready && running && reason(container).is_none()
}

fn terminated(container: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    container.state.as_ref()?.terminated.as_ref()
}

/// Why a container doesn't run, if it doesn't.
fn reason(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref();
    let waiting = waiting.and_then(|waiting| given(&waiting.reason));
    waiting.or_else(|| terminated(container).map(ended))
}

fn ended(state: &ContainerStateTerminated) -> String {
    match (given(&state.reason), state.signal) {
        (Some(reason), _) => reason,
        (None, Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        (None, _) => format!("ExitCode:{}", state.exit_code),
    }
}

/// What is said of a pod of whose containers nothing is to be said.
fn phase(status: &PodStatus) -> String {
    let gated = status.conditions.iter().flatten().any(|condition| {
        condition.type_ == "PodScheduled" && condition.reason.as_deref() == Some("SchedulingGated")
    });
    if gated {
        return "SchedulingGated".to_owned();
    }
    let phase = given(&status.reason).or_else(|| status.phase.clone());
    phase.unwrap_or_default()
}

/// What a deletion makes of all that.
fn end(pod: &Pod, status: &PodStatus) -> Option<&'static str> {
    if !is_terminating(pod) {
        return None;
    }
    match status.reason.as_deref() {
        // The node doesn't answer any more.
        Some("NodeLost") => Some("Unknown"),
        _ if is_over(pod) => None,
        _ => Some("Terminating"),
    }
}

fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
