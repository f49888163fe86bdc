//! What a workload knows of its pod: the variables of its container.

use std::env;

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
