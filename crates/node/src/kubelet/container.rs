//! One container: started, watched, and started again when it ends, as its pod's restartPolicy says.

mod hooks;
mod limited;
mod probes;

use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1 as core;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::events::{Events, told};
use super::feed;
use super::logs::{Log, Writer};
use super::probe::{self, Subject};
use super::recipe::{Recipe, Restart, Start};
use super::status::{Cause, Container as Report, Exit, State, Unfit};
use crate::images::Input;
use crate::mounts::host;
use crate::process::{Child, Pipes, Program, StartError, start_container};
use hooks::{Hooks, Unwell};
use limited::Limited;
use probes::Probes;

/// Waited before the second restart; doubled each time up to [`LONGEST_BACKOFF`], as Kubernetes does.
const FIRST_BACKOFF: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// A container that ran this long starts from the first back-off again.
const STABLE: Duration = Duration::from_secs(600);
/// Exit code of a container whose program could not be started.
pub(super) const START_ERROR: i32 = 128;
/// Exit code of a container that SIGKILL ended.
const KILLED: i32 = 128 + Signal::SIGKILL as i32;
/// How the IDs of containers begin.
const ID_SCHEME: &str = "podlab://";
/// How long what a container wrote is waited for after its end. Its pipes are closed with its last process.
const LAST_WORDS: Duration = Duration::from_millis(100);

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
}

/// A container's life; `tell` gets each new state of it.
pub(super) struct Life<T> {
    recipe: Recipe,
    handle: Handle,
    stop: Stop,
    report: Report,
    events: Events,
    tell: T,
}

impl<T: Fn(Report)> Life<T> {
    pub(super) fn new(recipe: Recipe, handle: Handle, stop: Stop, tell: T) -> Self {
        let ground = &recipe.ground;
        Self {
            report: Report::new(&recipe.container, "ContainerCreating"),
            events: Events {
                recorder: ground.node.recorder.clone(),
                pod: ground.pod.clone(),
                container: recipe.container.name.clone(),
            },
            recipe,
            handle,
            stop,
            tell,
        }
    }

    /// Runs the container until it has ended for good.
    pub(super) async fn run(mut self) {
        let mut backoff = None;
        while let Some(start) = self.next_start().await {
            let begun = Instant::now();
            let exit = self.run_once(start).await;
            let stopped = self.stop.borrow().is_some();
            let again = match self.recipe.restart {
                Restart::Always => true,
                Restart::OnFailure => exit.code != 0,
                Restart::Never => false,
            };
            self.report.ready = false;
            self.report.started = false;
            if stopped || !again {
                return self.tell_state(State::Terminated(exit));
            }
            if begun.elapsed() > STABLE {
                backoff = None;
            }
            self.report.last = Some(exit.clone());
            if let Some(pause) = backoff
                && !self.rest(pause).await
            {
                return self.tell_state(State::Terminated(exit));
            }
            backoff = Some(backoff.map_or(FIRST_BACKOFF, |pause| (pause * 2).min(LONGEST_BACKOFF)));
            self.report.restarts += 1;
        }
    }

    fn tell_state(&mut self, state: State) {
        self.report.state = state;
        (self.tell)(self.report.clone());
    }

    /// What the container is started with, as soon as everything for it is there; none when it shall end before.
    async fn next_start(&mut self) -> Option<Start> {
        let mut changes = self.recipe.ground.node.sources.subscribe();
        let mut before = None;
        loop {
            let unfit = match self.recipe.start() {
                Ok(start) => return Some(start),
                Err(unfit) => unfit,
            };
            if before.as_ref() != Some(&unfit) {
                self.tell_unfit(&unfit);
                self.tell_state(unfit.state());
                before = Some(unfit);
            }
            tokio::select! {
                changed = changes.changed() => changed.ok()?,
                _ = stop_ordered(&mut self.stop) => return None,
            }
        }
    }

