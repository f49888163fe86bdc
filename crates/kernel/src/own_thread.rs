//! Threads for what changes the thread that does it.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// A few threads that take turns with all the work there is, each piece of which changes its thread's namespace first.
/// They end when nothing is left to do, so that no idle thread holds the namespace that it was in last.
pub(crate) struct Crew {
    size: usize,
    todo: Mutex<Todo>,
}

struct Todo {
    waiting: VecDeque<Box<dyn FnOnce() + Send>>,
    threads: usize,
}

impl Crew {
    pub(crate) const fn new(size: usize) -> Self {
        Self {
            size,
            todo: Mutex::new(Todo {
                waiting: VecDeque::new(),
                threads: 0,
            }),
        }
    }

    /// Does `work` after all that waits already.
    ///
    /// # Errors
    /// No thread can be made, and none is there.
    pub(crate) fn push(&'static self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut todo = self.lock();
        todo.waiting.push_back(Box::new(work));
        if todo.threads == self.size {
            return Ok(());
        }
        match thread::Builder::new().name("crew".into()).spawn(|| self.work()) {
            Ok(_) => todo.threads += 1,
            Err(_) if todo.threads > 0 => {}
            Err(error) => {
                todo.waiting.pop_back();
                return Err(error);
            }
        }
        Ok(())
    }

    fn work(&self) {
        loop {
            let mut todo = self.lock();
            let Some(work) = todo.waiting.pop_front() else {
                todo.threads -= 1;
                return;
            };
            drop(todo);
            // Who waits for a piece of work that panics sees that its answer will never come.
            let _ = catch_unwind(AssertUnwindSafe(work));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Todo> {
        self.todo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn all_work_is_done_and_no_more_than_two_pieces_at_a_time() {
        static CREW: Crew = Crew::new(2);
        static AT_WORK: AtomicUsize = AtomicUsize::new(0);
        let (tell, told) = mpsc::channel();
        for number in 0..50 {
            let tell = tell.clone();
            CREW.push(move || {
                let at_work = AT_WORK.fetch_add(1, Ordering::SeqCst) + 1;
                thread::sleep(Duration::from_millis(1));
                AT_WORK.fetch_sub(1, Ordering::SeqCst);
                tell.send((number, at_work)).unwrap();
            })
            .unwrap();
        }
        drop(tell);
        let (mut numbers, at_work): (Vec<_>, Vec<_>) = told.iter().unzip();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..50).collect::<Vec<_>>());
        assert_eq!(at_work.iter().max(), Some(&2));
    }

    #[test]
    fn a_panic_takes_nobody_else_along() {
        static CREW: Crew = Crew::new(1);
        let (tell, told) = mpsc::channel();
        CREW.push(|| panic!("on purpose")).unwrap();
        CREW.push(move || tell.send(()).unwrap()).unwrap();
        told.recv_timeout(SOON).unwrap();
    }
}
