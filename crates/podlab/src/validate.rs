//! `podlab validate`: the reading and checking alone.

use crate::exit;
use crate::input::understand;
use crate::output::answer;

/// Read manifests and say what is wrong with them; builds nothing and needs no privileges.
///
/// Exit codes: 0 all is valid, 2 something is wrong.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Files of Kubernetes manifests and at most one Scenario, as YAML or JSON; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Make every warning an error, also that of a kind that podlab doesn't run.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn validate(options: &Options) -> u8 {
    let Some(reading) = understand(&options.files, options.strict) else {
        return exit::BAD_INPUT;
    };
    let objects = counted(reading.objects.len(), "object");
    match &reading.scenario {
        Some(scenario) => {
            let steps = counted(scenario.steps.len(), "step");
            answer(format_args!("{objects} and a scenario of {steps}: valid"))
        }
        None => answer(format_args!("{objects}: valid")),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
