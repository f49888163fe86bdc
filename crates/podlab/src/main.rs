//! podlab: a Kubernetes cluster's network on one Linux machine.

/// Writes a line to standard error. Who can't be told, as with a full disk, isn't.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(anstream::stderr(), $($text)*);
    }};
}

mod api;
mod apply;
mod args;
mod blueprint;
mod changes;
mod check;
mod clusters;
mod configuration;
mod delete;
mod down;
mod exec;
mod exit;
mod failure;
mod find;
mod forms;
mod get;
mod input;
mod keep;
mod kubeconfig;
mod list;
mod logs;
mod naming;
mod output;
mod port_forward;
mod preflight;
mod progress;
mod ready;
mod run;
mod runtime;
mod scale;
mod schema;
mod sheet;
mod signals;
mod status;
mod supervisor;
mod target;
mod terminal;
mod up;
mod validate;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};

fn main() -> ExitCode {
    let command = Args::parse().command;
    // A workload is a program of its own.
    if !matches!(command, Command::Workload(_)) {
        signals::end_with_a_word();
    }
    ExitCode::from(match command {
        Command::Run(options) => run::run(&options),
        Command::Validate(options) => validate::validate(&options),
        Command::Up(options) => up::up(&options),
        Command::Down(options) => down::down(&options),
        Command::List(options) => list::list(&options),
        Command::Kubeconfig(options) => kubeconfig::kubeconfig(&options),
        Command::Status(options) => status::status(&options),
        Command::Get(options) => get::get(&options),
        Command::Apply(options) => apply::apply(&options),
        Command::Delete(options) => delete::delete(&options),
        Command::Scale(options) => scale::scale(&options),
        Command::Exec(options) => exec::exec(&options),
        Command::Logs(options) => logs::logs(&options),
        Command::PortForward(options) => port_forward::port_forward(&options),
        Command::Check(options) => check::check(&options),
        Command::Schema => schema::schema(),
        Command::Workload(workload) => workload::run(workload),
    })
}
