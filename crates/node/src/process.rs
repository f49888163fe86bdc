//! Starts processes in a pod's namespaces: a container's first one, or a further one beside it.
//!
//! A container's first process is process 1 of its own PID namespace, so that killing it ends all of it.
//! Namespaces belong to threads, so each start happens on a thread made for it.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use nix::sched::{CloneFlags, setns, unshare};
use podlab_kernel::netns::Netns;
use podlab_kernel::own_thread::on_own_thread;
use tokio::process::{Child, Command};

use crate::mounts::{Failure, Root};
use crate::privileges::Privileges;

/// The namespaces that the containers of a pod share.
#[derive(Debug, Clone)]
pub struct PodNamespaces {
    /// The pod's network.
    pub netns: Netns,
    uts: Arc<OwnedFd>,
    ipc: Arc<OwnedFd>,
}

impl PodNamespaces {
    /// New UTS and IPC namespaces for a pod whose network is `netns`, with its host name set.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN, `ENOSPC` past the limits on namespaces.
    pub fn create(netns: Netns, hostname: &str) -> io::Result<Self> {
        on_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC)?;
            nix::unistd::sethostname(hostname)?;
            let open = |name: &str| Ok::<_, io::Error>(Arc::new(std::fs::File::open(name)?.into()));
            Ok(Self {
                netns,
                uts: open("/proc/thread-self/ns/uts")?,
                ipc: open("/proc/thread-self/ns/ipc")?,
            })
        })
    }

    fn enter(&self) -> io::Result<()> {
        setns(&self.netns, CloneFlags::CLONE_NEWNET)?;
        setns(&*self.uts, CloneFlags::CLONE_NEWUTS)?;
        setns(&*self.ipc, CloneFlags::CLONE_NEWIPC)?;
        Ok(())
    }
}

/// A program, and all that it is started with.
#[derive(Debug, Clone)]
pub struct Program {
    /// Program and arguments; the program is looked up in the PATH of `env`, inside the container.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub working_dir: PathBuf,
    /// As whom it runs.
    pub privileges: Privileges,
}

/// What a program's standard streams are.
#[derive(Debug)]
pub enum Streams {
    /// Pipes of the [`Child`].
    Pipes(Pipes),
    /// This end of a terminal, all three of them; it becomes the program's controlling terminal.
    Terminal(OwnedFd),
}

/// Which standard streams are pipes; the others lead nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Pipes {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
}

impl Pipes {
    /// Pipes for all that a program writes, and nothing for it to read.
    pub const OUTPUT: Self = Self {
        stdin: false,
        stdout: true,
        stderr: true,
    };
}

/// A program could not be started.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct StartError {
    /// What was being done.
    pub what: String,
    /// Why it failed.
    pub source: io::Error,
}

/// Starts a container: `program` as process 1 of a new PID namespace, with `root` as its file system.
///
/// Must be called in a tokio runtime; blocks for about a millisecond.
///
/// # Errors
/// [`StartError`] that names the step; nothing is left running then.
pub fn start_container(
    pod: &PodNamespaces,
    root: Root,
    program: &Program,
    pipes: Pipes,
) -> Result<Child, StartError> {
    let (pod, privileges) = (pod.clone(), program.privileges.clone());
    let working_dir = program.working_dir.clone();
    spawn(
        program,
        Streams::Pipes(pipes),
        || {
            unshare(CloneFlags::CLONE_NEWPID)
                .map_err(|error| Failure("unshare PID namespace".into(), error.into()))
        },
        move || {
            pod.enter()
                .map_err(|error| Failure("enter the pod's namespaces".into(), error))?;
            unshare(CloneFlags::CLONE_NEWNS)
                .map_err(|error| Failure("unshare mount namespace".into(), error.into()))?;
            root.enter()?;
            begin_session()?;
            start_in(&working_dir)?;
            privileges
                .take_on()
                .map_err(|error| Failure("take on the container's privileges".into(), error))
        },
    )
}

/// Starts `program` beside the process `beside` of a container: in all of its namespaces, as the first process of a
/// process group of its own.
///
/// # Errors
/// [`StartError`] that names the step; nothing is left running then.
pub fn start_beside(beside: u32, program: &Program, streams: Streams) -> Result<Child, StartError> {
    let container = pidfd_open(beside).map_err(|source| StartError {
        what: "find the container".into(),
        source,
    })?;
    let inside = container.try_clone().map_err(|source| StartError {
        what: "find the container".into(),
        source,
    })?;
    let (privileges, working_dir) = (program.privileges.clone(), program.working_dir.clone());
    let terminal = matches!(streams, Streams::Terminal(_));
    spawn(
        program,
        streams,
        || {
            setns(&container, CloneFlags::CLONE_NEWPID)
                .map_err(|error| Failure("enter the PID namespace".into(), error.into()))
        },
        move || {
            let namespaces = CloneFlags::CLONE_NEWNS
                | CloneFlags::CLONE_NEWNET
                | CloneFlags::CLONE_NEWUTS
                | CloneFlags::CLONE_NEWIPC;
            setns(&inside, namespaces)
                .map_err(|error| Failure("enter the container's namespaces".into(), error.into()))?;
            begin_session()?;
            if terminal {
                take_terminal()?;
            }
            start_in(&working_dir)?;
            privileges
                .take_on()
                .map_err(|error| Failure("take on the container's privileges".into(), error))
        },
    )
}

