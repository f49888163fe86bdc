//! Threads for what changes the thread that does it.

use std::io;
use std::thread;

/// Does `work` on a thread that ends with it, because a namespace is a property of the thread, and threads of a pool
/// are shared. Panics when `work` does.
///
/// # Errors
/// No thread can be made; otherwise what `work` returns.
pub fn on_own_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("own".into())
            .spawn_scoped(scope, work)?;
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
