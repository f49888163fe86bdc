//! What a workload knows of its pod and of other services: the variables of its container.

use std::env;

use crate::WorkloadError;

/// The pod's name: `POD_NAME` where the manifest sets it from the downward API, otherwise the hostname.
pub(crate) fn name() -> String {
    env::var("POD_NAME")
        .or_else(|_| env::var("HOSTNAME"))
        .unwrap_or_default()
}

/// The node's name: `NODE_NAME` where the manifest sets it from the downward API.
pub(crate) fn node() -> Option<String> {
    env::var("NODE_NAME").ok()
}

/// Host and port of another service: as given, or by the variables that Kubernetes sets for it.
pub(crate) fn address_of(
    given: Option<String>,
    variable: &'static str,
    option: &'static str,
) -> Result<String, WorkloadError> {
    let part = |name: &str| env::var(format!("{variable}_SERVICE_{name}")).ok();
    given
        .or_else(|| Some(format!("{}:{}", part("HOST")?, part("PORT")?)))
        .ok_or(WorkloadError::NoAddress { variable, option })
}
