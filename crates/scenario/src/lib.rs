//! Steps, traffic, verdicts, reports.

pub mod report;
pub mod runner;
mod traffic;
mod verdict;
