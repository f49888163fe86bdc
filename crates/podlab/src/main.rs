//! podlab: a Kubernetes cluster's network on one Linux machine.

mod args;
mod input;
mod validate;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    match Args::parse().command {
        Command::Validate(options) => validate::validate(&options),
        Command::Workload(workload) => workload::run(workload),
    }
}