    fn tell_unfit(&self, unfit: &Unfit) {
        if unfit.is_of_image() {
            let image = &self.report.image;
            let message = format!("Failed to pull image {image:?}: {}", unfit.message);
            self.events.warning("Failed", message);
            self.events.warning("Failed", format!("Error: {}", unfit.reason));
        } else {
            self.events.warning("Failed", format!("Error: {}", unfit.message));
        }
    }

    /// Waits before a restart; whether the container shall be started then.
    async fn rest(&mut self, pause: Duration) -> bool {
        let (name, pod) = (&self.report.name, told(&self.recipe.ground.pod.borrow()));
        let message = format!("Back-off restarting failed container {name} in pod {pod}");
        self.events.warning("BackOff", message);
        let seconds = pause.as_secs();
        let message = format!("back-off {seconds}s restarting failed container={name} pod={pod}");
        self.tell_state(State::Waiting {
            reason: "CrashLoopBackOff",
            message: Some(message),
        });
        tokio::select! {
            () = sleep(pause) => true,
            _ = stop_ordered(&mut self.stop) => false,
        }
    }

    /// Starts the container and waits for its end.
    async fn run_once(&mut self, start: Start) -> Exit {
        let store = self.recipe.ground.node.store.clone();
        let (id, started) = (new_id(), store.now());
        let log = self.handle.log.begin(id.clone(), store.clone());
        self.report.id.clone_from(&id);
        let ended = |code, cause| Exit {
            id: id.clone(),
            code,
            started: started.clone(),
            finished: store.now(),
            cause,
        };
        let name = self.report.name.clone();
        self.events
            .normal("Created", format!("Created container: {name}"));
        let (mut child, program, limited) = match self.begin(&id, start).await {
            Ok(begun) => begun,
            Err(message) => {
                self.events.warning("Failed", format!("Error: {message}"));
                log.note(&message);
                return ended(START_ERROR, Cause::NotStarted(message));
            }
        };
        self.events.normal("Started", format!("Started container {name}"));
        let mut logs = take_in_logs(&mut child, &log);
        let _feed = child.stdin.take().map(|input| feed::start(store.clone(), input));
        self.report.state = State::Running {
            since: started.clone(),
        };
        let code = self.watch_over(child, program, &log).await;
        let last_words = async { while logs.join_next().await.is_some() {} };
        let _ = timeout(LAST_WORDS, last_words).await;
        if limited.end().await && code == KILLED {
            log.note("podlab: killed, because it needed more memory than its limit");
            return ended(code, Cause::OutOfMemory);
        }
        ended(code, Cause::Program)
    }

    /// Starts the container within its limits.
    async fn begin(&self, id: &str, mut start: Start) -> Result<(Child, Program, Limited), String> {
        let limited = Limited::begin(&self.recipe.container, id)?;
        start.program.group = limited.group();
        let program = start.program.clone();
        match self.start(start).await {
            Ok(child) => Ok((child, program, limited)),
            Err(message) => {
                limited.end().await;
                Err(message)
            }
        }
    }

