//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use podlab_dns::server::Options as Dns;

/// A Kubernetes cluster's network on one Linux machine.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Run),
    Validate(Validate),
    /// Print the JSON Schema of a Scenario document, for editors.
    Schema,
    /// What runs in a pod in place of an image; not for the command line.
    #[command(hide = true, subcommand)]
    Workload(Workload),
}

/// What runs in a pod in place of an image.
#[derive(Debug, Subcommand)]
pub(crate) enum Workload {
    /// Answer for the names of the cluster whose changes come by standard input.
    Dns(Dns),
    #[command(flatten)]
    Other(podlab_workloads::Workload),
}

/// Build a cluster from manifests, take the steps of a Scenario in it, report, and take everything down.
///
/// Exit codes: 0 all steps passed, 1 a step failed, 2 the input is wrong, 3 this machine can't do it.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Files of Kubernetes manifests and at most one Scenario, as YAML or JSON; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Stay up after the report until Ctrl-C, and say how to enter the pods.
    #[arg(long)]
    pub(crate) keep: bool,
    /// The form of the report on standard output.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// Write the report in all forms into this folder: NAME.txt, NAME.json and NAME.xml (JUnit).
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
    /// Show what the containers of all pods wrote, and not only of those that a failed step involved.
    #[arg(long)]
    pub(crate) logs: bool,
    /// Say what podlab does, on standard error.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Tables and ticks.
    Text,
    /// Everything, for programs.
    Json,
    /// JUnit's XML, for CI servers.
    Junit,
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
