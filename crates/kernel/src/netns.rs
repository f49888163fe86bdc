//! Network namespaces, held by nothing but a file descriptor.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use nix::sched::{CloneFlags, setns, unshare};

use crate::own_thread::on_own_thread;

/// A network namespace. It lives as long as a clone of this, a process in it, or a socket opened in it.
#[derive(Debug, Clone)]
pub struct Netns(Arc<OwnedFd>);

impl Netns {
    /// Makes a new, empty network namespace: a loopback device that is down, and nothing else.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN in the user namespace; `ENOSPC` past `user.max_net_namespaces`.
    pub fn create() -> io::Result<Self> {
        on_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            Self::current()
        })
    }

    /// The network namespace of the calling thread.
    ///
    /// # Errors
    /// When `/proc` is not there, or there are too many open files.
    pub fn current() -> io::Result<Self> {
        Ok(Self(Arc::new(File::open("/proc/thread-self/ns/net")?.into())))
    }

    /// Runs `work` inside the namespace, on a thread made for it, and waits for it.
    ///
    /// Sockets opened and processes started by `work` stay in the namespace. `work` must not wait for long.
    ///
    /// # Errors
    /// `EPERM` without CAP_SYS_ADMIN over the namespace; otherwise what `work` returns.
    pub fn visit<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        on_own_thread(|| {
            setns(self, CloneFlags::CLONE_NEWNET)?;
            work()
        })
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
