//! What containers write: kept in memory, line by line, for the current and the previous run of each.

mod read;
mod run;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use podlab_control::store::Store;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::watch;

pub use read::{LogOptions, LogStream, Since};
pub use run::LogsError;
pub(super) use run::run_to_read;

/// How many bytes of a run are kept: where Kubernetes takes a new file.
const KEPT: usize = 10 * 1024 * 1024;
/// A longer line is kept in pieces, as container runtimes do.
const LONGEST: u64 = 16 * 1024;
/// How much is read at once: every container has two pipes, and most of them write little.
const BUFFER: usize = 1024;
/// How many lines of a container a report has.
const RECENT: usize = 1_000;
/// The current run and the one before.
const RUNS: usize = 2;

/// A container's log, whatever number of times it was started.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<VecDeque<Run>>>);

/// What one run of a container wrote. The sender's end is the run's.
#[derive(Debug, Clone)]
struct Run {
    container_id: String,
    lines: watch::Receiver<Lines>,
}

/// Adds lines to a run; clones add to the same one. The run has ended when all of them are dropped.
#[derive(Clone)]
pub(super) struct Writer {
    lines: Arc<watch::Sender<Lines>>,
    store: Store,
}

/// The last lines of a run, numbered from its first.
#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Line>,
    /// The number of the first line that is kept.
    first: u64,
    size: usize,
}

#[derive(Debug)]
struct Line {
    time: jiff::Timestamp,
    by: Author,
    /// With its end; without one, what comes next goes on with it.
    bytes: Box<[u8]>,
}

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    Container,
    /// What only podlab's reports tell.
    Kubelet,
}

impl Log {
    /// Begins a run: what the container of this ID writes.
    pub(super) fn begin(&self, container_id: String, store: Store) -> Writer {
        let (sender, lines) = watch::channel(Lines::default());
        let mut runs = self.lock();
        if runs.len() == RUNS {
            runs.pop_front();
        }
        runs.push_back(Run { container_id, lines });
        Writer {
            lines: Arc::new(sender),
            store,
        }
    }

    /// What the run of this container ID wrote, if it is kept.
    pub(super) fn stream(
        &self,
        container_id: &str,
        options: &LogOptions,
        store: &Store,
    ) -> Option<LogStream> {
        let runs = self.lock();
        let run = runs.iter().find(|run| run.container_id == container_id)?;
        Some(read::stream(run.lines.clone(), options, store.now().0))
    }

    /// The last lines that are kept, oldest first, as text.
    pub(super) fn recent(&self) -> Vec<String> {
        let runs = self.lock();
        let mut recent = VecDeque::new();
        for run in runs.iter() {
            let lines = run.lines.borrow();
            let skipped = lines.kept.len().saturating_sub(RECENT);
            recent.extend(lines.kept.iter().skip(skipped).map(Line::text));
        }
        recent.drain(..recent.len().saturating_sub(RECENT));
        recent.into()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Takes in all that a pipe says, line by line, until it is closed.
    pub(super) async fn take_in(self, pipe: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(BUFFER, pipe);
        loop {
            let mut line = Vec::new();
            let mut piece = (&mut reader).take(LONGEST);
            if piece.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            self.add(Author::Container, line);
        }
    }

    /// Adds a line that only podlab's reports tell.
    pub(super) fn note(&self, line: &str) {
        self.add(Author::Kubelet, line.into());
    }

    fn add(&self, by: Author, bytes: Vec<u8>) {
        self.lines.send_modify(|lines| {
            lines.push(Line {
                time: self.store.now().0,
                by,
                bytes: bytes.into(),
            });
        });
    }
}

impl Lines {
    fn push(&mut self, line: Line) {
        self.size += line.size();
        self.kept.push_back(line);
        while self.size > KEPT
            && let Some(oldest) = self.kept.pop_front()
        {
            self.size -= oldest.size();
            self.first += 1;
        }
    }

    /// The number that the next line will have.
    fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }
}

impl Line {
    /// With what its place costs, so that very many empty lines are bounded, too.
    fn size(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }

    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        text.trim_end_matches(['\n', '\r']).to_owned()
    }
}

#[cfg(test)]
mod tests;
