//! `podlab up`: a cluster that stays up when the command is over.

#![expect(unsafe_code, reason = "a supervisor is a fork")]

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};
use podlab_apiserver::kubeconfig::kubeconfig;
use podlab_apiserver::pki::Pki;
use podlab_control::allocator::first_address;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::args::{DEFAULT_NAME, Which};
use crate::blueprint::Blueprint;
use crate::clusters::Clusters;
use crate::exit::{self, cannot};
use crate::progress::Live;
use crate::supervisor::{Site, Word, supervise};
use crate::{find, signals};

/// Build a cluster that stays up, and serve its Kubernetes API; come back when everything in it is ready.
///
/// Exit codes: 0 it is up, 1 it isn't ready and was taken down, or the name is taken, 2 the input is wrong, 3 this
/// machine can't do it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    which: Which,
    /// Files of Kubernetes manifests, as YAML or JSON; `-` is standard input. A Scenario's settings are taken, its
    /// steps are not.
    #[arg(short, long = "filename", value_name = "FILE")]
    files: Vec<String>,
}

/// What became of a cluster.
enum Outcome {
    Ready {
        pods: usize,
    },
    /// With a report.
    NotReady(String),
    Cannot(String),
    Interrupted,
}

pub(crate) fn up(options: &Options) -> u8 {
    let began = Instant::now();
    let Some(blueprint) = Blueprint::read(&options.files) else {
        return exit::BAD_INPUT;
    };
    if let Some(lacks) = blueprint.lacks() {
        return cannot(&lacks);
    }
    if let Err(code) = blueprint.check() {
        return code;
    }
    let name = &options.which.name;
    let outcome = match start(name, blueprint) {
        Ok(Some(started)) => follow(started).map_err(|error| error.to_string()),
        Ok(None) => {
            taken(name);
            return exit::FAILED;
        }
        Err(error) => Err(error),
    };
    if let Ok(Some(Outcome::Ready { pods })) = outcome {
        greet(name, pods, began.elapsed());
        return exit::PASSED;
    }
    let ended = match Clusters::open() {
        Ok(clusters) => clusters.ended().to_vec(),
        Err(error) => return cannot(&error.to_string()),
    };
    match outcome {
        Err(why) | Ok(Some(Outcome::Cannot(why))) => cannot(&why),
        Ok(Some(Outcome::NotReady(report))) => {
            anstream::eprintln!("{}\n", report.trim_end());
            anstream::eprintln!("error: cluster \"{name}\" isn't ready, and was taken down");
            exit::FAILED
        }
        Ok(Some(_)) => exit::INTERRUPTED,
        Ok(None) => {
            let last = ended.iter().find(|(ended, _)| ended == name);
            let last = last.map_or("(nothing)", |(_, last)| last);
            anstream::eprintln!("error: cluster \"{name}\" has ended, and its log with: {last}");
            exit::FAILED
        }
    }
}

/// The other end of a supervisor.
struct Started {
    supervisor: Pid,
    words: UnixStream,
}

/// Starts a supervisor; none when the name is taken.
fn start(name: &str, blueprint: Blueprint) -> Result<Option<Started>, String> {
    close_what_was_inherited();
    let said = |error: io::Error| error.to_string();
    let clusters = find::open().map_err(said)?;
    let Some(claim) = clusters.claim(name).map_err(said)? else {
        return Ok(None);
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(said)?;
    let server = listener.local_addr().map_err(said)?;
    let api_service = first_address(blueprint.scenario.service_cidr).map_err(|error| error.to_string())?;
    let pki = Pki::new(api_service).map_err(|error| error.to_string())?;
    claim
        .write_kubeconfig(&kubeconfig(name, server, &pki))
        .map_err(said)?;
    let log = claim.create_log().map_err(said)?;
    let (words, up) = UnixStream::pair().map_err(said)?;
    // SAFETY: the process has one thread, so the child's memory is whole.
    match unsafe { fork() }.map_err(|errno| said(errno.into()))? {
        ForkResult::Parent { child } => Ok(Some(Started {
            supervisor: child,
            words,
        })),
        ForkResult::Child => {
            drop(words);
            let site = Site {
                name: name.to_owned(),
                blueprint,
                pki,
                listener,
                up,
            };
            std::process::exit(supervise(site, &claim, clusters, &log).into())
        }
    }
}

/// Waits for what becomes of the cluster, and shows how it goes on; takes it down when somebody ends podlab.
fn follow(started: Started) -> io::Result<Option<Outcome>> {
    started.words.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        let mut told = pin!(signals::told_to_end()?);
        let words = tokio::net::UnixStream::from_std(started.words)?;
        let mut words = BufReader::new(words).lines();
        let live = Live::start();
        let mut outcome = None;
        // Until the supervisor is gone with all that was in the sandbox, unless the cluster is up.
        while !matches!(outcome, Some(Outcome::Ready { .. })) {
            tokio::select! {
                word = words.next_line() => {
                    let Some(word) = word? else { break };
                    match serde_json::from_str(&word)? {
                        Word::Progress(line) => live.say(line),
                        _ if matches!(outcome, Some(Outcome::Interrupted)) => {}
                        Word::Ready { pods } => outcome = Some(Outcome::Ready { pods }),
                        Word::NotReady(report) => outcome = Some(Outcome::NotReady(report)),
                        Word::Cannot(why) => outcome = Some(Outcome::Cannot(why)),
                    }
                }
                _ = &mut told, if !matches!(outcome, Some(Outcome::Interrupted)) => {
                    kill(started.supervisor, Signal::SIGTERM)?;
                    outcome = Some(Outcome::Interrupted);
                }
            }
        }
        live.end();
        Ok::<_, io::Error>(outcome)
    })?;
    if !matches!(outcome, Some(Outcome::Ready { .. })) {
        // It has closed its end, but perhaps not yet given up its lock.
        waitpid(started.supervisor, None)?;
    }
    Ok(outcome)
}

/// Closes the descriptors that podlab was started with, but for the standard ones: whoever waits for the end of a
/// pipe, or for a lock, must not wait for the end of the cluster.
fn close_what_was_inherited() {
    // SAFETY: nothing that podlab opens is open yet, so nobody in this process uses what is closed.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

fn greet(name: &str, pods: usize, took: Duration) {
    let name_option = name_option(name);
    let pods = match pods {
        0 => "It has no pods yet".to_owned(),
        1 => "Its pod is ready".to_owned(),
        _ => format!("Its {pods} pods are ready"),
    };
    anstream::println!(
        "\
Cluster \"{name}\" is up. {pods}, after {:.2} s.

    export KUBECONFIG=$(podlab kubeconfig{name_option})
    kubectl get pods

It stays up until: podlab down{name_option}",
        took.as_secs_f64()
    );
}

fn taken(name: &str) {
    anstream::eprintln!(
        "\
error: clusters \"{name}\" already exists
Take it down with `podlab down{}`, or give the new one another name: `podlab up --name NAME`",
        name_option(name)
    );
}

/// What other commands need to mean this cluster.
fn name_option(name: &str) -> String {
    match name {
        DEFAULT_NAME => String::new(),
        name => format!(" --name {name}"),
    }
}
