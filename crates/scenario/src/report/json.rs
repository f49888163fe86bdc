//! The report for programs.

use super::Report;

impl Report {
    /// The report as JSON, with `passed` for the whole of it.
    pub fn to_json(&self) -> String {
        let mut value = serde_json::json!(self);
        value["passed"] = self.passed().into();
        format!("{value:#}")
    }
}
