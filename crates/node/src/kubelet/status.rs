//! A pod's status as its containers' states make it. Pure: states in, status out.

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The condition by which a scenario makes a pod not ready, whatever its probe says.
pub const READY_BY_DECREE: &str = "podlab.dev/ready";

/// The reasons with which a container waits for ever: what stands in its way doesn't go away by itself.
pub const WAITS_FOR_EVER: [&str; 3] = [POD_SANDBOX, CONTAINER, IMAGE];

const POD_SANDBOX: &str = "FailedCreatePodSandBox";
/// A ConfigMap or a Secret is missing, which may come.
const CONFIG: &str = "CreateContainerConfigError";
const CONTAINER: &str = "CreateContainerError";
const IMAGE: &str = "ErrImagePull";

/// Why a container, or a whole pod, can't be started as things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    /// As a container's state has it.
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Unfit {
    pub(super) fn pod_sandbox(why: impl ToString) -> Self {
        Self::new(POD_SANDBOX, why)
    }

    pub(super) fn config(why: impl ToString) -> Self {
        Self::new(CONFIG, why)
    }

    pub(super) fn container(why: impl ToString) -> Self {
        Self::new(CONTAINER, why)
    }

    pub(super) fn image(why: impl ToString) -> Self {
        Self::new(IMAGE, why)
    }

    fn new(reason: &'static str, why: impl ToString) -> Self {
        Self {
            reason,
            message: why.to_string(),
        }
    }

    /// Whether nothing stands for the container's image.
    pub(super) fn is_of_image(&self) -> bool {
        self.reason == IMAGE
    }

    /// The state of a container that waits for this.
    pub(super) fn state(&self) -> State {
        State::Waiting {
            reason: self.reason,
            message: Some(self.message.clone()),
        }
    }
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Not running yet, or not again yet.
    Waiting {
        /// Kubernetes' reason: `ContainerCreating`, `CrashLoopBackOff`, …
        reason: &'static str,
        /// What stands in the way.
        message: Option<String>,
    },
    /// It runs.
    Running {
        /// Since when.
        since: Time,
    },
    /// It has ended, and isn't started again.
    Terminated(Exit),
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Exit {
    /// The ID that the container had.
    pub id: String,
    /// Its exit code; 128 + the signal's number when a signal ended it.
    pub code: i32,
    /// When it was started.
    pub started: Time,
    /// When it ended.
    pub finished: Time,
    /// What ended it.
    pub cause: Cause,
}

/// What ended a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Its program did, or a signal.
    Program,
    /// There was no more memory for it.
    OutOfMemory,
    /// Its program could not even be started: why.
    NotStarted(String),
}

/// A container and what has become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image, as the manifest has it.
    pub image: String,
    /// The ID that it was given when it was last started: `podlab://` and a number. Empty before.
    pub id: String,
    /// What it is doing.
    pub state: State,
    /// How it ended the time before.
    pub last: Option<Exit>,
    /// How often it was started again.
    pub restarts: i32,
    /// Whether its startup probe has succeeded (true without one).
    pub started: bool,
    /// Whether its readiness probe succeeds (true without one), while it runs.
    pub ready: bool,
}

impl Container {
    /// A container that has not been started.
    pub fn new(container: &core::Container, reason: &'static str) -> Self {
        Self {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            id: String::new(),
            state: State::Waiting {
                reason,
                message: None,
            },
            last: None,
            restarts: 0,
            started: false,
            ready: false,
        }
    }

    fn is_ready(&self) -> bool {
        self.ready && matches!(self.state, State::Running { .. })
    }
}

/// Where a pod is.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The node's address.
    pub host: IpAddr,
    /// The pod's address; none before it has its network.
    pub address: Option<IpAddr>,
    /// When the kubelet took the pod on.
    pub since: Time,
}

