//! Commands in a running container.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::try_join;
use k8s_openapi::api::core::v1::Pod;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use podlab_api::steps::NamespacedName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::oneshot;

use super::choice::{ChoiceError, named_or_default};
use super::{Kubelet, container};
pub use crate::process::Pipes;
use crate::process::{self, Child, Program, StartError, start_beside};
pub use crate::terminal::{Terminal, WindowSize};

/// How much of what a command writes is kept when nobody reads it as it comes.
const MOST_OUTPUT: u64 = 16 * 1024 * 1024;

/// Where a command's standard streams lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// To the caller, those that are asked for; the others lead nowhere.
    Pipes(Pipes),
    /// To a terminal of the command's own, all of them.
    Terminal,
}

/// A command that runs. Its exit code comes whether or not what it writes is read; who wants all of that reads the
/// streams to their ends. A command that waits until somebody reads waits for ever if nobody does.
pub struct Session {
    /// What it reads. Dropping this is the end of its input, unless that is a terminal.
    pub stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// What it writes, or what its terminal shows. It ends when no process has it open any more.
    pub stdout: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// What it writes to standard error, without a terminal.
    pub stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// Its terminal, to be resized.
    pub terminal: Option<Terminal>,
    /// Its end.
    pub exit: Exit,
}

/// A command's exit code, to be awaited; 128 + the signal's number when a signal ended it. When this is dropped before,
/// the command's process group is killed.
#[derive(Debug)]
pub struct Exit {
    code: oneshot::Receiver<i32>,
    _wanted: oneshot::Sender<()>,
}

impl Future for Exit {
    type Output = i32;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<i32> {
        let code = Pin::new(&mut self.code).poll(context);
        code.map(|code| code.unwrap_or(container::START_ERROR))
    }
}

/// What a command in a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code; 128 + the signal's number when a signal ended it.
    pub exit_code: i32,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// A command could not be run in a container; texts as the kubelet and container runtimes give them.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The pod or the container isn't there.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The container doesn't run.
    #[error("container not found ({0:?})")]
    NotRunning(String),
    /// The program could not be started.
    #[error("failed to exec in container: unable to start container process: {0}")]
    Start(#[from] StartError),
    /// There is no terminal for it, or its output could not be read.
    #[error("failed to exec in container: {0}")]
    Streams(#[from] io::Error),
}

impl Kubelet {
    /// Starts a command in a running container: the named one, or the pod's default or first one.
    ///
    /// # Errors
    /// [`ExecError`].
    pub async fn exec(
        &self,
        pod: &NamespacedName,
        container: Option<&str>,
        command: &[String],
        streams: Streams,
    ) -> Result<Session, ExecError> {
        let stored = self.0.store.get::<Pod>(pod);
        let stored = stored.ok_or_else(|| ChoiceError::NoPod(pod.clone()))?;
        let container = named_or_default(&stored, container)?;
        let running = self
            .0
            .handle(&stored, &container)
            .and_then(|handle| handle.running());
        let (pid, program) = running.ok_or(ExecError::NotRunning(container))?;
        let program = Program {
            argv: command.to_vec(),
            ..program
        };
        start(pid, program, streams).await
    }

    /// The container that a command would run in: the named one, or the pod's default or first one.
    ///
    /// # Errors
    /// [`ChoiceError`].
    pub fn container(&self, pod: &NamespacedName, name: Option<&str>) -> Result<String, ChoiceError> {
        let stored = self.0.store.get::<Pod>(pod);
        named_or_default(&*stored.ok_or_else(|| ChoiceError::NoPod(pod.clone()))?, name)
    }

    /// Runs a command in the pod's default or first container, and waits for its end.
    ///
    /// # Errors
    /// [`ExecError`].
    pub async fn run(&self, pod: &NamespacedName, command: &[String]) -> Result<ExecOutput, ExecError> {
        let session = self.exec(pod, None, command, Streams::Pipes(Pipes::OUTPUT));
        Ok(session.await?.output().await?)
    }
}

impl Session {
    /// Waits for the command's end, and takes what it writes until then.
    pub(super) async fn output(self) -> io::Result<ExecOutput> {
        let (stdout, stderr) = try_join(read_all(self.stdout), read_all(self.stderr)).await?;
        Ok(ExecOutput {
            exit_code: self.exit.await,
            stdout,
            stderr,
        })
    }
}

/// Starts a program beside process `pid` of a container.
pub(super) async fn start(pid: u32, program: Program, streams: Streams) -> Result<Session, ExecError> {
    let (terminal, program, streams) = match streams {
        Streams::Pipes(pipes) => (None, program, process::Streams::Pipes(pipes)),
        Streams::Terminal => {
            let (terminal, processes) = Terminal::open(pid)?;
            // The program may open its terminal by name. An ordinary user's sandbox has no other users to give it to.
            let _ = std::os::unix::fs::fchown(&processes, Some(program.privileges.user), None);
            (
                Some(terminal),
                of_terminal(program),
                process::Streams::Terminal(processes),
            )
        }
    };
    let mut child = tokio::task::spawn_blocking(move || start_beside(pid, &program, streams))
        .await
        .map_err(io::Error::other)??;
    fn reader<T: AsyncRead + Send + Unpin + 'static>(pipe: T) -> Box<dyn AsyncRead + Send + Unpin> {
        Box::new(pipe)
    }
    fn writer<T: AsyncWrite + Send + Unpin + 'static>(pipe: T) -> Box<dyn AsyncWrite + Send + Unpin> {
        Box::new(pipe)
    }
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    Ok(Session {
        stdin: stdin.map(writer).or(terminal.clone().map(writer)),
        stdout: stdout.map(reader).or(terminal.clone().map(reader)),
        stderr: stderr.map(reader),
        terminal,
        exit: exit(child),
    })
}

/// A container runtime says so, whatever the container's own variables say.
fn of_terminal(mut program: Program) -> Program {
    program.env.insert("TERM", "xterm".to_owned());
    program
}

fn exit(mut child: Child) -> Exit {
    let (tell, code) = oneshot::channel();
    let (wanted, not_wanted) = oneshot::channel();
    tokio::spawn(async move {
        let status = tokio::select! {
            status = child.wait() => status,
            _ = not_wanted => {
                // It has not been waited for, so its number is still its own.
                if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
                    let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
                }
                child.wait().await
            }
        };
        let _ = tell.send(status.map_or(container::START_ERROR, container::exit_code));
    });
    Exit {
        code,
        _wanted: wanted,
    }
}

/// Reads to the end, and keeps as much as a container runtime does.
async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(MOST_OUTPUT).read_to_end(&mut all).await?;
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(all)
}
