//! What a run has shown: for people, for programs, for CI.

mod json;
mod junit;
mod text;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// All that a run has shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// What it teaches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Why nothing was run, if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// The pods when the steps began.
    pub pods: Vec<PodRow>,
    /// The services when the steps began.
    pub services: Vec<ServiceRow>,
    /// What each step has shown, in order.
    pub steps: Vec<StepReport>,
    /// How long each phase took, in order.
    pub phases: Vec<Phase>,
    /// What the containers of pods wrote: of those that a failed step involved, or of all when asked for.
    pub logs: Vec<PodLog>,
}

/// A pod, in the columns of `kubectl get pods -o wide`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PodRow {
    pub namespace: String,
    pub name: String,
    /// Ready containers and all of them: `1/1`.
    pub ready: String,
    pub status: String,
    pub restarts: i64,
    pub ip: String,
    pub node: String,
}

/// A service, in the columns of `kubectl get services`, with its ready endpoints.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ServiceRow {
    pub namespace: String,
    pub name: String,
    #[serde(rename = "type")]
    pub type_: String,
    #[serde(rename = "clusterIP")]
    pub cluster_ip: String,
    /// `80/TCP,443/TCP`
    pub ports: String,
    /// `10.244.0.2:8080,10.244.0.3:8080`; `<none>` without any.
    pub endpoints: String,
}

/// What a step has shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// The step's sentence.
    pub name: String,
    /// Whether all that was expected was seen.
    pub passed: bool,
    /// What was expected, when something else was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was seen, in a line or a few.
    pub seen: String,
    /// How long it took.
    pub seconds: f64,
    /// Pods that it involved, `NAMESPACE/NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
}

/// A part of the run and how long it took.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// What was done: `read`, `network`, `pods`, `steps`.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
}

/// What the containers of a pod wrote.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodLog {
    /// `NAMESPACE/NAME`
    pub pod: String,
    /// Lines as `CONTAINER: TEXT`.
    pub lines: Vec<String>,
}

impl Report {
    /// Whether no step failed.
    pub fn passed(&self) -> bool {
        self.steps.iter().all(|step| step.passed)
    }

    /// Notes how long a phase took.
    pub fn phase(&mut self, name: &str, took: Duration) {
        self.phases.push(Phase {
            name: name.to_owned(),
            seconds: took.as_secs_f64(),
        });
    }
}

#[cfg(test)]
mod tests;