/// The status of `pod`, whose containers are in these states.
pub fn status(
    pod: &core::Pod,
    place: &Place,
    init: &[Container],
    containers: &[Container],
    now: &Time,
) -> core::PodStatus {
    let old = pod.status.clone().unwrap_or_default();
    let initialized = init
        .iter()
        .all(|container| matches!(&container.state, State::Terminated(exit) if exit.code == 0));
    let all_ready = containers.iter().all(Container::is_ready);
    let gate = |name: &str| {
        let conditions = old.conditions.iter().flatten();
        conditions
            .into_iter()
            .find(|condition| condition.type_ == name)
            .map(|condition| condition.status == "True")
    };
    let spec = pod.spec.clone().unwrap_or_default();
    let gates_open = spec
        .readiness_gates
        .iter()
        .flatten()
        .all(|it| gate(&it.condition_type) == Some(true));
    let ready = all_ready && gates_open && gate(READY_BY_DECREE) != Some(false);
    let unready: Vec<&str> = containers
        .iter()
        .filter(|container| !container.is_ready())
        .map(|container| &*container.name)
        .collect();
    let not_ready = format!("containers with unready status: [{}]", unready.join(" "));
    let conditions = [
        ("PodReadyToStartContainers", place.address.is_some(), None),
        (
            "Initialized",
            initialized,
            (!initialized).then_some(("ContainersNotInitialized", String::new())),
        ),
        (
            "Ready",
            ready,
            match (all_ready, ready) {
                (_, true) => None,
                (false, _) => Some(("ContainersNotReady", not_ready.clone())),
                (true, false) => Some((
                    "ReadinessGatesNotReady",
                    "a readiness gate is not \"True\"".to_owned(),
                )),
            },
        ),
        (
            "ContainersReady",
            all_ready,
            (!all_ready).then_some(("ContainersNotReady", not_ready)),
        ),
    ];
    let mut written = old.conditions.unwrap_or_default();
    for (name, is_true, because) in conditions {
        set_condition(&mut written, name, is_true, because, now);
    }
    let address = place.address.map(|address| address.to_string());
    core::PodStatus {
        phase: Some(phase(&spec, init, containers).to_owned()),
        conditions: Some(written),
        host_ip: Some(place.host.to_string()),
        host_ips: Some(vec![core::HostIP {
            ip: place.host.to_string(),
        }]),
        pod_ips: address.clone().map(|ip| vec![core::PodIP { ip }]),
        pod_ip: address,
        start_time: Some(place.since.clone()),
        init_container_statuses: (!init.is_empty()).then(|| init.iter().map(container_status).collect()),
        container_statuses: Some(containers.iter().map(container_status).collect()),
        qos_class: Some("BestEffort".to_owned()),
        ..old
    }
}

fn set_condition(
    conditions: &mut Vec<core::PodCondition>,
    name: &str,
    is_true: bool,
    because: Option<(&str, String)>,
    now: &Time,
) {
    let index = conditions
        .iter()
        .position(|condition| condition.type_ == name)
        .unwrap_or_else(|| {
            conditions.push(core::PodCondition {
                type_: name.to_owned(),
                ..core::PodCondition::default()
            });
            conditions.len() - 1
        });
    let condition = &mut conditions[index];
    let status = if is_true { "True" } else { "False" };
    if condition.status != status {
        condition.last_transition_time = Some(now.clone());
        condition.status = status.to_owned();
    }
    let (reason, message) = because.unzip();
    condition.reason = reason.map(str::to_owned);
    condition.message = message.filter(|message| !message.is_empty());
}

fn phase(spec: &core::PodSpec, init: &[Container], containers: &[Container]) -> &'static str {
    let failed =
        |container: &Container| matches!(&container.state, State::Terminated(exit) if exit.code != 0);
    let ended = |container: &Container| matches!(container.state, State::Terminated(_));
    let never = spec.restart_policy.as_deref() == Some("Never");
    if never && init.iter().any(failed) {
        return "Failed";
    }
    if containers.iter().all(ended) && !containers.is_empty() {
        return if containers.iter().any(failed) {
            "Failed"
        } else {
            "Succeeded"
        };
    }
    let begun =
        |container: &Container| container.last.is_some() || !matches!(container.state, State::Waiting { .. });
    if containers.iter().any(begun) {
        "Running"
    } else {
        "Pending"
    }
}

fn container_status(container: &Container) -> core::ContainerStatus {
    let state = match &container.state {
        State::Waiting { reason, message } => core::ContainerState {
            waiting: Some(core::ContainerStateWaiting {
                reason: Some((*reason).to_owned()),
                message: message.clone(),
            }),
            ..core::ContainerState::default()
        },
        State::Running { since } => core::ContainerState {
            running: Some(core::ContainerStateRunning {
                started_at: Some(since.clone()),
            }),
            ..core::ContainerState::default()
        },
        State::Terminated(exit) => terminated(exit),
    };
    core::ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone(),
        image_id: String::new(),
        container_id: Some(container.id.clone()).filter(|id| !id.is_empty()),
        ready: container.is_ready(),
        started: Some(container.started && matches!(container.state, State::Running { .. })),
        restart_count: container.restarts,
        state: Some(state),
        last_state: container.last.as_ref().map(terminated),
        ..core::ContainerStatus::default()
    }
}

fn terminated(exit: &Exit) -> core::ContainerState {
    let (reason, message) = match &exit.cause {
        Cause::NotStarted(why) => ("StartError", Some(why.clone())),
        Cause::OutOfMemory => ("OOMKilled", None),
        Cause::Program if exit.code == 0 => ("Completed", None),
        Cause::Program => ("Error", None),
    };
    core::ContainerState {
        terminated: Some(core::ContainerStateTerminated {
            exit_code: exit.code,
            signal: (exit.code > 128).then_some(exit.code - 128),
            reason: Some(reason.to_owned()),
            message,
            container_id: Some(exit.id.clone()),
            started_at: Some(exit.started.clone()),
            finished_at: Some(exit.finished.clone()),
        }),
        ..core::ContainerState::default()
    }
}

#[cfg(test)]
mod tests;
