//! A server on the loopback interface for tests, and how clients upgrade their connections to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::upgrade::Upgrade;

/// The client's end of a WebSocket.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Fails a test that hangs.
pub(crate) async fn within<T>(story: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), story)
        .await
        .expect("no end after 30 s")
}

/// Answers all requests for an upgrade with `handle`, which is told the query.
pub(crate) async fn serve(
    handle: impl Fn(Upgrade, &str) -> Response + Clone + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = async move |request: Request| {
        let mut request = request.into_parts().0;
        let query = request.uri.query().unwrap_or_default().to_owned();
        match Upgrade::of(&mut request).await {
            Ok(upgrade) => handle(upgrade, &query),
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        }
    };
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

/// Upgrades to a WebSocket with one of `protocols`; or status and text of the refusal.
pub(crate) async fn websocket(
    server: SocketAddr,
    query: &str,
    protocols: &str,
) -> Result<Socket, (u16, String)> {
    let mut request = format!("ws://{server}/?{query}").into_client_request().unwrap();
    let header = protocols.parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", header);
    let stream = TcpStream::connect(server).await.unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            let text = response.body().clone().unwrap_or_default();
            Err((response.status().as_u16(), String::from_utf8(text).unwrap()))
        }
        Err(error) => panic!("{error}"),
    }
}

/// Asks for SPDY/3.1 with one of `versions`: the response's head, and the connection.
pub(crate) async fn spdy(server: SocketAddr, query: &str, versions: &str) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let request = format!(
        "POST /?{query} HTTP/1.1\r\nHost: {server}\r\nContent-Length: 0\r\nConnection: Upgrade\r\n\
         Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: {versions}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (String::from_utf8(head).unwrap(), stream)
}