fn begin_session() -> Result<(), Failure> {
    let begun = nix::unistd::setsid().map_err(|error| Failure("setsid".into(), error.into()));
    begun.map(drop)
}

/// Makes standard input the session's controlling terminal.
fn take_terminal() -> Result<(), Failure> {
    // SAFETY: takes numbers only.
    let taken = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) };
    if taken == 0 {
        Ok(())
    } else {
        Err(Failure("take the terminal".into(), io::Error::last_os_error()))
    }
}

fn start_in(directory: &Path) -> Result<(), Failure> {
    nix::unistd::chdir(directory)
        .map_err(|error| Failure(format!("chdir to {}", directory.display()), error.into()))
}

/// Runs `before` on a new thread, forks there, runs `inside` in the child, and executes the program.
fn spawn(
    program: &Program,
    streams: Streams,
    before: impl FnOnce() -> Result<(), Failure> + Send,
    mut inside: impl FnMut() -> Result<(), Failure> + Send + Sync + 'static,
) -> Result<Child, StartError> {
    let runtime = tokio::runtime::Handle::current();
    let failed = |what: &str| {
        let what = what.to_owned();
        move |source| StartError { what, source }
    };
    let (mut said, say) = io::pipe().map_err(failed("pipe"))?;
    let (name, arguments) = program.argv.split_first().ok_or_else(|| StartError {
        what: "no command".into(),
        source: io::ErrorKind::InvalidInput.into(),
    })?;
    let [stdin, stdout, stderr] = stdio(streams).map_err(failed("duplicate the terminal"))?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env_clear()
        .envs(
            program
                .env
                .iter()
                .map(|(name, value)| (OsString::from(name), OsString::from(value))),
        )
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr);
    if name == SELF {
        command.arg0("podlab");
    }
    let mut tell = say.try_clone().map_err(failed("pipe"))?;
    // SAFETY: between fork and exec this allocates and makes system calls. Command forks with the C library's
    // fork, after which its allocator is usable; no other lock is taken.
    unsafe {
        command.pre_exec(move || {
            inside().map_err(|Failure(what, error)| {
                let _ = tell.write_all(what.as_bytes());
                error
            })
        });
    }
    let spawned = on_own_thread(|| {
        let _runtime = runtime.enter();
        Ok(match before() {
            Ok(()) => command.spawn().map_err(|error| Failure(String::new(), error)),
            Err(failure) => Err(failure),
        })
    });
    drop((say, command));
    match spawned.map_err(failed("start a thread"))? {
        Ok(child) => Ok(child),
        Err(Failure(what, source)) if !what.is_empty() => Err(StartError { what, source }),
        Err(Failure(_, source)) => {
            let mut what = String::new();
            let _ = said.read_to_string(&mut what);
            Err(if what.is_empty() {
                not_executed(name, source)
            } else {
                StartError { what, source }
            })
        }
    }
}

fn stdio(streams: Streams) -> io::Result<[Stdio; 3]> {
    Ok(match streams {
        Streams::Pipes(Pipes {
            stdin,
            stdout,
            stderr,
        }) => [stdin, stdout, stderr].map(|pipe| if pipe { Stdio::piped() } else { Stdio::null() }),
        Streams::Terminal(terminal) => [
            terminal.try_clone()?.into(),
            terminal.try_clone()?.into(),
            terminal.into(),
        ],
    })
}

/// In the words of Go's `exec`, which container runtimes pass on.
fn not_executed(program: &str, source: io::Error) -> StartError {
    let kind = source.kind();
    let told = match kind {
        io::ErrorKind::NotFound if program.contains('/') => {
            io::Error::new(kind, format!("stat {program}: no such file or directory"))
        }
        io::ErrorKind::NotFound => io::Error::new(kind, "executable file not found in $PATH"),
        io::ErrorKind::PermissionDenied => io::Error::new(kind, "permission denied"),
        _ => source,
    };
    StartError {
        what: format!("exec: {program:?}"),
        source: told,
    }
}

/// The program that is running: what built-in workloads are started from.
pub const SELF: &str = "/proc/self/exe";

fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two numbers and returns a new descriptor that nobody else owns.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd)
        .ok()
        .filter(|fd| *fd >= 0)
        .ok_or_else(io::Error::last_os_error)?;
    // SAFETY: see above.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
