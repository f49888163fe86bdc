//! Reads a run's lines as the API's `PodLogOptions` ask for them.

use std::io::Write;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Author, Lines};

/// About how much is passed on at a time.
const CHUNK: usize = 64 * 1024;

/// What a container wrote, as it wrote it.
pub type LogStream = BoxStream<'static, Bytes>;

/// Which lines of a container's log are asked for, and how; fields as `PodLogOptions` of Kubernetes' API has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container; the pod's only one when missing.
    pub container: Option<String>,
    /// Goes on with what comes, until the container ends.
    pub follow: bool,
    /// Those of the run before the last restart.
    pub previous: bool,
    /// No lines from before.
    pub since: Option<Since>,
    /// Every line begins with the time at which it was written.
    pub timestamps: bool,
    /// This many lines from the end.
    pub tail_lines: Option<u64>,
    /// At most this many bytes.
    pub limit_bytes: Option<u64>,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// `sinceSeconds`: so many seconds before now.
    Seconds(i64),
    /// `sinceTime`.
    Time(Timestamp),
}

/// The lines of a run, read up to one of them.
struct Reader {
    lines: watch::Receiver<Lines>,
    /// The number of the next one.
    next: u64,
    /// The number of the one where reading ends; none when it goes on.
    end: Option<u64>,
    since: Timestamp,
    timestamps: bool,
    /// How many bytes may still be passed on.
    left: u64,
    /// Whether what comes next is the beginning of a line.
    line_begins: bool,
}

pub(super) fn stream(lines: watch::Receiver<Lines>, options: &LogOptions, now: Timestamp) -> LogStream {
    let (first, end) = {
        let lines = lines.borrow();
        (first_of_tail(&lines, options.tail_lines), lines.end())
    };
    let since = match options.since {
        None => Timestamp::MIN,
        Some(Since::Time(time)) => time,
        Some(Since::Seconds(seconds)) => now
            .saturating_sub(SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MIN),
    };
    let reader = Reader {
        lines,
        next: first,
        end: (!options.follow).then_some(end),
        since,
        timestamps: options.timestamps,
        left: options.limit_bytes.unwrap_or(u64::MAX),
        line_begins: true,
    };
    stream::unfold(reader, |mut reader| async {
        let chunk = reader.next().await?;
        Some((chunk, reader))
    })
    .boxed()
}

fn first_of_tail(lines: &Lines, tail: Option<u64>) -> u64 {
    let Some(tail) = tail else { return lines.first };
    let mut first = lines.end();
    let mut left = tail;
    for line in lines.kept.iter().rev() {
        if left == 0 {
            break;
        }
        first -= 1;
        left -= u64::from(line.by == Author::Container);
    }
    first
}

impl Reader {
    /// What comes next, waiting for it; none when nothing comes any more.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let chunk = self.take();
            if !chunk.is_empty() {
                return Some(chunk.into());
            }
            if self.left == 0 || self.end.is_some_and(|end| self.next >= end) {
                return None;
            }
            // Nobody writes any more, and all that was written has been seen.
            self.lines.changed().await.ok()?;
        }
    }

    /// What is there already, up to a chunk.
    fn take(&mut self) -> Vec<u8> {
        let lines = self.lines.borrow_and_update();
        // What is older was dropped because this reader is slow.
        self.next = self.next.max(lines.first);
        let end = self.end.unwrap_or(u64::MAX).min(lines.end());
        let mut chunk = Vec::new();
        while self.next < end && self.left > 0 && chunk.len() < CHUNK {
            let index = usize::try_from(self.next - lines.first).unwrap_or(usize::MAX);
            let Some(line) = lines.kept.get(index) else { break };
            self.next += 1;
            if line.by == Author::Kubelet || line.time < self.since {
                continue;
            }
            let before = chunk.len();
            if self.timestamps && self.line_begins {
                // Writing to memory can't fail.
                let _ = write!(chunk, "{:.9} ", line.time);
            }
            chunk.extend_from_slice(&line.bytes);
            self.line_begins = line.bytes.ends_with(b"\n");
            let added = (chunk.len() - before) as u64;
            let kept = added.min(self.left);
            chunk.truncate(before + usize::try_from(kept).unwrap_or(usize::MAX));
            self.left -= kept;
        }
        chunk
    }
}
