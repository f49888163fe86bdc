//! `podlab run`: from manifests to a report, and nothing left behind.

use std::cell::Cell;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use nix::sys::signal::Signal;
use podlab_node::sandbox::{self, Outside};
use podlab_scenario::Runner;
use podlab_scenario::report::Report;
use tracing_subscriber::filter::LevelFilter;

use crate::blueprint::Blueprint;
use crate::exit::{self, cannot};
use crate::output::{Files, Output, conclude};
use crate::progress::{self, Live};
use crate::ready::{Phases, take_steps};
use crate::{blueprint, keep, runtime, signals};

/// Build a cluster from manifests, take the steps of a Scenario in it, report, and take everything down.
///
/// Exit codes: 0 all steps passed, 1 a step failed, 2 the input is wrong, 3 this machine can't do it; 130 and 143 for
/// SIGINT and SIGTERM, unless it has reported already.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Files of Kubernetes manifests and at most one Scenario, as YAML or JSON; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Stay up after the report until Ctrl-C, and say how to enter the pods.
    #[arg(long)]
    keep: bool,
    /// The form of the report on standard output.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Write the report in all forms into this folder: NAME.txt, NAME.json and NAME.xml (JUnit).
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
    /// Show what the containers of all pods wrote, and not only of those that a failed step involved.
    #[arg(long)]
    logs: bool,
    /// Say what podlab does, on standard error.
    #[arg(short, long)]
    verbose: bool,
}

/// Takes what was understood into the sandbox.
struct Plan<'a> {
    options: &'a Options,
    blueprint: Blueprint,
    report: Report,
    phases: Phases,
}

pub(crate) fn run(options: &Options) -> u8 {
    let began = Instant::now();
    let Some(blueprint) = Blueprint::read(&options.files) else {
        return exit::BAD_INPUT;
    };
    let scenario = &blueprint.scenario;
    let mut report = Report {
        scenario: scenario.name.clone(),
        description: scenario.description.clone(),
        skipped: blueprint.lacks(),
        ..Report::default()
    };
    if report.skipped.is_none()
        && let Err(code) = blueprint.check()
    {
        return code;
    }
    let files = match Files::open(options.report_dir.as_deref(), &scenario.name) {
        Ok(files) => files,
        Err(error) => return cannot(&format!("cannot write the report: {error}")),
    };
    if report.skipped.is_some() {
        let code = conclude(&report, options.output, &files);
        return files.settle(code);
    }
    report.phase("read", began.elapsed());
    let plan = Plan {
        options,
        blueprint,
        report,
        phases: Phases::begin(),
    };
    let code = match sandbox::run(|outside| in_sandbox(plan, &files, outside)) {
        Ok(code) => match signals::of_exit_code(code) {
            Some(signal) => ended_by(signal),
            None => code,
        },
        Err(error) => cannot(&error.to_string()),
    };
    files.settle(code)
}

/// What is said of a sandbox that has no verdict; the exit code.
fn ended_by(signal: Signal) -> u8 {
    match signal {
        signal if sandbox::tells_to_end(signal) => signals::interrupted(signal, "the cluster was taken down"),
        Signal::SIGKILL => cannot(
            "SIGKILL ended the sandbox, and the cluster with it. If nobody sent it, the machine has no memory left: see \
             dmesg",
        ),
        _ => cannot(&format!("{signal} ended the sandbox, and the cluster with it")),
    }
}

fn in_sandbox(plan: Plan<'_>, files: &Files, outside: Outside) -> u8 {
    let level = if plan.options.verbose {
        LevelFilter::DEBUG
    } else {
        LevelFilter::WARN
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(level)
        .without_time()
        // It would be told on standard error.
        .log_internal_errors(false)
        .init();
    let runtime = match runtime::many_threads() {
        Ok(runtime) => runtime,
        Err(error) => return cannot(&error.to_string()),
    };
    runtime.block_on(async {
        let told = match signals::told_to_end() {
            Ok(told) => told,
            Err(error) => return cannot(&format!("signals can't be handled: {error}")),
        };
        let verdict = Cell::new(None);
        tokio::select! {
            code = lead(plan, files, outside, &verdict) => code,
            signal = told => verdict.get().unwrap_or(signals::exit_code(signal)),
        }
    })
}

/// The run itself. From the report on, `verdict` is what podlab ends with, even if somebody ends it.
async fn lead(plan: Plan<'_>, files: &Files, outside: Outside, verdict: &Cell<Option<u8>>) -> u8 {
    let Plan {
        options,
        blueprint,
        mut report,
        mut phases,
    } = plan;
    let live = Live::start();
    live.say("building the network");
    let cluster = match blueprint.build(blueprint::create).await {
        Ok(cluster) => cluster,
        Err(error) => {
            live.end();
            return cannot(&error);
        }
    };
    let tell = |progress: podlab_scenario::Progress<'_>| live.say(progress::line(progress));
    let mut runner = Runner::new(&cluster, &blueprint.scenario.steps, &tell);
    let failed = tokio::select! {
        biased;
        why = cluster.failed() => Some(why),
        () = take_steps(&mut runner, &mut phases, &mut report) => None,
    };
    if let Some(why) = failed {
        live.end();
        return cannot(&why);
    }
    runner.collect_logs(options.logs, &mut report);
    live.end();
    let code = conclude(&report, options.output, files);
    verdict.set(Some(code));
    if options.keep {
        say!("\n{}", keep::directions(&cluster, outside));
        return cannot(&cluster.failed().await);
    }
    code
}
