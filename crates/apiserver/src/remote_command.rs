//! A program in a container, driven by a client: `pods/exec` and what looks like it.
//!
//! It speaks the subprotocols `v5.channel.k8s.io` and `v4.channel.k8s.io`, over WebSocket and (v4) over SPDY/3.1.

mod options;
mod session;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use axum::extract::ws::WebSocket;
use axum::response::Response;
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::channels::{self, Channels, V4, V5};
use crate::spdy::{self, Opened};
use crate::stream::{FINISH, Outgoing, Said, incoming};
use crate::upgrade::{self, Upgrade};

use session::{Ends, attend, status};

pub(crate) use options::{ExecOptions, Streams};
pub(crate) use session::{Session, TerminalSize};

/// How long a client has for opening its streams, as in Kubernetes.
const CREATION: Duration = Duration::from_secs(30);

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;

/// Answers a request for a program: turns its connection into streams, starts the program, and carries between both.
///
/// The client is told what `start` fails with. A client that speaks no known protocol is refused, and nothing starts.
pub(crate) fn exec<F, E>(
    upgrade: Upgrade,
    streams: Streams,
    start: impl FnOnce() -> F + Send + 'static,
) -> Response
where
    F: Future<Output = Result<Session, E>> + Send + 'static,
    E: Display + Send + 'static,
{
    match upgrade {
        Upgrade::WebSocket(upgrade) => {
            let upgrade = channels::limited(upgrade).protocols([V5, V4]);
            if upgrade.selected_protocol().is_none() {
                return upgrade::refuse(&upgrade::asked(&upgrade), &[V5, V4]);
            }
            upgrade.on_upgrade(move |socket| over_websocket(socket, streams, start))
        }
        Upgrade::Spdy(upgrade) => upgrade.on_upgrade(V4, move |io| over_spdy(io, streams, start)),
    }
}

async fn over_websocket<F, E>(socket: WebSocket, streams: Streams, start: impl FnOnce() -> F)
where
    F: Future<Output = Result<Session, E>>,
    E: Display,
{
    let (to_stdin, stdin) = streams.stdin.then(incoming).unzip();
    let (to_resize, resize) = streams.tty.then(incoming).unzip();
    let channels = Channels::new(socket, vec![to_stdin, None, None, None, to_resize]);
    let ends = Ends {
        stdin,
        stdout: streams.stdout.then(|| channels.outgoing(STDOUT)),
        stderr: streams.stderr.then(|| channels.outgoing(STDERR)),
        resize,
    };
    let error = channels.outgoing(ERROR);
    // An empty message tells the client that the connection is there.
    let first = ends.stdout.as_ref().or(ends.stderr.as_ref()).unwrap_or(&error);
    let _ = first.say(Said::Data(Bytes::new())).await;
    tokio::join!(channels.carry(), run(start, ends, error));
}

async fn over_spdy<F, E>(io: TokioIo<Upgraded>, streams: Streams, start: impl FnOnce() -> F)
where
    F: Future<Output = Result<Session, E>>,
    E: Display,
{
    let (source, sink) = upgrade::bytes(io);
    let (opened, mut streams_opened) = mpsc::channel(1);
    let mut carried = tokio::spawn(spdy::carry(source, sink, opened));
    if let Ok(Some((ends, error))) = timeout(CREATION, collect(&mut streams_opened, streams)).await {
        run(start, ends, error).await;
        // The client leaves when it has read all.
        let _ = timeout(FINISH, &mut carried).await;
    }
    carried.abort();
}

/// Waits for all streams that the client has to open, and accepts them; none if it leaves before.
async fn collect(opened: &mut mpsc::Receiver<Opened>, streams: Streams) -> Option<(Ends, Outgoing)> {
    let Streams {
        stdin,
        stdout,
        stderr,
        tty,
    } = streams;
    let mut missing = vec!["error"];
    let others = [
        ("stdin", stdin),
        ("stdout", stdout),
        ("stderr", stderr),
        ("resize", tty),
    ];
    missing.extend(others.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| *name));
    let mut found = HashMap::new();
    while !missing.is_empty() {
        let stream = opened.recv().await?;
        let kind = stream.headers.get("streamtype");
        if let Some(index) = missing
            .iter()
            .position(|name| kind.is_some_and(|kind| kind == name))
        {
            stream.outgoing.say(Said::Accept).await.ok()?;
            found.insert(missing.remove(index), stream);
        } else {
            stream.outgoing.say(Said::Reset).await.ok()?;
        }
    }
    let ends = Ends {
        stdin: found.remove("stdin").map(|stream| stream.incoming),
        stdout: found.remove("stdout").map(|stream| stream.outgoing),
        stderr: found.remove("stderr").map(|stream| stream.outgoing),
        resize: found.remove("resize").map(|stream| stream.incoming),
    };
    Some((ends, found.remove("error")?.outgoing))
}

/// Starts the program, stays with it, and tells the client how it ended.
async fn run<F, E>(start: impl FnOnce() -> F, ends: Ends, error: Outgoing)
where
    F: Future<Output = Result<Session, E>>,
    E: Display,
{
    let output = [ends.stdout.clone(), ends.stderr.clone()];
    let ended = match start().await {
        Ok(session) => attend(session, ends).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    // A client that is gone can't be told.
    let _ = error.say(Said::Data(status(ended).to_string().into())).await;
    for stream in output.into_iter().flatten().chain([error]) {
        let _ = stream.say(Said::End).await;
    }
}
