//! `podlab validate`: the reading and checking alone.

use std::process::ExitCode;

use crate::args::Validate;
use crate::input::understand;

/// Exit code for input that is wrong.
const BAD_INPUT: u8 = 2;

pub(crate) fn validate(options: &Validate) -> ExitCode {
    let Some(reading) = understand(&options.files, options.strict) else {
        return ExitCode::from(BAD_INPUT);
    };
    let objects = counted(reading.objects.len(), "object");
    match &reading.scenario {
        Some(scenario) => {
            let steps = counted(scenario.steps.len(), "step");
            anstream::println!("{objects} and a scenario of {steps}: valid");
        }
        None => anstream::println!("{objects}: valid"),
    }
    ExitCode::SUCCESS
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
