//! Echo servers: what comes in goes back, with who answered and who asked.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{AppendHeaders, IntoResponse, Json};
use axum::routing::get;
use futures::future::{BoxFuture, FutureExt, try_join_all};
use serde::Serialize;
use tokio::net::{TcpListener, UdpSocket};

use crate::{WorkloadError, listen, pod};

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

pub(crate) async fn serve(options: Options) -> Result<(), WorkloadError> {
    let mut servers: Vec<BoxFuture<Result<(), WorkloadError>>> = Vec::new();
    for port in options.http_ports {
        servers.push(http(listen(port).await?).boxed());
    }
    for port in options.tcp_ports {
        servers.push(tcp(listen(port).await?).boxed());
    }
    for port in options.udp_ports {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).await;
        let socket = socket.map_err(|source| WorkloadError::Listen { port, source })?;
        servers.push(udp(socket).boxed());
    }
    try_join_all(servers).await?;
    Ok(())
}

async fn http(listener: TcpListener) -> Result<(), WorkloadError> {
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .fallback(describe)
        .into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, router).await?)
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

async fn tcp(listener: TcpListener) -> Result<(), WorkloadError> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            // The client may leave in the middle; that is no news.
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
    }
}

async fn udp(socket: UdpSocket) -> Result<(), WorkloadError> {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        // An ICMP error about an answer that nobody waited for also comes up here.
        if let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..length], client).await;
        }
    }
}
