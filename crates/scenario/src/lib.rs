//! Steps, traffic, verdicts, reports.

pub mod report;
