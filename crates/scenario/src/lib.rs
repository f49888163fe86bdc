//! Steps, traffic, verdicts, reports.
