//! The command line.

use clap::{Parser, Subcommand};
use podlab_workloads::Workload;

/// A Kubernetes cluster's network on one Linux machine.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Validate(Validate),
    /// What runs in a pod in place of an image; not for the command line.
    #[command(hide = true, subcommand)]
    Workload(Workload),
}

/// Read manifests and say what is wrong with them; builds nothing and needs no privileges.
///
/// Exit codes: 0 all is valid, 2 something is wrong.
#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// Files of Kubernetes manifests and at most one Scenario, as YAML or JSON; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Make every warning an error, also that of a kind that podlab doesn't run.
    #[arg(long)]
    pub(crate) strict: bool,
}
