//! Which run of a container has the lines that are asked for, as its pod's status tells.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};

use super::super::choice::ChoiceError;

/// There is no log to read; texts as Kubernetes' API gives them, with reason `BadRequest` where nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// No container can be chosen.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The kubelet has not looked at the container yet.
    #[error("container {container:?} in pod {pod:?} is not available")]
    #[allow(missing_docs)]
    NotAvailable { container: String, pod: String },
    /// It has not been started yet.
    #[error("container {container:?} in pod {pod:?} is waiting to start: {reason}")]
    #[allow(missing_docs)]
    Waiting {
        container: String,
        pod: String,
        reason: String,
    },
    /// It was never started again.
    #[error("previous terminated container {container:?} in pod {pod:?} not found")]
    #[allow(missing_docs)]
    NoPrevious { container: String, pod: String },
    /// Reason `InternalError`: the run has just been replaced by a newer one.
    #[error("unable to retrieve container logs for {0}")]
    Gone(String),
}

/// The container ID of the run whose log stands for the container's.
pub(in crate::kubelet) fn run_to_read(pod: &Pod, name: &str, previous: bool) -> Result<String, LogsError> {
    let container = name.to_owned();
    let pod_name = pod.metadata.name.clone().unwrap_or_default();
    let Some(status) = status_of(pod, name) else {
        return Err(LogsError::NotAvailable {
            container,
            pod: pod_name,
        });
    };
    let last = ended(status.last_state.as_ref());
    if previous {
        return last.ok_or(LogsError::NoPrevious {
            container,
            pod: pod_name,
        });
    }
    let state = status.state.as_ref();
    let running = state
        .and_then(|state| state.running.as_ref())
        .and_then(|_| status.container_id.clone());
    running.or_else(|| ended(state)).or(last).ok_or_else(|| {
        let waiting = state.and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.clone());
        LogsError::Waiting {
            container,
            pod: pod_name,
            reason: match reason.as_deref() {
                Some("ErrImagePull") => "image can't be pulled".to_owned(),
                _ => reason.unwrap_or_default(),
            },
        }
    })
}

fn status_of<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let containers = status.container_statuses.iter().flatten();
    let mut all = containers.chain(status.init_container_statuses.iter().flatten());
    all.find(|container| container.name == name)
}

fn ended(state: Option<&ContainerState>) -> Option<String> {
    state?.terminated.as_ref()?.container_id.clone()
}
