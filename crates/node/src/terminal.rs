//! Pseudo-terminals.

#![expect(unsafe_code, reason = "nix has no ioctls of terminals")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use nix::fcntl::OFlag;
use nix::pty::{posix_openpt, unlockpt};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The end of a terminal where a user would sit; clones are the same one. Reading ends when no process has the other
/// end any more.
#[derive(Debug, Clone)]
pub struct Terminal(Arc<AsyncFd<OwnedFd>>);

/// How large a terminal is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct WindowSize {
    pub columns: u16,
    pub rows: u16,
}

impl Terminal {
    /// A new terminal, and its end for processes. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// `ENOSPC` past `kernel.pty.max`, `EMFILE`.
    pub fn open() -> io::Result<(Self, OwnedFd)> {
        // Not openpty, whose descriptors are inherited by whatever else is started in this moment.
        let user = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        unlockpt(&user)?;
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        // SAFETY: takes numbers only, and returns a new descriptor that nobody else owns.
        let processes = unsafe { libc::ioctl(user.as_raw_fd(), libc::TIOCGPTPEER, flags) };
        if processes < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: see above.
        let processes = unsafe { OwnedFd::from_raw_fd(processes) };
        // SAFETY: an OwnedFd has the same open descriptor for as long as it lives, which is as long as the AsyncFd does.
        let user = unsafe { AsyncFd::register(user.into()) }.map_err(|refused| refused.into_parts().1)?;
        Ok((Self(Arc::new(user)), processes))
    }

    /// Sets its size; the processes at the other end get a `SIGWINCH`.
    ///
    /// # Errors
    /// None that Linux documents for an open terminal.
    pub fn resize(&self, size: WindowSize) -> io::Result<()> {
        let size = libc::winsize {
            ws_row: size.rows,
            ws_col: size.columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: the size lives through the call.
        let set = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        if set == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

impl AsyncRead for Terminal {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            let read = guard.try_io(|terminal| {
                nix::unistd::read(terminal, buffer.initialize_unfilled()).map_err(io::Error::from)
            });
            match read {
                Ok(Ok(length)) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                // No process has the other end any more.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => return Poll::Ready(Ok(())),
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_not_yet) => {}
            }
        }
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(context))?;
            let written =
                guard.try_io(|terminal| nix::unistd::write(terminal, bytes).map_err(io::Error::from));
            if let Ok(written) = written {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// A terminal has no end of input but the one that its user types.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
