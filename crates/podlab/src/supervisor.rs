//! The process that a live cluster is in: it outlives the command that started it, builds the cluster in a sandbox, and
//! serves its API until it is told to end.

#![expect(unsafe_code, reason = "the allocator is told how many heaps to have")]

use std::cell::Cell;
use std::fs::File;
use std::future::pending;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use nix::sys::signal::Signal;
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, getpid, setsid};
use podlab_apiserver::listen::serve;
use podlab_apiserver::pki::Pki;
use podlab_apiserver::router;
use podlab_cluster::Cluster;
use podlab_node::sandbox;
use podlab_scenario::report::Report;
use podlab_scenario::{Progress, Runner};
use serde::{Deserialize, Serialize};
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;

use crate::blueprint::Blueprint;
use crate::clusters::{Card, Claim, Clusters};
use crate::ready::{Phases, is_ready};
use crate::{blueprint, check, exit, progress, runtime, signals};

/// All that a cluster is made of.
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) blueprint: Blueprint,
    pub(crate) pki: Pki,
    /// Where the API is served: on the host, unlike everything else.
    pub(crate) listener: TcpListener,
    /// The command that waits for the cluster.
    pub(crate) up: UnixStream,
}

/// What a supervisor says to the command that waits: a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// What is going on.
    Progress(String),
    /// Everything is ready.
    Ready {
        /// How many pods there are, without the cluster's own.
        pods: usize,
    },
    /// Something isn't ready, and will not be: a report. The supervisor ends.
    NotReady(String),
    /// Why the cluster can't be built. The supervisor ends.
    Cannot(String),
}

/// Why a supervisor ends.
enum End {
    Told(Signal),
    Abandoned,
    NotReady(String),
    Cannot(String),
    Broken(String),
}

/// Makes this process the supervisor of a new cluster, until that ends; its exit code. `clusters` is the turn in which
/// its name was claimed. Must be called while the process has one thread.
pub(crate) fn supervise(site: Site, claim: &Claim, clusters: Clusters, log: &File) -> u8 {
    let detached = detach(log).and_then(|()| {
        claim.present(&Card {
            pid: getpid().as_raw(),
            creation_timestamp: Time(Timestamp::now()),
            server: site.listener.local_addr()?,
        })?;
        site.up.try_clone()
    });
    drop(clusters);
    let mut up = match detached {
        Ok(up) => up,
        Err(error) => {
            let _ = (&site.up).write_all(&line(&Word::Cannot(error.to_string())));
            return exit::CANNOT;
        }
    };
    log_events();
    tracing::info!("building cluster {}", site.name);
    match sandbox::run(|_| in_sandbox(site)) {
        Ok(code) => {
            match signals::of_exit_code(code) {
                Some(signal) if sandbox::tells_to_end(signal) => {
                    tracing::info!("ended by {signal}");
                }
                Some(signal) => {
                    tracing::error!("ended, because signal {} ended the sandbox", signal as u8);
                }
                None => {}
            }
            code
        }
        Err(error) => {
            tracing::error!("ended: {error}");
            let _ = up.write_all(&line(&Word::Cannot(error.to_string())));
            exit::CANNOT
        }
    }
}

/// Leaves the terminal, the directory, and the streams of the command.
fn detach(log: &File) -> io::Result<()> {
    setsid()?;
    chdir("/")?;
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(log)?;
    dup2_stderr(log)?;
    Ok(())
}

/// Writes an event to the log as one line, whatever texts it has.
fn log_events() {
    let one_line = debug_fn(|writer, field, value| {
        let value = format!("{value:?}").replace('\n', " ");
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    });
    tracing_subscriber::fmt()
        .fmt_fields(one_line.delimited(" "))
        .with_writer(io::stderr)
        // A full disk takes the log only: it would be told on standard error, which is the log, and who can't do that panics.
        .log_internal_errors(false)
        .with_ansi(false)
        .init();
}

