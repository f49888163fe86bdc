//! `podlab run`: from manifests to a report, and nothing left behind.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use podlab_api::manifest::Reading;
use podlab_api::steps::Scenario;
use podlab_cluster::{Cluster, ClusterError, Options};
use podlab_kernel::nft::find_program;
use podlab_node::images::Images;
use podlab_node::sandbox::{self, Outside};
use podlab_scenario::report::{Report, StepReport};
use podlab_scenario::{Obstacle, Runner};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

use crate::args::Run;
use crate::output::{self, Files};
use crate::progress::Live;
use crate::{exit, input, keep, preflight, workload};

/// Takes what was understood into the sandbox.
struct Plan<'a> {
    options: &'a Run,
    reading: &'a Reading,
    scenario: Scenario,
    images: Images,
    report: Report,
    began: Instant,
}

pub(crate) fn run(options: &Run) -> u8 {
    let began = Instant::now();
    let Some(reading) = input::understand(&options.files, false) else {
        return exit::BAD_INPUT;
    };
    let scenario = reading
        .scenario
        .clone()
        .unwrap_or_else(|| Scenario::without_steps("manifests".to_owned()));
    let images = Images::new(scenario.programs.clone(), workload::built_in);
    let mut report = Report {
        scenario: scenario.name.clone(),
        description: scenario.description.clone(),
        skipped: preflight::lacks(&scenario.requires),
        ..Report::default()
    };
    let files = match Files::open(options.report_dir.as_deref(), &scenario.name) {
        Ok(files) => files,
        Err(error) => return cannot(&format!("cannot write the report: {error}")),
    };
    if report.skipped.is_some() {
        return conclude(options, files, &report);
    }
    let mut problems = preflight::unknown_images(&reading, &images);
    match preflight::refused(&reading.objects, &scenario) {
        Ok(refused) => problems.extend(refused),
        Err(error) => {
            anstream::eprintln!("error: {error}");
            return exit::BAD_INPUT;
        }
    }
    if !problems.is_empty() {
        input::complain(&problems);
        return exit::BAD_INPUT;
    }
    if find_program("nft").is_none() {
        return cannot(
            "nft isn't installed: it comes with the package nftables (sudo apt-get install nftables)",
        );
    }
    report.phase("read", began.elapsed());
    let plan = Plan {
        options,
        reading: &reading,
        scenario,
        images,
        report,
        began: Instant::now(),
    };
    match sandbox::run(|outside| in_sandbox(plan, files, outside)) {
        Ok(code) => code,
        Err(error) => cannot(&error.to_string()),
    }
}

fn in_sandbox(plan: Plan<'_>, files: Files, outside: Outside) -> u8 {
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
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return cannot(&error.to_string()),
    };
    runtime.block_on(async {
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return cannot("signals can't be handled");
        };
        let ended = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let verdict = Cell::new(exit::INTERRUPTED);
        tokio::select! {
            code = lead(plan, files, outside, &verdict) => code,
            () = ended => verdict.get(),
        }
    })
}

/// The run itself. From the report on, `verdict` is what podlab ends with, even if somebody ends it.
async fn lead(plan: Plan<'_>, files: Files, outside: Outside, verdict: &Cell<u8>) -> u8 {
    let Plan {
        options,
        reading,
        scenario,
        images,
        mut report,
        began,
    } = plan;
    let live = Live::start();
    live.say("building the network");
    let cluster = match build(reading, &scenario, images).await {
        Ok(cluster) => cluster,
        Err(error) => {
            live.end();
            return cannot(&error);
        }
    };
    let tell = |progress: podlab_scenario::Progress<'_>| live.tell(progress);
    let mut runner = Runner::new(&cluster, &scenario.steps, &tell);
    let mut phase = began;
    let mut next = |report: &mut Report, name| {
        let now = Instant::now();
        report.phase(name, now - std::mem::replace(&mut phase, now));
    };
    let connected = runner.wait_for_network().await;
    next(&mut report, "network");
    let ready = match connected {
        Ok(()) => runner.wait_until_ready(&mut report).await,
        Err(obstacle) => Err(obstacle),
    };
    next(&mut report, "pods");
    match ready {
        Ok(()) => runner.take_steps(&mut report).await,
        Err(obstacle) => report.steps.push(not_ready(&obstacle, began.elapsed(), &report)),
    }
    next(&mut report, "steps");
    runner.collect_logs(options.logs, &mut report);
    live.end();
    let code = conclude(options, files, &report);
    verdict.set(code);
    if options.keep {
        anstream::eprintln!("\n{}", keep::directions(&cluster, outside));
        std::future::pending::<()>().await;
    }
    code
}

async fn build(reading: &Reading, scenario: &Scenario, images: Images) -> Result<Cluster, String> {
    let options = Options {
        service_cidr: scenario.service_cidr,
        pod_cidr: scenario.pod_cidr,
        upstream_nameserver: scenario.upstream_nameserver,
        images,
    };
    let cluster = Cluster::start(options)
        .await
        .map_err(|error: ClusterError| error.to_string())?;
    for object in preflight::in_order(&reading.objects) {
        let applied = cluster.registry().apply(object.value.clone());
        applied.map_err(|error| error.to_string())?;
    }
    Ok(cluster)
}

/// The steps can't be taken in a cluster that isn't ready; what its pods lack stands in their place.
fn not_ready(obstacle: &Obstacle, took: Duration, report: &Report) -> StepReport {
    let pods = report.pods.iter().filter(|pod| pod.status != "Completed");
    StepReport {
        name: "Every pod becomes ready".to_owned(),
        passed: false,
        expected: Some("all pods to be ready; no step was taken".to_owned()),
        seen: obstacle.to_string(),
        seconds: took.as_secs_f64(),
        pods: pods
            .map(|pod| format!("{}/{}", pod.namespace, pod.name))
            .collect(),
    }
}

fn conclude(options: &Run, files: Files, report: &Report) -> u8 {
    let written = output::print(report, options.output).and_then(|()| files.write(report));
    match written {
        Ok(()) if report.passed() => exit::PASSED,
        Ok(()) => exit::FAILED,
        Err(error) => cannot(&format!("cannot write the report: {error}")),
    }
}

fn cannot(why: &str) -> u8 {
    anstream::eprintln!("error: {why}");
    exit::CANNOT
}
