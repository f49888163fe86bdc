//! A process that this one has started, to be waited for.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

/// A process that this one has started. Dropping this leaves it alone.
#[derive(Debug)]
pub struct Child {
    /// What it reads, if that is a pipe.
    pub stdin: Option<ChildStdin>,
    /// What it writes, if that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// What it writes to standard error, if that is a pipe.
    pub stderr: Option<ChildStderr>,
    pid: Pid,
    end: AsyncFd<OwnedFd>,
    status: Option<ExitStatus>,
}

/// The ends of a process's pipes that it hasn't got.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
}

impl Child {
    /// The process `pid`, which nobody has waited for.
    pub(super) fn new(pid: Pid, kept: Kept) -> io::Result<Self> {
        let end = super::pidfd_open(u32::try_from(pid.as_raw()).unwrap_or_default())?;
        // SAFETY: an owned descriptor, which nobody gets at but through what is made here.
        let end = unsafe { AsyncFd::register_with_interest(end, Interest::READABLE) }?;
        let stdin = kept.stdin.map(std::process::ChildStdin::from);
        let stdout = kept.stdout.map(std::process::ChildStdout::from);
        let stderr = kept.stderr.map(std::process::ChildStderr::from);
        Ok(Self {
            stdin: stdin.map(ChildStdin::from_std).transpose()?,
            stdout: stdout.map(ChildStdout::from_std).transpose()?,
            stderr: stderr.map(ChildStderr::from_std).transpose()?,
            pid,
            end,
            status: None,
        })
    }

    /// Its number; none when it has been waited for, as it may be another's then.
    pub fn id(&self) -> Option<u32> {
        let id = u32::try_from(self.pid.as_raw()).ok();
        id.filter(|_| self.status.is_none())
    }

    /// Waits for its end. May be given up and begun again.
    ///
    /// # Errors
    /// Somebody else has waited for it.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        while self.status.is_none() {
            let mut ready = self.end.readable().await?;
            self.status = match waitpid(self.pid, Some(WaitPidFlag::WNOHANG))? {
                WaitStatus::Exited(_, code) => Some(ExitStatus::from_raw(code << 8)),
                WaitStatus::Signaled(_, signal, _) => Some(ExitStatus::from_raw(signal as i32)),
                _ => None,
            };
            ready.clear_ready();
        }
        Ok(self.status.unwrap_or_default())
    }
}
