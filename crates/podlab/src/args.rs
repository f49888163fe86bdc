//! The command line. What a command takes stands beside what it does, in its own file.

use clap::{Parser, Subcommand};
use podlab_dns::server::Options as Dns;

use crate::naming::dns_label;
use crate::{
    apply, check, delete, down, exec, get, kubeconfig, list, logs, port_forward, run, scale, status, up,
    validate,
};

/// A Kubernetes cluster's network on one Linux machine.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Options),
    Validate(validate::Options),
    Up(up::Options),
    Down(down::Options),
    List(list::Options),
    Kubeconfig(kubeconfig::Options),
    Status(status::Options),
    Get(get::Options),
    Apply(apply::Options),
    Delete(delete::Options),
    Scale(scale::Options),
    Exec(exec::Options),
    Logs(logs::Options),
    PortForward(port_forward::Options),
    Check(check::Options),
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

/// Which live cluster a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The cluster's name.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME, value_parser = dns_label)]
    pub(crate) name: String,
}

/// The name of a cluster that nobody has named. kubectl's context is `podlab-NAME`: `podlab-default` says what it is,
/// where `podlab-podlab` would say it twice.
pub(crate) const DEFAULT_NAME: &str = "default";
