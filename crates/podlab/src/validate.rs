//! `podlab validate`: the reading and checking alone.

use crate::args::Validate;
use crate::exit;
use crate::input::understand;

pub(crate) fn validate(options: &Validate) -> u8 {
    let Some(reading) = understand(&options.files, options.strict) else {
        return exit::BAD_INPUT;
    };
    let objects = counted(reading.objects.len(), "object");
    match &reading.scenario {
        Some(scenario) => {
            let steps = counted(scenario.steps.len(), "step");
            anstream::println!("{objects} and a scenario of {steps}: valid");
        }
        None => anstream::println!("{objects}: valid"),
    }
    exit::PASSED
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
