//! `podlab exec`: a program in a container.

use std::future::pending;
use std::pin::pin;

use futures::SinkExt;
use futures::future::OptionFuture;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess, TerminalSize};
use nix::sys::signal::Signal;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, stderr, stdin, stdout};
use tokio::signal::unix::{SignalKind, signal};

use crate::api::ask;
use crate::args::Which;
use crate::failure::Failure;
use crate::naming::Within;
use crate::terminal::Raw;
use crate::{exit, signals, target};

/// How much may be on its way in a stream.
const BUFFER: usize = 64 * 1024;

/// What becomes of the program when podlab is told to end.
const GOES_ON: &str = "the program may go on";

/// Run a program in a container of a live cluster, and end with its exit code.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A pod, or `KIND/NAME` for one of its pods.
    #[arg(value_name = "POD|KIND/NAME")]
    target: String,
    #[command(flatten)]
    within: Within,
    /// The container, if not the first one.
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,
    /// Pass standard input to the program.
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Give the program a terminal; with -i.
    #[arg(short, long)]
    tty: bool,
    #[command(flatten)]
    which: Which,
    /// The program and its arguments.
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

pub(crate) fn exec(options: &Options) -> u8 {
    ask(&options.which, async |client| {
        let namespace = &options.within.namespace;
        let pod = target::find(&client, namespace, &options.target).await?.pod;
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if let Some(phase @ ("Succeeded" | "Failed")) = phase {
            let why = format!("cannot exec into a container in a completed pod; current phase is {phase}");
            return Err(Failure::Other(why));
        }
        let container = target::container(&pod, options.container.as_deref())?;
        let raw = if options.tty && options.stdin {
            Raw::enter()?
        } else {
            None
        };
        if options.tty && options.stdin && raw.is_none() {
            say!("Unable to use a TTY - input is not a terminal or the right kind of file");
        }
        let params = AttachParams {
            container,
            stdin: options.stdin,
            stdout: true,
            stderr: raw.is_none(),
            tty: raw.is_some(),
            max_stdin_buf_size: Some(BUFFER),
            max_stdout_buf_size: Some(BUFFER),
            max_stderr_buf_size: Some(BUFFER),
        };
        signals::leaves_behind(GOES_ON);
        let pods: Api<Pod> = Api::namespaced(client, namespace);
        let name = pod.metadata.name.unwrap_or_default();
        let process = pods.exec(&name, &options.command, &params).await?;
        let end = converse(process, raw.as_ref()).await;
        drop(raw);
        match end? {
            End::Status(status) => exit_code(*status),
            End::Told(signal) => Ok(signals::interrupted(signal, GOES_ON)),
        }
    })
}

/// How it ends.
enum End {
    /// The program has ended, or could not be run.
    Status(Box<Status>),
    /// Somebody has ended podlab.
    Told(Signal),
}

/// Passes streams on until the program ends.
async fn converse(mut process: AttachedProcess, raw: Option<&Raw>) -> Result<End, Failure> {
    let (input, output, errors) = (process.stdin(), process.stdout(), process.stderr());
    let (sizes, status) = (process.terminal_size(), process.take_status());
    let talk = async { tokio::try_join!(pass(output, stdout()), pass(errors, stderr())) };
    let listen = async {
        if let Some(mut input) = input {
            // A program that has ended doesn't read to the end.
            let _ = copy(&mut stdin(), &mut input).await;
            let _ = input.shutdown().await;
        }
        pending().await
    };
    let adapt = async {
        if let (Some(mut sizes), Some(raw)) = (sizes, raw) {
            let mut changes = signal(SignalKind::window_change())?;
            while let Some((width, height)) = raw.size() {
                let told = sizes.send(TerminalSize { width, height }).await;
                if told.is_err() || changes.recv().await.is_none() {
                    break;
                }
            }
        }
        pending::<Result<(), Failure>>().await
    };
    // Without a terminal to put in order, a signal ends podlab by itself.
    let told = async {
        match raw {
            Some(_) => std::io::Result::Ok(signals::told_to_end()?.await),
            None => pending().await,
        }
    };
    let ended = async {
        let (mut talk, mut status) = (pin!(talk), pin!(OptionFuture::from(status)));
        tokio::select! {
            biased;
            talked = &mut talk => {
                talked?;
                Ok::<_, Failure>(status.await.flatten())
            }
            status = &mut status => {
                let status = status.flatten();
                // Without one the connection is lost, and nobody closes the streams.
                if status.is_some() {
                    talk.await?;
                }
                Ok(status)
            }
        }
    };
    let status = tokio::select! {
        ended = ended => ended?,
        failed = adapt => failed.map(|()| None)?,
        () = listen => None,
        told = told => return Ok(told.map(End::Told)?),
    };
    match status {
        Some(status) => Ok(End::Status(Box::new(status))),
        None => match process.join().await {
            Err(error) => Err(Failure::Other(error.to_string())),
            Ok(()) => Err(Failure::Other("lost connection to pod".to_owned())),
        },
    }
}

async fn pass(from: Option<impl AsyncRead + Unpin>, mut to: impl AsyncWrite + Unpin) -> Result<(), Failure> {
    if let Some(mut from) = from {
        copy(&mut from, &mut to).await?;
        to.flush().await?;
    }
    Ok(())
}

fn exit_code(status: Status) -> Result<u8, Failure> {
    if status.status.as_deref() == Some("Success") {
        return Ok(exit::PASSED);
    }
    if status.reason.as_deref() == Some("NonZeroExitCode") {
        let causes = status.details.into_iter().flat_map(|details| details.causes);
        let mut codes = causes
            .flatten()
            .filter(|cause| cause.reason.as_deref() == Some("ExitCode"));
        if let Some(code) = codes.find_map(|cause| cause.message?.parse().ok()) {
            say!("command terminated with exit code {code}");
            return Ok(code);
        }
    }
    Err(Failure::Other(status.message.unwrap_or_default()))
}
