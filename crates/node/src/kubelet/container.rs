//! One container: started, watched, and started again when it ends, as its pod's restartPolicy says.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podlab_control::store::Store;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::feed;
use super::logs::Log;
use super::probe::{self, Pace, Subject};
use super::status::{Container as Report, Exit, State};
use crate::mounts::Root;
use crate::process::{PodNamespaces, Program, start_container};

/// Waited before the second restart; doubled each time up to [`LONGEST_BACKOFF`], as Kubernetes does.
const FIRST_BACKOFF: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// A container that ran this long starts from the first back-off again.
const STABLE: Duration = Duration::from_secs(600);
/// Exit code of a container whose program could not be started.
const START_ERROR: i32 = 128;

/// When an ended container is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    Always,
    OnFailure,
    Never,
}

/// Everything that a container is started with, each time anew.
pub(super) struct Recipe {
    pub(super) spec: core::Container,
    pub(super) program: Program,
    pub(super) root: Root,
    pub(super) namespaces: PodNamespaces,
    pub(super) restart: Restart,
    pub(super) store: Store,
    /// Where its probes are asked from, and whom: node's namespace and pod's address.
    pub(super) probed: (podlab_kernel::netns::Netns, std::net::IpAddr),
}

/// What others may know of a container while it runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Handle {
    running: Arc<Mutex<Option<(u32, Program)>>>,
    pub(super) log: Log,
}

