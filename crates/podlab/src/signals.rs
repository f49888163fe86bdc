//! How podlab is told to end, and what it says then.

#![expect(unsafe_code, reason = "a signal's handler does only what a handler may")]

use std::io::{self, stderr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction};
use nix::unistd::{isatty, write};
use tokio::signal::unix::{SignalKind, signal};

use crate::runtime;

/// The signals that tell podlab to end.
const ENDING: [Signal; 2] = [Signal::SIGINT, Signal::SIGTERM];

/// Removes what is going on from a terminal's line.
const CLEAR_LINE: &str = "\r\x1b[K";

/// Whether somebody waits for signals, so that they end nothing by themselves.
static AWAITED: AtomicBool = AtomicBool::new(false);

/// What else there is to say.
static AFTERMATH: OnceLock<&str> = OnceLock::new();

/// From now on, who is told to end says so, and ends at once, until [`told_to_end`] waits for that. A signal that was
/// ignored when podlab was started, as by `nohup`, stays ignored.
pub(crate) fn end_with_a_word() {
    let action = SigAction::new(SigHandler::Handler(end), SaFlags::SA_RESTART, SigSet::empty());
    for signal in ENDING {
        // SAFETY: the handler does only what a handler may.
        let before = unsafe { sigaction(signal, &action) };
        if let Ok(before) = before
            && matches!(before.handler(), SigHandler::SigIgn)
        {
            // SAFETY: ignoring runs no code.
            let _ = unsafe { sigaction(signal, &before) };
        }
    }
}

/// What is said of a command that is told to end, beside that: what becomes of what it has begun.
pub(crate) fn leaves_behind(aftermath: &'static str) {
    // A command has begun one thing only.
    let _ = AFTERMATH.set(aftermath);
}

/// Says that a command was told to end, and what came of it; the exit code.
pub(crate) fn interrupted(signal: Signal, aftermath: &str) -> u8 {
    say(signal, Some(aftermath));
    exit_code(signal)
}

/// The exit code of who ends by a signal, as shells have it.
pub(crate) fn exit_code(signal: Signal) -> u8 {
    128 + signal as u8
}

/// The signal of an exit code, if it is one's.
pub(crate) fn of_exit_code(code: u8) -> Option<Signal> {
    Signal::try_from(i32::from(code.checked_sub(128)?)).ok()
}

extern "C" fn end(signal: libc::c_int) {
    if AWAITED.load(Ordering::SeqCst) {
        return;
    }
    // For a sandbox's first process, who waits for its end says it.
    if let Ok(signal) = Signal::try_from(signal)
        && std::process::id() != 1
    {
        say(signal, AFTERMATH.get().copied());
    }
    // SAFETY: it ends the process, and runs nothing else.
    unsafe { libc::_exit(128 + signal) }
}

/// Says by which signal a command ends, and what comes of it, as a signal's handler may: without memory of its own.
fn say(signal: Signal, aftermath: Option<&str>) {
    let clear = match isatty(stderr()) {
        Ok(true) => CLEAR_LINE,
        _ => "",
    };
    let (between, aftermath) = aftermath.map_or(("", ""), |aftermath| ("; ", aftermath));
    for part in [
        clear,
        "podlab: interrupted by ",
        signal.as_str(),
        between,
        aftermath,
        "\n",
    ] {
        // Nobody listens when it fails.
        let _ = write(stderr(), part.as_bytes());
    }
}

/// As long as this is there, signals that end a program wait.
pub(crate) struct Held(SigSet);

impl Held {
    pub(crate) fn new() -> io::Result<Self> {
        let ending = SigSet::from_iter(ENDING);
        Ok(Self(ending.thread_swap_mask(SigmaskHow::SIG_BLOCK)?))
    }

    /// Lets them come already now.
    pub(crate) fn release(&self) {
        // Refused for wrong numbers only.
        let _ = self.0.thread_set_mask();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// From now on, the first of the signals that end a program.
///
/// # Errors
/// When they can't be handled.
pub(crate) fn told_to_end() -> io::Result<impl Future<Output = Signal>> {
    let (mut interrupt, mut terminate) = runtime::or_end(|| {
        let interrupt = signal(SignalKind::interrupt())?;
        io::Result::Ok((interrupt, signal(SignalKind::terminate())?))
    })?;
    AWAITED.store(true, Ordering::SeqCst);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Signal::SIGINT,
            _ = terminate.recv() => Signal::SIGTERM,
        }
    })
}
