//! The outermost namespaces: everything that podlab makes is inside of them, and goes with them.
//!
//! The caller's process stays outside as a small guard that only waits. Its child is process 1 of a new PID
//! namespace: when that dies, for whatever reason, the kernel ends every process in it and frees every network
//! namespace, link, rule, route and mount. There is no clean-up code to get wrong, but for control groups: those belong to
//! no namespace, and the guard removes them.

#![expect(unsafe_code, reason = "the sandbox's first process is a fork")]

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getegid, geteuid, pipe2};

use crate::cgroups;
use crate::mounts::{self, host};
use crate::process::Failure;

/// Where the sandbox keeps its files: a tmpfs that only its own mount namespace has.
pub const RUN_DIR: &str = "/run";

/// How long the sandbox has to end by itself after a signal, before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// The signals that tell a sandbox to end.
const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// Whether a signal tells a sandbox to end, when its guard gets it.
pub fn tells_to_end(signal: Signal) -> bool {
    ENDING.contains(&signal)
}

/// This machine doesn't let podlab make a sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// An ordinary user may not make user namespaces here.
    #[error(
        "this kernel doesn't let an ordinary user make a network of their own ({operation}: {errno}).\n{way_out}"
    )]
    Forbidden {
        /// What was refused.
        operation: &'static str,
        /// How.
        errno: Errno,
        /// What can be done about it.
        way_out: String,
    },
    /// Anything else that the kernel refused.
    #[error("cannot make the sandbox: {operation}: {source}")]
    Kernel {
        /// What was refused.
        operation: &'static str,
        /// How.
        source: io::Error,
    },
}

/// How the sandbox is seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outside {
    /// The number that its first process has there.
    pub pid: i32,
    /// Whether it has a user namespace of its own.
    pub user_namespace: bool,
}

/// Runs `work` as process 1 of new user (when needed), PID, network, mount, UTS and IPC namespaces.
///
/// Returns the exit code of `work`, or 128 + the number of the signal that ended it: the one that this process was sent,
/// if it had the sandbox end. Must be called while the process has one thread.
///
/// # Errors
/// [`SandboxError`] before `work` is started; nothing is left then.
pub fn run(work: impl FnOnce(Outside) -> u8) -> Result<u8, SandboxError> {
    let cgroups = cgroups::here();
    cgroups.claim();
    let user_namespace = make_namespaces()?;
    let (guard_is_alive, guard) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(kernel("pipe"))?;
    let (failure, tell_failure) = pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(kernel("pipe"))?;
    // Blocked before the fork, so that no signal falls between the guard's birth and its waiting.
    let signals = guard_signals();
    let before = signals
        .thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK)
        .map_err(kernel("sigprocmask"))?;
    // SAFETY: the process has one thread, so the child's memory is whole.
    match unsafe { fork() }.map_err(kernel("fork"))? {
        ForkResult::Parent { child } => {
            drop((guard_is_alive, tell_failure));
            let code = wait_for(child, &signals);
            cgroups.remove();
            drop(guard);
            match read_failure(failure) {
                Some(error) => Err(error),
                None => Ok(code),
            }
        }
        ForkResult::Child => {
            drop((guard, failure));
            let prepared = before
                .thread_set_mask()
                .map_err(kernel("sigprocmask"))
                .and_then(|()| die_with_the_guard(&guard_is_alive))
                .and_then(|()| outer_pid())
                .and_then(|pid| prepare_mounts().map(|()| pid));
            let pid = match prepared {
                Ok(pid) => pid,
                Err(error) => {
                    write_failure(tell_failure, &error);
                    std::process::exit(1);
                }
            };
            drop(tell_failure);
            // Kept open until the end: the guard's death is also seen here, as the end of the pipe.
            std::mem::forget(guard_is_alive);
            std::process::exit(work(Outside { pid, user_namespace }).into())
        }
    }
}

fn kernel<E: Into<io::Error>>(operation: &'static str) -> impl Fn(E) -> SandboxError {
    move |source| SandboxError::Kernel {
        operation,
        source: source.into(),
    }
}

/// As root in the namespaces that are there; as an ordinary user, or root without its powers, in a user namespace:
/// whether it is one.
fn make_namespaces() -> Result<bool, SandboxError> {
    let flags = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    match unshare(flags) {
        Err(Errno::EPERM) => {
            let (user, group) = (geteuid(), getegid());
            unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| forbidden("unshare user namespace", errno))?;
            become_root("/proc/self/setgroups", "deny")?;
            become_root("/proc/self/uid_map", &format!("0 {user} 1"))?;
            become_root("/proc/self/gid_map", &format!("0 {group} 1"))?;
            unshare(flags).map_err(|errno| forbidden("unshare network namespace", errno))?;
            Ok(true)
        }
        result => result.map(|()| false).map_err(kernel("unshare")),
    }
}

fn become_root(file: &'static str, text: &str) -> Result<(), SandboxError> {
    fs::write(file, text).map_err(|error| match error.raw_os_error() {
        Some(errno) => forbidden(file, Errno::from_raw(errno)),
        None => kernel(file)(error),
    })
}

