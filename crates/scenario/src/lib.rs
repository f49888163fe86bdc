//! Scenarios: the steps that are taken in a cluster, the traffic that is sent, what must be seen, and the report.

mod action;
mod fields;
mod lookup;
mod obstacle;
mod owners;
mod pod_status;
mod readiness;
pub mod report;
mod run;
mod tables;
mod traffic;
mod verdict;

pub use obstacle::Obstacle;
pub use readiness::why_not_ready;
pub use run::{Progress, Runner};
