//! The streams of SPDY/3.1 in pairs: one with what goes to and from a port, one for what goes wrong with that.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::options::port;
use super::{Dial, Target};
use crate::spdy::Opened;
use crate::stream::Said;

/// What a stream is for.
struct Purpose {
    kind: Kind,
    port: u16,
    /// What both streams of a pair have in common.
    request: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Error,
    Data,
}

/// Forwards each pair of streams as soon as both are there, until no more are opened.
pub(super) async fn forward_all<D: Dial>(mut streams: mpsc::Receiver<Opened>, target: Target<D>) {
    let target = Arc::new(target);
    let mut waiting: HashMap<String, (Kind, Opened)> = HashMap::new();
    let mut forwarded = JoinSet::new();
    while let Some(stream) = streams.recv().await {
        while forwarded.try_join_next().is_some() {}
        let Some(Purpose { kind, port, request }) = purpose(&stream) else {
            let _ = stream.outgoing.say(Said::Reset).await;
            continue;
        };
        let (error, mut data) = match (kind, waiting.remove(&request)) {
            (_, None) => {
                let _ = stream.outgoing.say(Said::Accept).await;
                waiting.insert(request, (kind, stream));
                continue;
            }
            (Kind::Data, Some((Kind::Error, error))) => (error, stream),
            (Kind::Error, Some((Kind::Data, data))) => (stream, data),
            (_, Some(first)) => {
                let _ = stream.outgoing.say(Said::Reset).await;
                waiting.insert(request, first);
                continue;
            }
        };
        let second = if kind == Kind::Data { &data } else { &error };
        let _ = second.outgoing.say(Said::Accept).await;
        let target = Arc::clone(&target);
        forwarded.spawn(async move {
            target
                .forward(port, &mut data.incoming, &data.outgoing, &error.outgoing)
                .await;
        });
    }
}

/// None of a stream that Kubernetes would reset.
fn purpose(stream: &Opened) -> Option<Purpose> {
    let header = |name: &str| stream.headers.get(name).map(String::as_str);
    let port = port(header("port")?).ok()?;
    // Clients that give no number open the error stream first, and then the other.
    let (kind, implied) = match header("streamtype")? {
        "error" => (Kind::Error, stream.id),
        "data" => (Kind::Data, stream.id.wrapping_sub(2)),
        _ => return None,
    };
    let request = header("requestid").map_or_else(|| implied.to_string(), str::to_owned);
    Some(Purpose { kind, port, request })
}
