//! How podlab is told to end.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// From now on, the first of the signals that end a program; its name.
///
/// # Errors
/// When they can't be handled.
pub(crate) fn told_to_end() -> io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
