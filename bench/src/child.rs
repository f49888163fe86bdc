//! The processes that measure: each of this program, so that it begins with one thread and leaves nothing behind.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::lab;
use crate::rows::{Case, Row};

/// This program, for itself.
pub(crate) const OWN_PROGRAM: &str = "/proc/self/exe";
/// How long a measurement may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Measures a case, and returns what the child has told.
///
/// # Errors
/// What the child says last, or that it takes too long.
pub(crate) fn measure(row: &Row, case: &Case) -> Result<String> {
    let peers = case
        .peers
        .iter()
        .flat_map(|peer| ["--peer".to_owned(), peer.argument()]);
    let mut child = Command::new(OWN_PROGRAM)
        .args(["measure", row.id, "--size", &case.size.to_string()])
        .args(peers)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().map(read);
    let errors = child.stderr.take().map(read);
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > LIMIT {
            // What it has made ends with it.
            child.kill()?;
            child.wait()?;
            return Err(format!("not within {} s", LIMIT.as_secs()).into());
        }
        thread::sleep(Duration::from_millis(10));
    };
    let text =
        |reader: Option<thread::JoinHandle<String>>| reader.and_then(|it| it.join().ok()).unwrap_or_default();
    let (output, errors) = (text(output), text(errors));
    if status.success() {
        return Ok(output);
    }
    let last = errors.lines().rev().find(|line| !line.trim().is_empty());
    Err(last.unwrap_or("failed").to_owned().into())
}

fn read(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        // What can't be read isn't UTF-8, and no figure.
        let _ = pipe.read_to_string(&mut text);
        text
    })
}

/// Waits until the kernel has taken down what the measurements before have left to it: it does so later, and in the way
/// of who makes something new.
///
/// # Errors
/// No sandbox can be made.
pub(crate) fn settle() -> Result<()> {
    let status = Command::new(OWN_PROGRAM).arg("settle").status()?;
    if status.success() {
        Ok(())
    } else {
        Err("the kernel doesn't settle".into())
    }
}

/// What the child of [`settle`] does.
///
/// # Errors
/// As there.
pub(crate) fn wait_for_deletions() -> Result<()> {
    lab::in_sandbox(|_| crate::floor::wait_for_deletions())
}

/// The `podlab` that was built beside this program.
///
/// # Errors
/// There is none.
pub(crate) fn podlab() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("podlab");
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("not built: {}", path.display()).into())
}