fn in_sandbox(site: Site) -> u8 {
    // SAFETY: it sets a number of the allocator's. By default each thread has a heap of its own, and each has its gaps: a
    // fifth of a large cluster's memory.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
    let ended = runtime::many_threads().and_then(|runtime| runtime.block_on(live(site)));
    let (code, why) = match ended {
        Ok(End::Told(signal)) => (exit::PASSED, format!("by {signal}")),
        Ok(End::Abandoned) => (exit::FAILED, "with the command that waited for it".to_owned()),
        Ok(End::NotReady(why)) => (
            exit::FAILED,
            format!("because not everything became ready: {why}"),
        ),
        Ok(End::Cannot(why)) => (exit::CANNOT, format!("because it can't be built: {why}")),
        Ok(End::Broken(why)) => (exit::CANNOT, format!("because {why}")),
        Err(error) => (exit::CANNOT, format!("because of {error}")),
    };
    tracing::info!("ended {why}");
    code
}

/// The life of a cluster.
async fn live(site: Site) -> io::Result<End> {
    let Site {
        name,
        blueprint,
        pki,
        listener,
        up,
    } = site;
    let told = signals::told_to_end()?;
    let up = Up::new(up)?;
    let is_up = Cell::new(false);
    let abandoned = async {
        up.gone().await;
        if is_up.get() {
            pending().await
        }
    };
    let mut end = pin!(async {
        tokio::select! {
            signal = told => End::Told(signal),
            () = abandoned => End::Abandoned,
        }
    });

    up.tell("building the network".to_owned());
    let built = tokio::select! {
        built = blueprint.build(blueprint::apply) => built,
        end = &mut end => return Ok(end),
    };
    let cluster = match built {
        Ok(cluster) => Arc::new(cluster),
        Err(why) => {
            up.say(&Word::Cannot(why.clone())).await;
            return Ok(End::Cannot(why));
        }
    };
    let until_end = async {
        let ready = tokio::select! {
            biased;
            why = cluster.failed() => {
                up.say(&Word::Cannot(why.clone())).await;
                return End::Cannot(why);
            }
            ready = get_ready(&name, &cluster, &up) => ready,
            end = &mut end => return end,
        };
        match ready {
            Ok(pods) => {
                is_up.set(true);
                tracing::info!("everything is ready");
                up.say(&Word::Ready { pods }).await;
                // SAFETY: it only gives back what is free: what building took, and nobody uses any more.
                unsafe { libc::malloc_trim(0) };
                tokio::select! {
                    end = end => end,
                    why = cluster.failed() => End::Broken(why),
                }
            }
            Err(report) => {
                let why = report.steps.iter().map(|step| &*step.seen).collect();
                up.say(&Word::NotReady(report.to_text())).await;
                End::NotReady(why)
            }
        }
    };
    let routes = router(cluster.clone()).merge(check::serve::routes(cluster.clone()));
    serve(listener, &pki, routes, until_end).await
}

/// Waits until everything is ready: how many pods that is, or a report of what isn't.
async fn get_ready(name: &str, cluster: &Cluster, up: &Up) -> Result<usize, Box<Report>> {
    let mut report = Report {
        scenario: name.to_owned(),
        ..Report::default()
    };
    let tell = |progress: Progress<'_>| up.tell(progress::line(progress));
    let mut runner = Runner::new(cluster, &[], &tell);
    let mut phases = Phases::begin();
    if is_ready(&mut runner, "all pods to be ready", &mut phases, &mut report).await {
        return Ok(report.pods.len());
    }
    runner.collect_logs(false, &mut report);
    Err(Box::new(report))
}

/// The command that waits for the cluster.
struct Up(tokio::net::UnixStream);

impl Up {
    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self(tokio::net::UnixStream::from_std(stream)?))
    }

    /// Says what is going on, if the command keeps up with it. A line this short is written whole or not at all.
    fn tell(&self, progress: String) {
        let _ = self.0.try_write(&line(&Word::Progress(progress)));
    }

    /// Says something that matters. Nobody listens when the command is gone.
    async fn say(&self, word: &Word) {
        let line = line(word);
        let mut rest = &*line;
        while !rest.is_empty() && self.0.writable().await.is_ok() {
            match self.0.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    /// Waits until the command is gone.
    async fn gone(&self) {
        while self.0.readable().await.is_ok() {
            match self.0.try_read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    }
}

fn line(word: &Word) -> Vec<u8> {
    // A word has nothing that can't be written.
    let mut line = serde_json::to_vec(word).unwrap_or_default();
    line.push(b'\n');
    line
}