/// Names the switch that stands in the way, if it is one of those that distributions have.
fn forbidden(operation: &'static str, errno: Errno) -> SandboxError {
    let is = |file: &str, value: &str| fs::read_to_string(file).is_ok_and(|text| text.trim() == value);
    let sysctl = if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        Some("kernel.apparmor_restrict_unprivileged_userns=0")
    } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        Some("kernel.unprivileged_userns_clone=1")
    } else if is("/proc/sys/user/max_user_namespaces", "0") {
        Some("user.max_user_namespaces=10000")
    } else {
        None
    };
    let way_out = match sysctl {
        Some(setting) => format!(
            "Run podlab with sudo, or allow it until the next boot: sudo sysctl -w {setting}\n\
             (that allows unprivileged user namespaces to every program)."
        ),
        None => "Run podlab with sudo. (In a container, unprivileged user namespaces are often switched off \
                 by its seccomp profile; run the container with CAP_SYS_ADMIN instead.)"
            .to_owned(),
    };
    SandboxError::Forbidden {
        operation,
        errno,
        way_out,
    }
}

/// The guard may have died before the kernel was asked to tell; then its end of the pipe is closed already.
fn die_with_the_guard(guard_is_alive: &OwnedFd) -> Result<(), SandboxError> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(kernel("prctl PR_SET_PDEATHSIG"))?;
    let mut ends = [nix::poll::PollFd::new(
        std::os::fd::AsFd::as_fd(guard_is_alive),
        nix::poll::PollFlags::POLLIN,
    )];
    let ended = nix::poll::poll(&mut ends, nix::poll::PollTimeout::ZERO).map_err(kernel("poll"))?;
    if ended > 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// The process's own number outside: `/proc` is still that of the outside, before it is mounted anew.
fn outer_pid() -> Result<i32, SandboxError> {
    let link = fs::read_link("/proc/self").map_err(kernel("read /proc/self"))?;
    let pid = link.to_str().and_then(|pid| pid.parse().ok());
    pid.ok_or_else(|| kernel("read /proc/self")(Errno::ESRCH))
}

/// A mount namespace that tells nobody of its mounts, with its own `/proc`, and with a tmpfs for podlab's files
/// in which is what pods are given of the host.
fn prepare_mounts() -> Result<(), SandboxError> {
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(kernel("make / private"))?;
    mount(Some("proc"), "/proc", Some("proc"), mounts::SAFE, none).map_err(kernel("mount /proc"))?;
    mount(
        Some("podlab"),
        RUN_DIR,
        Some("tmpfs"),
        mounts::SAFE,
        Some("mode=755"),
    )
    .map_err(kernel("mount tmpfs"))?;
    host::prepare().map_err(|Failure(what, source)| SandboxError::Kernel {
        // Once in the program's life, and the program ends of it.
        operation: String::leak(what),
        source,
    })
}

fn guard_signals() -> SigSet {
    ENDING.into_iter().chain([Signal::SIGCHLD]).collect()
}

/// Waits for the sandbox's first process; passes signals on, and kills it when it doesn't end of them in time.
fn wait_for(child: Pid, signals: &SigSet) -> u8 {
    let (mut told, mut deadline) = (None, None);
    loop {
        let code = match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Some(u8::try_from(code).unwrap_or(u8::MAX)),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(128 + signal as u8),
            Ok(_) | Err(Errno::EINTR) => None,
            Err(_) => return 1,
        };
        if let Some(code) = code {
            return match told {
                Some(signal) if code > 128 => 128 + signal as u8,
                _ => code,
            };
        }
        match next_signal(signals, deadline) {
            Some(Signal::SIGCHLD) => {}
            Some(signal) => {
                let passed_on = match (told, signal) {
                    // A second signal doesn't wait for the first.
                    (Some(_), _) => Signal::SIGKILL,
                    (None, Signal::SIGINT) => Signal::SIGINT,
                    // PID 1 ignores what it has no handler for.
                    (None, _) => Signal::SIGTERM,
                };
                let _ = kill(child, passed_on);
                told.get_or_insert(signal);
                deadline.get_or_insert_with(|| std::time::Instant::now() + GRACE);
            }
            None => {
                let _ = kill(child, Signal::SIGKILL);
                deadline = None;
            }
        }
    }
}

/// The next signal of the set; none when the deadline passes first.
fn next_signal(signals: &SigSet, deadline: Option<std::time::Instant>) -> Option<Signal> {
    let Some(deadline) = deadline else {
        return signals.wait().ok();
    };
    let left = deadline.saturating_duration_since(std::time::Instant::now());
    let timeout = nix::sys::time::TimeSpec::from_duration(left);
    // SAFETY: both pointers are to live values for the time of the call, and no information is asked back.
    let signal = unsafe { libc::sigtimedwait(signals.as_ref(), std::ptr::null_mut(), timeout.as_ref()) };
    Signal::try_from(signal).ok()
}

fn write_failure(pipe: OwnedFd, error: &SandboxError) {
    use std::io::Write;
    if let SandboxError::Kernel { operation, source } = error {
        let _ = write!(
            fs::File::from(pipe),
            "{}\n{operation}",
            source.raw_os_error().unwrap_or(0)
        );
    }
}

fn read_failure(pipe: OwnedFd) -> Option<SandboxError> {
    use std::io::Read;
    let mut text = String::new();
    fs::File::from(pipe).read_to_string(&mut text).ok()?;
    let (errno, operation) = text.split_once('\n')?;
    let source = io::Error::from_raw_os_error(errno.parse().ok()?);
    // Once in the program's life, and the program ends of it.
    Some(SandboxError::Kernel {
        operation: String::leak(operation.to_owned()),
        source,
    })
}
