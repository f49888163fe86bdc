//! Echo servers: what comes in goes back, with who answered and who asked.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{AppendHeaders, IntoResponse, Json};
use axum::routing::get;
use futures::future::{BoxFuture, FutureExt, try_join_all};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use crate::{Ending, WorkloadError, listen, pod};

/// What is read from a stream at once.
const CHUNK: usize = 16 * 1024;
/// The largest payload of a UDP datagram.
const DATAGRAM: usize = 65_507;

/// What the echo server listens on.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Serve HTTP on this port; can be given several times.
    #[arg(long = "http-port", value_name = "PORT", default_values_t = [8080])]
    http_ports: Vec<u16>,
    /// Send back what comes over TCP on this port; can be given several times.
    #[arg(long = "tcp-port", value_name = "PORT")]
    tcp_ports: Vec<u16>,
    /// Send back datagrams that come on this port; can be given several times.
    #[arg(long = "udp-port", value_name = "PORT")]
    udp_ports: Vec<u16>,
}

/// A request as the server saw it.
#[derive(Debug, Serialize)]
struct Seen {
    pod: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    client: SocketAddr,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

pub(crate) async fn serve(options: Options, ending: Ending) -> Result<(), WorkloadError> {
    let mut servers: Vec<BoxFuture<Result<(), WorkloadError>>> = Vec::new();
    for port in options.http_ports {
        servers.push(http(listen(port).await?, ending.clone()).boxed());
    }
    for port in options.tcp_ports {
        servers.push(tcp(listen(port).await?, ending.clone()).boxed());
    }
    for port in options.udp_ports {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).await;
        let socket = socket.map_err(|source| WorkloadError::Listen { port, source })?;
        servers.push(udp(socket, ending.clone()).boxed());
    }
    try_join_all(servers).await?;
    Ok(())
}

async fn http(listener: TcpListener, ending: Ending) -> Result<(), WorkloadError> {
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .fallback(describe);
    Ok(ending.serve_http(listener, router).await?)
}

async fn describe(
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let seen = Seen {
        pod: pod::name(),
        node: pod::node(),
        client,
        method: method.to_string(),
        path: uri.to_string(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body,
    };
    (AppendHeaders([("x-podlab-pod", pod::name())]), Json(seen))
}

async fn tcp(listener: TcpListener, ending: Ending) -> Result<(), WorkloadError> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                ending.note_newcomer();
                // The client may leave in the middle; that is no news.
                connections.spawn(send_back(accepted?.0, ending.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = ending.closed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Until the client has sent all, or this workload ends: then nothing that came is left without an answer, and the
/// client is waited for, because what it sends to a closed socket would break the connection.
async fn send_back(mut stream: TcpStream, ending: Ending) -> io::Result<()> {
    let (mut read, mut write) = stream.split();
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = tokio::select! {
            biased;
            length = read.read(&mut buffer) => length?,
            () = ending.closed() => 0,
        };
        if length == 0 {
            break;
        }
        write.write_all(&buffer[..length]).await?;
    }
    write.shutdown().await?;
    copy(&mut read, &mut sink()).await.map(drop)
}

async fn udp(socket: UdpSocket, ending: Ending) -> Result<(), WorkloadError> {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = ending.closed() => return Ok(()),
        };
        // An ICMP error about an answer that nobody waited for also comes up here.
        if let Ok((length, client)) = received {
            let _ = socket.send_to(&buffer[..length], client).await;
        }
    }
}
