//! tokio's runtimes: what the machine doesn't give them is an error as any other. tokio itself panics then, and waits for
//! ever for the threads that it has been given.

use std::io;
use std::panic;
use std::process::exit;

use tokio::runtime::{Builder, Runtime};

use crate::exit::cannot;

/// For a cluster: as many threads as there are cores.
pub(crate) fn many_threads() -> io::Result<Runtime> {
    or_end(Runtime::new)
}

/// For who only asks and waits: the thread that there is.
pub(crate) fn one_thread() -> io::Result<Runtime> {
    or_end(|| Builder::new_current_thread().enable_all().build())
}

/// Does what panics for want of threads or descriptors. If it does, podlab ends, and says why.
pub(crate) fn or_end<T>(work: impl FnOnce() -> T) -> T {
    let before = panic::take_hook();
    panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let why = text
            .or_else(|| payload.downcast_ref().copied())
            .unwrap_or_default();
        exit(
            cannot(&format!(
                "cannot get ready: {why}. End other programs, or allow more processes (ulimit -u) and open files \
                 (ulimit -n)"
            ))
            .into(),
        )
    }));
    let done = work();
    panic::set_hook(before);
    done
}
