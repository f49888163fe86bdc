//! Connections to a pod's ports, forwarded for a client: `pods/portforward`.
//!
//! kubectl opens two streams of SPDY/3.1 for each connection, through a WebSocket (`SPDY/3.1+portforward.k8s.io`), or
//! older ones without it (`portforward.k8s.io`). Client libraries open a WebSocket with `v4.channel.k8s.io`, that has
//! two channels for each port and is good for one connection to each.

mod options;
mod pairs;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future::join_all;
use futures::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::channels::{self, Channels, V4};
use crate::spdy;
use crate::stream::{Incoming, Outgoing, Said, incoming, write_all};
use crate::upgrade::{self, Upgrade};

pub(crate) use options::PortForwardOptions;

/// The only use of SPDY/3.1 for ports.
const SPDY: &str = "portforward.k8s.io";
/// The same, through a WebSocket.
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";

/// Makes connections to the ports of a pod.
pub(crate) trait Dial: Send + Sync + 'static {
    /// Such a connection.
    type Connection: AsyncRead + AsyncWrite + Send + Unpin;

    /// Connects to a port, as from within the pod.
    ///
    /// # Errors
    /// Why there is no connection.
    fn dial(&self, port: u16) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

impl<D, F, C> Dial for D
where
    D: Fn(u16) -> F + Send + Sync + 'static,
    F: Future<Output = io::Result<C>> + Send,
    C: AsyncRead + AsyncWrite + Send + Unpin,
{
    type Connection = C;

    fn dial(&self, port: u16) -> impl Future<Output = io::Result<C>> + Send {
        self(port)
    }
}

/// Whose ports are forwarded.
#[derive(Debug, Clone)]
pub(crate) struct Target<D> {
    /// The pod's name.
    pub(crate) pod: String,
    /// Its UID.
    pub(crate) uid: String,
    /// What connects to it.
    pub(crate) dial: D,
}

/// Answers a request for ports: turns its connection into streams, and connects those with the pod as they come.
///
/// The client is told what `dial` fails with. A client that speaks no known protocol is refused.
pub(crate) fn port_forward<D: Dial>(
    upgrade: Upgrade,
    options: PortForwardOptions,
    target: Target<D>,
) -> Response {
    match upgrade {
        Upgrade::WebSocket(upgrade) => over_websocket(upgrade, options, target),
        Upgrade::Spdy(upgrade) => upgrade.on_upgrade(SPDY, move |io| {
            let (source, sink) = upgrade::bytes(io);
            over_spdy(source, sink, target)
        }),
    }
}

fn over_websocket<D: Dial>(
    upgrade: WebSocketUpgrade,
    options: PortForwardOptions,
    target: Target<D>,
) -> Response {
    let upgrade = channels::limited(upgrade).protocols([TUNNEL, V4]);
    match upgrade.selected_protocol() {
        Some(protocol) if protocol == TUNNEL => upgrade.on_upgrade(move |socket| {
            let (source, sink) = upgrade::tunnelled(socket);
            over_spdy(source, sink, target)
        }),
        Some(_) => match options.channels() {
            Ok(ports) => upgrade.on_upgrade(move |socket| over_channels(socket, ports, target)),
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        },
        None => upgrade::refuse(&upgrade::asked(&upgrade), &[TUNNEL, V4]),
    }
}

async fn over_spdy<D: Dial>(
    source: impl Stream<Item = Bytes> + Unpin,
    sink: impl Sink<Bytes> + Unpin,
    target: Target<D>,
) {
    let (opened, streams) = mpsc::channel(1);
    // Both end when the client leaves: then nothing more is opened, and all streams are gone.
    tokio::join!(
        spdy::carry(source, sink, opened),
        pairs::forward_all(streams, target)
    );
}

/// Two channels for each port, in their order, and each begins with the port.
async fn over_channels<D: Dial>(socket: WebSocket, ports: Vec<(u8, u16)>, target: Target<D>) {
    let (inboxes, data): (Vec<_>, Vec<_>) = ports.iter().map(|_| incoming()).unzip();
    let inboxes = inboxes.into_iter().flat_map(|inbox| [Some(inbox), None]);
    let channels = Channels::new(socket, inboxes.collect());
    let forwarded = ports.into_iter().zip(data).map(|((channel, port), mut heard)| {
        let (said, error) = (channels.outgoing(channel), channels.outgoing(channel + 1));
        let target = &target;
        async move {
            for stream in [&said, &error] {
                let port = Bytes::copy_from_slice(&port.to_le_bytes());
                let _ = stream.say(Said::Data(port)).await;
            }
            target.forward(port, &mut heard, &said, &error).await;
        }
    });
    let forwarded = join_all(forwarded);
    tokio::join!(channels.carry(), forwarded);
}

impl<D: Dial> Target<D> {
    /// Connects a stream with a port, until one of the two ends. What goes wrong is said on `error`.
    async fn forward(&self, port: u16, heard: &mut Incoming, said: &Outgoing, error: &Outgoing) {
        let forwarded = match self.dial.dial(port).await {
            Ok(connection) => carry(connection, heard, said).await,
            Err(why) => Err(io::Error::new(
                why.kind(),
                format!("failed to connect to localhost:{port}: {why}"),
            )),
        };
        // A client that is gone can't be told.
        let last = match forwarded {
            Ok(last) => last,
            Err(why) => {
                let Self { pod, uid, .. } = self;
                let why = format!("error forwarding port {port} to pod {pod}, uid {uid}: {why}");
                let _ = error.say(Said::Data(why.into())).await;
                Some(Said::Reset)
            }
        };
        let _ = error.say(Said::End).await;
        if let Some(last) = last {
            let _ = said.say(last).await;
        }
    }
}

/// Carries both ways until the pod has said all, or the stream is gone. What is still to be said on it then.
async fn carry(
    connection: impl AsyncRead + AsyncWrite,
    heard: &mut Incoming,
    said: &Outgoing,
) -> io::Result<Option<Said>> {
    let (read, write) = tokio::io::split(connection);
    let listen = async {
        // Why the pod takes no more is told by what it says, or by how that ends.
        let _ = write_all(heard, write).await;
        while heard.recv().await.is_some() {}
    };
    tokio::select! {
        ended = said.say_all(read) => ended.map(|()| Some(Said::End)),
        () = listen => Ok(None),
    }
}
