//! podlab: a Kubernetes cluster's network on one Linux machine.

mod args;
mod exit;
mod input;
mod keep;
mod output;
mod preflight;
mod progress;
mod run;
mod schema;
mod validate;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    ExitCode::from(match Args::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Validate(options) => validate::validate(&options),
        Command::Schema => schema::schema(),
        Command::Workload(workload) => workload::run(workload),
    })
}
