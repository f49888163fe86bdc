//! What users write: Kubernetes objects and the Scenario kind; reading, defaulting, validation. No I/O.

pub mod object;
pub mod scenario;
pub mod steps;
