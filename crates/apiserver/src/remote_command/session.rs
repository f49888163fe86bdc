//! A program that runs, between its start and its end, and what the client is told about that.

use std::fmt;
use std::future::pending;
use std::io;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::stream::{Heard, Incoming, Outgoing, write_all};

/// A program that has been started for a client.
///
/// When the client leaves early, all but `exit` is dropped: the program finds its input at its end and nobody who
/// reads its output, and what it makes of that is its own matter.
pub(crate) struct Session {
    /// What writes its standard input; its end is the input's end.
    pub(crate) stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// What reads its standard output.
    pub(crate) stdout: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// What reads its standard error.
    pub(crate) stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// Gives its terminal another size.
    pub(crate) resize: Box<dyn FnMut(TerminalSize) + Send>,
    /// Its exit code, once it has one.
    pub(crate) exit: BoxFuture<'static, io::Result<i32>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// How large a terminal is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TerminalSize {
    /// Columns.
    pub(crate) width: u16,
    /// Lines.
    pub(crate) height: u16,
}

/// The client's ends of its streams to a program.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) stdin: Option<Incoming>,
    pub(super) stdout: Option<Outgoing>,
    pub(super) stderr: Option<Outgoing>,
    pub(super) resize: Option<Incoming>,
}

/// Connects a program with its client, until it has ended and all of its output is said.
pub(super) async fn attend(session: Session, ends: Ends) -> io::Result<i32> {
    let say = async |from, to: Option<Outgoing>| {
        if let (Some(from), Some(to)) = (from, to) {
            // Output that can't be read any more is at its end.
            let _ = to.say_all(from).await;
        }
    };
    let output = async {
        let stdout = say(session.stdout, ends.stdout);
        let stderr = say(session.stderr, ends.stderr);
        let (code, (), ()) = tokio::join!(session.exit, stdout, stderr);
        code
    };
    let input = async {
        tokio::join!(
            write(ends.stdin, session.stdin),
            set_sizes(ends.resize, session.resize)
        );
        pending().await
    };
    tokio::select! {
        code = output => code,
        never = input => never,
    }
}

async fn write(from: Option<Incoming>, to: Option<Box<dyn AsyncWrite + Send + Unpin>>) {
    if let (Some(mut from), Some(to)) = (from, to) {
        // A program need not read its input.
        let _ = write_all(&mut from, to).await;
    }
}

async fn set_sizes(from: Option<Incoming>, mut resize: impl FnMut(TerminalSize)) {
    let Some(mut from) = from else { return };
    while let Some(Heard::Data(sizes)) = from.recv().await {
        let sizes = serde_json::Deserializer::from_slice(&sizes).into_iter::<TerminalSize>();
        sizes.map_while(Result::ok).for_each(&mut resize);
    }
}

/// The Status that a client is told in the end.
pub(super) fn status(ended: Result<i32, String>) -> Value {
    match ended {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": format!(
                "command terminated with non-zero exit code: command terminated with exit code {code}"
            ),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(why) => {
            let why = format!("error executing command in container: {why}");
            json!({
                "metadata": {},
                "status": "Failure",
                "reason": "InternalError",
                "message": format!("Internal error occurred: {why}"),
                "details": {"causes": [{"message": why}]},
                "code": 500,
            })
        }
    }
}
