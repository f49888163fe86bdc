//! What keeps a step from being taken at all.

use std::time::Duration;

use podlab_api::object::Kind;
use podlab_api::steps::NamespacedName;
use podlab_cluster::kubelet::exec::ExecError;
use podlab_control::registry::ApiError;

/// Why a step can't be taken, or doesn't come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// What the step names isn't there, or not there any more.
    #[error("{} \"{name}\" not found", kind.plural())]
    NotFound {
        /// The kind of the object.
        kind: Kind,
        /// Its name.
        name: NamespacedName,
    },
    /// No pod of a deployment could send or answer.
    #[error("no pod of deployment \"{0}\" is ready")]
    NoReadyPod(NamespacedName),
    /// A pod or service has no address to send from or to.
    #[error("{0} has no address")]
    NoAddress(String),
    /// A service has no port of this name, or none of this protocol.
    #[error("service \"{service}\" has no port {port}")]
    NoPort {
        /// The service.
        service: NamespacedName,
        /// The port as the step names it.
        port: String,
    },
    /// What was waited for didn't come.
    #[error("gave up after {:.1} s: {state}", after.as_secs_f64())]
    NeverSo {
        /// How long it was waited.
        after: Duration,
        /// What was there instead.
        state: String,
    },
    /// The control plane refused it.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A command could not be run.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The kernel refused a socket.
    #[error("cannot send: {0}")]
    Socket(#[from] std::io::Error),
}
