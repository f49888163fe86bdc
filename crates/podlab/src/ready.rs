//! Waits for a cluster that has been built, and notes how long each phase takes.

use std::time::Instant;

use podlab_scenario::report::{Report, StepReport};
use podlab_scenario::{Obstacle, Runner};

/// Measures phases that follow each other.
pub(crate) struct Phases {
    began: Instant,
    phase: Instant,
}

impl Phases {
    /// The first one begins now.
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            phase: now,
        }
    }

    /// Notes one that has ended; the next one begins.
    pub(crate) fn end(&mut self, name: &str, report: &mut Report) {
        let now = Instant::now();
        report.phase(name, now - std::mem::replace(&mut self.phase, now));
    }
}

/// Waits until everything is ready, and takes the steps then.
pub(crate) async fn take_steps(runner: &mut Runner<'_>, phases: &mut Phases, report: &mut Report) {
    let expected = "all pods to be ready; no step was taken";
    if is_ready(runner, expected, phases, report).await {
        runner.take_steps(report).await;
    }
    phases.end("steps", report);
}

/// Waits until everything is ready. What isn't stands in the report then, where steps would: `expected` and seen.
pub(crate) async fn is_ready(
    runner: &mut Runner<'_>,
    expected: &str,
    phases: &mut Phases,
    report: &mut Report,
) -> bool {
    let connected = runner.wait_for_network().await;
    phases.end("network", report);
    let ready = match connected {
        Ok(()) => runner.wait_until_ready(report).await,
        Err(obstacle) => Err(obstacle),
    };
    phases.end("pods", report);
    if let Err(obstacle) = &ready {
        let step = not_ready(obstacle, expected, phases, report);
        report.steps.push(step);
    }
    ready.is_ok()
}

fn not_ready(obstacle: &Obstacle, expected: &str, phases: &Phases, report: &Report) -> StepReport {
    let pods = report.pods.iter().filter(|pod| pod.status != "Completed");
    StepReport {
        name: "Every pod becomes ready".to_owned(),
        passed: false,
        expected: Some(expected.to_owned()),
        seen: obstacle.to_string(),
        seconds: phases.began.elapsed().as_secs_f64(),
        pods: pods
            .map(|pod| format!("{}/{}", pod.namespace, pod.name))
            .collect(),
    }
}
