//! What Kubernetes has and podlab hasn't: said before anything is built.

use crate::diagnostic::Severity;
use crate::object::Object;

/// Something in a valid object that podlab can't do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Error: the object can't run. Warning: it runs without it.
    pub severity: Severity,
    /// The field's path: `spec.ports[0].protocol`.
    pub path: String,
    /// What podlab can't do.
    pub message: String,
}

/// Everything in an object that podlab can't do.
pub fn limits(_object: &Object) -> Vec<Limit> {
    Vec::new()
}
