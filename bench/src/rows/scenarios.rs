//! Whole runs, from the command to the verdict, and their phases.

use std::process::Command;
use std::time::Instant;

use serde::Deserialize;

use super::{Case, Row, Scale};
use crate::Result;
use crate::child;
use crate::figures::{Peer, tell};

pub(crate) const ROW: Row = Row {
    id: "scenarios",
    cases,
    measure,
};

/// The scenarios, by their files' names.
pub(crate) const SCENARIOS: [&str; 2] = ["three-tier", "my-service"];

fn cases(scale: Scale) -> Vec<Case> {
    let rounds = if scale == Scale::Full { 15 } else { 7 };
    vec![Case::new(Peer::Podlab, 1, rounds)]
}

#[derive(Deserialize)]
struct Report {
    phases: Vec<Phase>,
}

#[derive(Deserialize)]
struct Phase {
    name: String,
    seconds: f64,
}

fn measure(_: &Case) -> Result<()> {
    for scenario in SCENARIOS {
        let file = format!("{}/../scenarios/{scenario}.yaml", env!("CARGO_MANIFEST_DIR"));
        let began = Instant::now();
        let output = Command::new(child::podlab()?)
            .args(["run", "--output", "json", &file])
            .output()?;
        let took = began.elapsed().as_secs_f64();
        if !output.status.success() {
            return Err(format!("{scenario} fails: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        tell(scenario, Peer::Podlab, 1, took)?;
        let report: Report = serde_json::from_slice(&output.stdout)?;
        for phase in report.phases {
            tell(
                &format!("{scenario} {}", phase.name),
                Peer::Podlab,
                1,
                phase.seconds,
            )?;
        }
    }
    Ok(())
}
