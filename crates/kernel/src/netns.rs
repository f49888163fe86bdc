//! Network namespaces, held by nothing but a file descriptor.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use futures::channel::oneshot;
use nix::sched::{CloneFlags, setns, unshare};

use crate::own_thread::{Crew, on_own_thread};

/// Half of what it takes to make and furnish a namespace is done under a lock that the whole kernel shares, so more
/// threads would wait for each other, on any number of cores.
static MAKERS: Crew = Crew::new(2);

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

    /// Makes a new network namespace, and runs `furnish` inside of it, after all others that are being made: two are at
    /// a time. Sockets opened by `furnish` stay in the namespace.
    ///
    /// # Errors
    /// As [`Self::create`], or when no thread can be made.
    pub async fn create_with<T: Send + 'static>(
        furnish: impl FnOnce(Self) -> T + Send + 'static,
    ) -> io::Result<T> {
        let (tell, furnished) = oneshot::channel();
        MAKERS.push(move || {
            let netns = unshare(CloneFlags::CLONE_NEWNET)
                .map_err(io::Error::from)
                .and_then(|()| Self::current());
            let _ = tell.send(netns.map(furnish));
        })?;
        furnished.await.map_err(io::Error::other)?
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
