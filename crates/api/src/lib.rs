//! What users write: Kubernetes objects and the Scenario kind; reading, defaulting, validation. No I/O.

pub mod builtin;
pub mod capabilities;
mod containers;
pub mod defaults;
pub mod diagnostic;
mod formats;
pub mod host_path;
pub mod labels;
pub mod limits;
pub mod manifest;
pub mod object;
pub mod scenario;
pub mod selector;
mod source;
pub mod steps;
mod suggest;
pub mod validation;
pub mod warnings;
pub mod wire;