    async fn start(&self, start: Start) -> Result<Child, String> {
        let namespaces = self.recipe.ground.namespaces.clone();
        let pipes = Pipes {
            stdin: start.input == Input::Watch,
            ..Pipes::OUTPUT
        };
        let variables = start.program.env.iter().count();
        let name = start.program.argv.first().cloned().unwrap_or_default();
        // It is never closed.
        let _turn = self.recipe.ground.node.starting.acquire().await;
        tokio::task::spawn_blocking(move || start_container(&namespaces, &start.root, &start.program, pipes))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| explained(&error, &name, variables))
    }

    /// Waits for the end of a running container, and for what its probes say until then.
    async fn watch_over(&mut self, mut child: Child, program: Program, log: &Writer) -> i32 {
        let (spec, ground) = (&self.recipe.container, &self.recipe.ground);
        let pid = child.id().unwrap_or_default();
        self.handle.set_running(Some((pid, program.clone())));
        let subject = Subject {
            from: ground.node.network.netns().clone(),
            address: ground.address,
            pid,
            program,
            ports: probe::named_ports(spec),
        };
        let hooks = Hooks {
            spec,
            subject: &subject,
            events: &self.events,
            log,
        };
        // Kubernetes doesn't tell that a container runs before this is done.
        let (unwell, told) = oneshot::channel();
        let mut unwell = Some(unwell);
        let mut end = |message, probe: Option<&core::Probe>| {
            let grace = self.recipe.grace(probe);
            // Once is enough.
            if let Some(unwell) = unwell.take() {
                let _ = unwell.send(Unwell { message, grace });
            }
        };
        let mut ending = pin!(hooks.end(self.stop.clone(), told).fuse());
        tokio::select! {
            done = hooks.post_start() => if !done {
                end("FailedPostStartHook".to_owned(), None);
            },
            _ = child.wait() => {}
            () = &mut ending => {}
        }
        self.report.started = spec.startup_probe.is_none();
        self.report.ready = self.report.started && spec.readiness_probe.is_none();
        (self.tell)(self.report.clone());

        let (send, mut news) = mpsc::unbounded_channel();
        let mut probes = Probes::start(spec, &subject, &self.events, send);
        let code = loop {
            let next = tokio::select! {
                // First: when it has been waited for, its number may be another's, who must not be killed.
                biased;
                status = child.wait() => News::Exited(status),
                Some(next) = news.recv() => next,
                () = &mut ending => continue,
            };
            match next {
                News::Exited(status) => break status.map_or(START_ERROR, exit_code),
                News::Ready(ready) if self.report.started => {
                    self.report.ready = ready;
                    (self.tell)(self.report.clone());
                }
                News::Started(true) if !self.report.started => {
                    self.report.started = true;
                    self.report.ready = spec.readiness_probe.is_none();
                    (self.tell)(self.report.clone());
                    probes.start_others();
                }
                News::Alive(false) | News::Started(false) => {
                    let (kind, probe) = if self.report.started {
                        ("liveness", &spec.liveness_probe)
                    } else {
                        ("startup", &spec.startup_probe)
                    };
                    log.note(&format!("podlab: told to end, because its {kind} probe failed"));
                    let name = &spec.name;
                    let message = format!("Container {name} failed {kind} probe, will be restarted");
                    probes.stop();
                    end(message, probe.as_ref());
                }
                News::Ready(_) | News::Started(_) | News::Alive(true) => {}
            }
        };
        self.handle.set_running(None);
        code
    }
}

/// Waits until the container shall end; returns how long it has.
async fn stop_ordered(stop: &mut Stop) -> Duration {
    stop.wait_for(Option::is_some)
        .await
        .map_or(Duration::ZERO, |grace| grace.unwrap_or_default())
}

fn take_in_logs(child: &mut Child, log: &Writer) -> JoinSet<std::io::Result<()>> {
    let mut tasks = JoinSet::new();
    if let Some(pipe) = child.stdout.take() {
        tasks.spawn(log.clone().take_in(pipe));
    }
    if let Some(pipe) = child.stderr.take() {
        tasks.spawn(log.clone().take_in(pipe));
    }
    tasks
}

/// What stands in a program's way, with a way out of what services do, and of what containers don't see.
fn explained(error: &StartError, program: &str, variables: usize) -> String {
    if error.source.kind() == ErrorKind::ArgumentListTooLong {
        format!(
            "{error}: it has {variables} variables; with `enableServiceLinks: false` in its pod's spec it isn't told \
             of its namespace's services"
        )
    } else if is_missing(error) && host::has(Path::new(program)) {
        format!(
            "{error}: this machine has it where containers don't see it; a hostPath volume, mounted with `readOnly: \
             true`, shows its directory"
        )
    } else {
        error.to_string()
    }
}

/// The container's process has only words for it.
fn is_missing(error: &StartError) -> bool {
    error.source.to_string().ends_with("no such file or directory")
}

/// As container runtimes have them: 256 bits.
fn new_id() -> String {
    format!(
        "{ID_SCHEME}{:032x}{:032x}",
        rand::random::<u128>(),
        rand::random::<u128>()
    )
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