impl Handle {
    /// Process 1 of the container and the program it runs; none while it doesn't.
    pub(super) fn running(&self) -> Option<(u32, Program)> {
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_running(&self, running: Option<(u32, Program)>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}

/// How long a container has to end by itself; none while it shall go on.
pub(super) type Stop = watch::Receiver<Option<Duration>>;

/// What a started container tells while it runs.
enum News {
    Exited(std::io::Result<ExitStatus>),
    Ready(bool),
    Started(bool),
    Alive(bool),
    Stop(Duration),
}

/// Runs a container until it has ended for good; `tell` gets each new state of it.
pub(super) async fn run(recipe: Recipe, handle: Handle, mut stop: Stop, tell: impl Fn(Report)) {
    let mut report = Report::new(&recipe.spec, "ContainerCreating");
    let mut backoff = None;
    loop {
        let begun = Instant::now();
        let exit = run_once(&recipe, &handle, &mut stop, &mut report, &tell).await;
        let stopped = stop.borrow().is_some();
        let again = match recipe.restart {
            Restart::Always => true,
            Restart::OnFailure => exit.code != 0,
            Restart::Never => false,
        };
        report.ready = false;
        report.started = false;
        if stopped || !again {
            report.state = State::Terminated(exit);
            tell(report);
            return;
        }
        if begun.elapsed() > STABLE {
            backoff = None;
        }
        report.last = Some(exit.clone());
        if let Some(pause) = backoff {
            let message = format!(
                "back-off {}s restarting failed container={}",
                Duration::as_secs(&pause),
                report.name
            );
            report.state = State::Waiting {
                reason: "CrashLoopBackOff",
                message: Some(message),
            };
            tell(report.clone());
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop_ordered(&mut stop) => {
                    report.state = State::Terminated(exit);
                    tell(report);
                    return;
                }
            }
        }
        backoff = Some(backoff.map_or(FIRST_BACKOFF, |pause| (pause * 2).min(LONGEST_BACKOFF)));
        report.restarts += 1;
    }
}

/// Starts the container and waits for its end.
async fn run_once(
    recipe: &Recipe,
    handle: &Handle,
    stop: &mut Stop,
    report: &mut Report,
    tell: &impl Fn(Report),
) -> Exit {
    let started = recipe.store.now();
    let ended = |code, message| Exit {
        code,
        started: started.clone(),
        finished: recipe.store.now(),
        message,
    };
    let mut child = match start(recipe).await {
        Ok(child) => child,
        Err(message) => {
            handle.log.add(message.clone());
            return ended(START_ERROR, Some(message));
        }
    };
    let pid = child.id().unwrap_or_default();
    let logs = take_in_logs(&mut child, &handle.log);
    let _feed = child
        .stdin
        .take()
        .map(|input| feed::start(recipe.store.clone(), input));
    handle.set_running(Some((pid, recipe.program.clone())));
    report.state = State::Running {
        since: started.clone(),
    };
    report.started = recipe.spec.startup_probe.is_none();
    report.ready = report.started && recipe.spec.readiness_probe.is_none();
    tell(report.clone());

    let (send, mut news) = mpsc::unbounded_channel();
    let subject = Subject {
        from: recipe.probed.0.clone(),
        address: recipe.probed.1,
        pid,
        program: recipe.program.clone(),
        ports: probe::named_ports(&recipe.spec),
    };
    let mut probes = Probes::start(&recipe.spec, &subject, &send);
    let mut stopping = false;
    let code = loop {
        let next = tokio::select! {
            status = child.wait() => News::Exited(status),
            Some(next) = news.recv() => next,
            grace = stop_ordered(stop), if !stopping => News::Stop(grace),
        };
        match next {
            News::Exited(status) => break status.map_or(START_ERROR, exit_code),
            News::Ready(ready) if report.started => {
                report.ready = ready;
                tell(report.clone());
            }
            News::Started(true) if !report.started => {
                report.started = true;
                report.ready = recipe.spec.readiness_probe.is_none();
                tell(report.clone());
                probes.start_others(&recipe.spec, &subject, &send);
            }
            News::Alive(false) | News::Started(false) => {
                handle
                    .log
                    .add("podlab: killed, because its probe failed".to_owned());
                signal(pid, Signal::SIGKILL);
            }
            News::Stop(grace) => {
                stopping = true;
                signal(pid, Signal::SIGTERM);
                tokio::spawn(async move {
                    sleep(grace).await;
                    signal(pid, Signal::SIGKILL);
                });
            }
            News::Ready(_) | News::Started(_) | News::Alive(true) => {}
        }
    };
    handle.set_running(None);
    // Its pipes are closed with its last process; what was written before that is worth the moment.
    let _ = timeout(Duration::from_millis(100), futures::future::join_all(logs)).await;
    ended(code, None)
}

/// Waits until the container shall end; returns how long it has.
async fn stop_ordered(stop: &mut Stop) -> Duration {
    stop.wait_for(Option::is_some)
        .await
        .map_or(Duration::ZERO, |grace| grace.unwrap_or_default())
}

async fn start(recipe: &Recipe) -> Result<Child, String> {
    let (namespaces, root, program) = (
        recipe.namespaces.clone(),
        recipe.root.clone(),
        recipe.program.clone(),
    );
    tokio::task::spawn_blocking(move || start_container(&namespaces, root, &program))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

fn take_in_logs(child: &mut Child, log: &Log) -> Vec<tokio::task::JoinHandle<()>> {
    let stdout = child
        .stdout
        .take()
        .map(|pipe| tokio::spawn(log.clone().take_in(pipe)));
    let stderr = child
        .stderr
        .take()
        .map(|pipe| tokio::spawn(log.clone().take_in(pipe)));
    stdout.into_iter().chain(stderr).collect()
}

pub(super) fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(START_ERROR)
}

fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        // It may have ended in this moment; then there is nobody to tell.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// The probes of a running container; they end when this is dropped.
struct Probes(tokio::task::JoinSet<()>);

impl Probes {
    fn start(spec: &core::Container, subject: &Subject, send: &mpsc::UnboundedSender<News>) -> Self {
        let mut probes = Self(tokio::task::JoinSet::new());
        let Some(probe) = spec.startup_probe.clone() else {
            probes.start_others(spec, subject, send);
            return probes;
        };
        let (send, late) = (send.clone(), send.clone());
        let limit = probe::startup_limit(&probe);
        probes.add(subject, probe, Pace::Eager, move |started| {
            drop(send.send(News::Started(started)))
        });
        probes.0.spawn(async move {
            sleep(limit).await;
            let _ = late.send(News::Started(false));
        });
        probes
    }

    fn start_others(
        &mut self,
        spec: &core::Container,
        subject: &Subject,
        send: &mpsc::UnboundedSender<News>,
    ) {
        self.0.abort_all();
        if let Some(probe) = spec.readiness_probe.clone() {
            let send = send.clone();
            self.add(subject, probe, Pace::Eager, move |ready| {
                drop(send.send(News::Ready(ready)))
            });
        }
        if let Some(probe) = spec.liveness_probe.clone() {
            let send = send.clone();
            self.add(subject, probe, Pace::Steady, move |alive| {
                drop(send.send(News::Alive(alive)))
            });
        }
    }

    fn add(
        &mut self,
        subject: &Subject,
        probe: core::Probe,
        pace: Pace,
        tell: impl FnMut(bool) + Send + 'static,
    ) {
        self.0.spawn(probe::watch(subject.clone(), probe, pace, tell));
    }
}
