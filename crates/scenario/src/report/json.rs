//! The report for programs.

use serde::Serialize;

use super::Report;

#[derive(Serialize)]
struct Whole<'a> {
    passed: bool,
    #[serde(flatten)]
    report: &'a Report,
}

impl Report {
    /// The report as JSON, with `passed` for the whole of it.
    ///
    /// # Errors
    /// A number that JSON can't carry.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&Whole {
            passed: self.passed(),
            report: self,
        })
    }
}
