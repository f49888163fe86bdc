//! Requests that turn their connection over to another protocol: WebSocket, or SPDY/3.1 for older clients.

use std::future::Future;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::{Sink, SinkExt, Stream, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::stream::CHUNK;

/// The protocol's name in the header `Upgrade`.
const SPDY: &str = "SPDY/3.1";
/// Which of its uses a client of SPDY knows, and which one the server chose.
const VERSION: &str = "x-stream-protocol-version";
/// Which ones the server knows, when it doesn't know any of the client's.
const ACCEPTED: &str = "x-accepted-stream-protocol-versions";

/// What a client wants to turn its connection into.
#[derive(Debug)]
pub(crate) enum Upgrade {
    /// WebSocket, with the subprotocols that it knows.
    WebSocket(WebSocketUpgrade),
    /// SPDY/3.1.
    Spdy(SpdyUpgrade),
}

/// A connection that can become one of SPDY/3.1.
#[derive(Debug)]
pub(crate) struct SpdyUpgrade {
    versions: Vec<String>,
    on_upgrade: OnUpgrade,
}

/// The client wants nothing of the kind. The reason is `BadRequest`.
#[derive(Debug, thiserror::Error)]
#[error("Upgrade request required")]
pub(crate) struct NoUpgrade;

impl Upgrade {
    /// Takes from a request what its upgrade needs. Its connection must be served with upgrades.
    ///
    /// # Errors
    /// [`NoUpgrade`].
    pub(crate) async fn of(request: &mut Parts) -> Result<Self, NoUpgrade> {
        if !header_has(&request.headers, header::UPGRADE.as_str(), SPDY) {
            let websocket = WebSocketUpgrade::from_request_parts(request, &()).await;
            return websocket.map(Self::WebSocket).map_err(|_| NoUpgrade);
        }
        if !header_has(&request.headers, header::CONNECTION.as_str(), "upgrade") {
            return Err(NoUpgrade);
        }
        let on_upgrade = request.extensions.remove().ok_or(NoUpgrade)?;
        let versions = values(&request.headers, VERSION).map(str::to_owned).collect();
        Ok(Self::Spdy(SpdyUpgrade { versions, on_upgrade }))
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let texts = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

fn header_has(headers: &HeaderMap, name: &str, value: &str) -> bool {
    values(headers, name).any(|found| found.eq_ignore_ascii_case(value))
}

/// The subprotocols that a client of WebSocket knows.
pub(crate) fn asked(upgrade: &WebSocketUpgrade) -> Vec<String> {
    let names = upgrade.requested_protocols();
    names
        .filter_map(|name| Some(name.to_str().ok()?.to_owned()))
        .collect()
}

/// The client speaks no protocol that is spoken here.
pub(crate) fn refuse(asked: &[String], known: &[&'static str]) -> Response {
    let why = format!(
        "unable to upgrade: unable to negotiate protocol: client supports [{}], server accepts [{}]",
        asked.join(" "),
        known.join(" "),
    );
    (StatusCode::FORBIDDEN, [(ACCEPTED, known.join(","))], why).into_response()
}

impl SpdyUpgrade {
    /// Serves the connection with `serve`, if the client knows `version`.
    pub(crate) fn on_upgrade<F>(
        self,
        version: &'static str,
        serve: impl FnOnce(TokioIo<Upgraded>) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        if !self.versions.iter().any(|asked| asked == version) {
            return refuse(&self.versions, &[version]);
        }
        tokio::spawn(async move {
            match self.on_upgrade.await {
                Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
                Err(error) => tracing::debug!("a connection isn't upgraded: {error}"),
            }
        });
        let headers = [
            (header::CONNECTION.as_str(), "Upgrade"),
            (header::UPGRADE.as_str(), SPDY),
            (VERSION, version),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
    }
}

/// The bytes of a connection, in both directions.
pub(crate) fn bytes(
    io: impl AsyncRead + AsyncWrite,
) -> (impl Stream<Item = Bytes> + Unpin, impl Sink<Bytes> + Unpin) {
    let (read, write) = tokio::io::split(io);
    let source = futures::stream::unfold((read, BytesMut::new()), async |(mut read, mut buffer)| {
        buffer.reserve(CHUNK);
        match read.read_buf(&mut buffer).await {
            Ok(length) if length > 0 => Some((buffer.split().freeze(), (read, buffer))),
            _ => None,
        }
    });
    let sink = futures::sink::unfold(write, async |mut write, bytes: Bytes| {
        write.write_all(&bytes).await?;
        write.flush().await?;
        Ok::<_, std::io::Error>(write)
    });
    (Box::pin(source), Box::pin(sink))
}

/// The bytes that a WebSocket tunnels, in both directions.
pub(crate) fn tunnelled(socket: WebSocket) -> (impl Stream<Item = Bytes> + Unpin, impl Sink<Bytes> + Unpin) {
    let (sink, source) = socket.split();
    let source = source
        .take_while(|message| std::future::ready(message.is_ok()))
        .filter_map(|message| {
            std::future::ready(match message {
                Ok(Message::Binary(bytes)) => Some(bytes),
                _ => None,
            })
        });
    let sink = sink.with(|bytes| std::future::ready(Ok::<_, axum::Error>(Message::Binary(bytes))));
    (source, sink)
}
