//! The report for CI servers, in JUnit's XML.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Document, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::Report;

impl Report {
    /// The report as a JUnit document: the scenario is a test suite, each step a test case.
    ///
    /// # Errors
    /// A text that XML can't carry.
    pub fn to_junit(&self) -> Result<String, SerializeError> {
        let mut suite = TestSuite::new(&self.scenario);
        for step in &self.steps {
            let status = match &step.expected {
                None => TestCaseStatus::success(),
                Some(expected) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(format!("expected {expected}"));
                    status.set_description(&step.seen);
                    status
                }
            };
            let mut case = TestCase::new(&step.name, status);
            case.set_classname(&self.scenario);
            case.set_time(Duration::from_secs_f64(step.seconds));
            case.set_system_out(&step.seen);
            suite.add_test_case(case);
        }
        if let Some(reason) = &self.skipped {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason);
            suite.add_test_case(TestCase::new(&self.scenario, status));
        }
        let logs: Vec<String> = self
            .logs
            .iter()
            .flat_map(|log| log.lines.iter().map(|line| format!("{}: {line}", log.pod)))
            .collect();
        if !logs.is_empty() {
            suite.set_system_out(logs.join("\n"));
        }
        let mut document = Document::new("podlab");
        document.add_test_suite(suite);
        document.to_string()
    }
}
