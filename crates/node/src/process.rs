//! Starts processes in a pod's namespaces: a container's first one, or a further one beside it.
//!
//! A container's first process is process 1 of its own PID namespace, so that killing it ends all of it.
//! Namespaces belong to threads, so each start happens on a thread made for it.

#![expect(
    unsafe_code,
    reason = "processes are born by clone and fork, and watched by pidfd, which nix has in part only"
)]

mod birth;
mod child;

use std::fs::{self, File};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, setsid};
use podlab_kernel::netns::Netns;
use podlab_kernel::own_thread::on_own_thread;

use crate::cgroups::Group;
use crate::mounts::Root;
use crate::mounts::host::NULL;
use crate::privileges::Privileges;
use crate::variables::Variables;
use birth::{Birth, Executable, bear};
pub use child::Child;
use child::Kept;

/// The namespaces that the containers of a pod share.
#[derive(Debug, Clone)]
pub struct PodNamespaces {
    /// The pod's network.
    pub netns: Netns,
    uts: Arc<OwnedFd>,
    ipc: Arc<OwnedFd>,
}

impl PodNamespaces {
    /// New UTS and IPC namespaces for a pod whose network is `netns`, with its host name and these kernel settings:
    /// names below `/proc/sys`, and values.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN, `ENOSPC` past the limits on namespaces; a setting that the kernel refuses.
    pub fn create(netns: Netns, hostname: &str, sysctls: &[(String, String)]) -> io::Result<Self> {
        on_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWIPC)?;
            nix::unistd::sethostname(hostname)?;
            if !sysctls.is_empty() {
                setns(&netns, CloneFlags::CLONE_NEWNET)?;
            }
            for (name, value) in sysctls {
                let set = fs::write(Path::new("/proc/sys").join(name), value);
                set.map_err(|error| io::Error::new(error.kind(), format!("sysctl {name}: {error}")))?;
            }
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
    pub env: Variables,
    /// Where it starts.
    pub working_dir: PathBuf,
    /// As whom it runs.
    pub privileges: Privileges,
    /// What holds it to limits of resources, if there are any.
    pub group: Option<Arc<Group>>,
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

/// What could not be done, and why.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String, pub(crate) io::Error);

pub(crate) trait OrFailure<T> {
    /// Says what was being done.
    fn or_failure(self, what: &str) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> OrFailure<T> for Result<T, E> {
    fn or_failure(self, what: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure(what.to_owned(), error.into()))
    }
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
    root: &Root,
    program: &Program,
    pipes: Pipes,
) -> Result<Child, StartError> {
    start(
        program,
        Streams::Pipes(pipes),
        || {
            unshare(CloneFlags::CLONE_NEWPID).or_failure("unshare PID namespace")?;
            pod.enter().or_failure("enter the pod's namespaces")?;
            unshare(CloneFlags::CLONE_NEWNS).or_failure("unshare mount namespace")?;
            root.build()
        },
        || {
            root.enter()?;
            begin_session()
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
    let is_terminal = matches!(streams, Streams::Terminal(_));
    start(
        program,
        streams,
        || setns(&container, CloneFlags::CLONE_NEWPID).or_failure("enter the PID namespace"),
        || {
            let namespaces = CloneFlags::CLONE_NEWNS
                | CloneFlags::CLONE_NEWNET
                | CloneFlags::CLONE_NEWUTS
                | CloneFlags::CLONE_NEWIPC;
            setns(&container, namespaces).or_failure("enter the container's namespaces")?;
            begin_session()?;
            if is_terminal {
                take_terminal()?;
            }
            Ok(())
        },
    )
}

/// Runs `before` on a new thread, bears a process there, runs `inside` in it, and executes the program.
fn start(
    program: &Program,
    streams: Streams,
    before: impl FnOnce() -> Result<(), Failure> + Send,
    mut inside: impl FnMut() -> Result<(), Failure> + Send,
) -> Result<Child, StartError> {
    let executable = Executable::new(program)?;
    let (given, kept) = stdio(streams).map_err(|source| StartError {
        what: "pipe".into(),
        source,
    })?;
    let inside = || {
        if let Some(group) = &program.group {
            group.enter().or_failure("enter the container's control group")?;
        }
        umask(Mode::from_bits_truncate(0o022));
        inside()?;
        chdir(&program.working_dir).or_failure(&format!("chdir to {}", program.working_dir.display()))?;
        let privileges = program.privileges.take_on();
        privileges.or_failure("take on the container's privileges")
    };
    let born = on_own_thread(|| {
        let born = before().and_then(|()| {
            // With all who share memory with the one that is out of it, the kernel would kill podlab, too.
            let how = if program.group.is_some() || program.privileges.need_user_namespace()? {
                Birth::Copied
            } else {
                Birth::Sharing
            };
            bear(how, &executable, &given, inside)
        });
        Ok(born)
    });
    let born = born.map_err(|source| StartError {
        what: "start a thread".into(),
        source,
    })?;
    let pid = born.map_err(|Failure(what, source)| StartError { what, source })?;
    Child::new(pid, kept).map_err(|source| StartError {
        what: "watch the process".into(),
        source,
    })
}

fn begin_session() -> Result<(), Failure> {
    setsid().or_failure("setsid").map(drop)
}

/// Makes standard input the session's controlling terminal.
fn take_terminal() -> Result<(), Failure> {
    // SAFETY: takes numbers only.
    let taken = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) };
    let taken = Errno::result(taken).or_failure("take the terminal");
    taken.map(drop)
}

/// The program's standard streams, and the other ends of those that are pipes.
fn stdio(streams: Streams) -> io::Result<([OwnedFd; 3], Kept)> {
    let mut kept = Kept::default();
    let given = match streams {
        Streams::Pipes(pipes) => [
            input(pipes.stdin, &mut kept.stdin)?,
            output(pipes.stdout, &mut kept.stdout)?,
            output(pipes.stderr, &mut kept.stderr)?,
        ],
        Streams::Terminal(terminal) => [terminal.try_clone()?, terminal.try_clone()?, terminal],
    };
    Ok((given, kept))
}

fn input(is_pipe: bool, kept: &mut Option<OwnedFd>) -> io::Result<OwnedFd> {
    if !is_pipe {
        return Ok(File::open(NULL)?.into());
    }
    let (read, write) = io::pipe()?;
    *kept = Some(write.into());
    Ok(read.into())
}

fn output(is_pipe: bool, kept: &mut Option<OwnedFd>) -> io::Result<OwnedFd> {
    if !is_pipe {
        return Ok(File::options().write(true).open(NULL)?.into());
    }
    let (read, write) = io::pipe()?;
    *kept = Some(read.into());
    Ok(write.into())
}

/// The program that is running: what built-in workloads are started from, on a mount that nobody can write to.
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
