//! One exchange over one new socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header;
use hyper_util::rt::TokioIo;
use podlab_api::scenario::HttpSpec;
use podlab_kernel::conntrack::Protocol;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::Seen;

/// The most that is read of an answer.
const LARGEST_ANSWER: usize = 1 << 20;
/// After how long without another byte a TCP answer is taken to be complete.
const SILENCE: Duration = Duration::from_millis(200);

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload<'a> {
    Http(&'a HttpSpec),
    /// Nothing: only connect.
    Tcp(Option<&'a str>),
    Udp(&'a str),
}

impl Payload<'_> {
    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Http(_) | Self::Tcp(_) => Protocol::Tcp,
            Self::Udp(_) => Protocol::Udp,
        }
    }
}

/// A socket for an exchange, in the network namespace of the calling thread.
///
/// # Errors
/// The kernel doesn't give one.
pub(super) fn socket(target: SocketAddr, protocol: Protocol) -> io::Result<Socket> {
    let type_ = match protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
    };
    Socket::new(Domain::for_address(target), type_.nonblocking().cloexec(), None)
}

/// Sends, and waits for the answer; also says which local address was used, if it came to that.
pub(super) async fn exchange(
    socket: Socket,
    target: SocketAddr,
    payload: Payload<'_>,
    patience: Duration,
) -> (Seen, Option<SocketAddr>) {
    let mut local = None;
    let conversation = converse(socket, target, payload, &mut local);
    let seen = match timeout(patience, conversation).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(error)) => failure(&error),
        Err(_) => Seen::TimedOut,
    };
    (seen, local)
}

async fn converse(
    socket: Socket,
    target: SocketAddr,
    payload: Payload<'_>,
    local: &mut Option<SocketAddr>,
) -> io::Result<Seen> {
    if let Payload::Udp(text) = payload {
        let socket = UdpSocket::from_std(socket.into())?;
        socket.connect(target).await?;
        *local = Some(socket.local_addr()?);
        return datagram(&socket, text).await;
    }
    let stream = TcpSocket::from_std_stream(socket.into()).connect(target).await?;
    *local = Some(stream.local_addr()?);
    match payload {
        Payload::Http(spec) => request(stream, target, spec).await,
        Payload::Tcp(Some(text)) => bytes(stream, text).await,
        Payload::Tcp(None) | Payload::Udp(_) => Ok(answer(Vec::new())),
    }
}

async fn datagram(socket: &UdpSocket, text: &str) -> io::Result<Seen> {
    socket.send(text.as_bytes()).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let length = socket.recv(&mut buffer).await?;
    buffer.truncate(length);
    Ok(answer(buffer))
}

async fn bytes(mut stream: TcpStream, text: &str) -> io::Result<Seen> {
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await?;
    let mut body = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    while body.len() < LARGEST_ANSWER {
        let length = if body.is_empty() {
            stream.read(&mut buffer).await?
        } else {
            timeout(SILENCE, stream.read(&mut buffer))
                .await
                .unwrap_or(Ok(0))?
        };
        if length == 0 {
            break;
        }
        body.extend_from_slice(&buffer[..length]);
    }
    Ok(answer(body))
}

async fn request(stream: TcpStream, target: SocketAddr, spec: &HttpSpec) -> io::Result<Seen> {
    let body = match (&spec.json, &spec.body) {
        (Some(json), _) => serde_json::to_vec(json)?,
        (None, Some(text)) => text.clone().into_bytes(),
        (None, None) => Vec::new(),
    };
    let mut builder = hyper::Request::builder()
        .method(spec.method.as_deref().unwrap_or("GET"))
        .uri(spec.path.as_deref().unwrap_or("/"));
    let given = |name: &header::HeaderName| {
        spec.headers
            .keys()
            .any(|given| given.eq_ignore_ascii_case(name.as_str()))
    };
    let defaults = [
        (header::HOST, target.to_string()),
        (header::CONNECTION, "close".to_owned()),
    ];
    let json = spec
        .json
        .iter()
        .map(|_| (header::CONTENT_TYPE, "application/json".to_owned()));
    for (name, value) in defaults.into_iter().chain(json).filter(|(name, _)| !given(name)) {
        builder = builder.header(name, value);
    }
    for (name, value) in &spec.headers {
        builder = builder.header(name, value);
    }
    let request = builder
        .body(Full::new(Bytes::from(body)))
        .map_err(io::Error::other)?;

    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(source)?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await.map_err(source)?.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER)
            .collect()
            .await
            .map_err(io::Error::other)?;
        Ok(Seen::Answered {
            status: Some(head.status.as_u16()),
            body: body.to_bytes().to_vec(),
        })
    };
    // The connection's own error comes up in the answer, too.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}

fn answer(body: Vec<u8>) -> Seen {
    Seen::Answered { status: None, body }
}

/// The kernel's error behind one of the HTTP library, if there is one.
fn source(error: hyper::Error) -> io::Error {
    let kind = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .map_or(io::ErrorKind::Other, io::Error::kind);
    io::Error::new(kind, error)
}

pub(super) fn failure(error: &io::Error) -> Seen {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Seen::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Seen::Unreachable,
        io::ErrorKind::TimedOut => Seen::TimedOut,
        _ => Seen::Broken(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
