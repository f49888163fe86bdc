//! Ports of a pod as a client sees them, over the loopback interface.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{Dial, PortForwardOptions, TUNNEL, Target, port_forward};
use crate::loopback::{Socket, serve, spdy, websocket, within};
use crate::spdy::Frame;
use crate::spdy::client::Client;

const REFUSED: &str =
    "error forwarding port 81 to pod web, uid 1234: failed to connect to localhost:81: nobody listens";

/// A pod: port 7 says what it hears, port 9 counts it, port 13 has nothing to say, and on port 81 nobody listens.
async fn dial(port: u16) -> io::Result<DuplexStream> {
    let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
    if port == 81 {
        return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens"));
    }
    tokio::spawn(async move {
        let (mut read, mut write) = tokio::io::split(&mut theirs);
        match port {
            7 => {
                let _ = tokio::io::copy(&mut read, &mut write).await;
            }
            9 => {
                let mut all = Vec::new();
                read.read_to_end(&mut all).await.unwrap();
                write.write_all(all.len().to_string().as_bytes()).await.unwrap();
            }
            _ => {}
        }
    });
    Ok(ours)
}

async fn server() -> SocketAddr {
    server_of(dial).await
}

async fn server_of(dial: impl Dial + Clone) -> SocketAddr {
    serve(move |upgrade, query| {
        let (pod, uid, dial) = ("web".to_owned(), "1234".to_owned(), dial.clone());
        port_forward(
            upgrade,
            PortForwardOptions::parse(query).unwrap(),
            Target { pod, uid, dial },
        )
    })
    .await
}

async fn over_spdy(server: SocketAddr) -> Client<TcpStream> {
    let (head, stream) = spdy(server, "", "portforward.k8s.io").await;
    assert!(
        head.contains("x-stream-protocol-version: portforward.k8s.io\r\n"),
        "{head}"
    );
    Client::new(stream)
}

/// A client whose bytes go through a WebSocket.
async fn over_tunnel(server: SocketAddr) -> Client<DuplexStream> {
    let socket = websocket(server, "", TUNNEL).await.unwrap();
    let (mut sink, mut source) = socket.split();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (mut read, mut write) = tokio::io::split(theirs);
    tokio::spawn(async move {
        let mut bytes = vec![0; 10_000];
        while let Ok(length @ 1..) = read.read(&mut bytes).await {
            let message = Message::Binary(bytes[..length].to_vec().into());
            sink.send(message).await.unwrap();
        }
    });
    tokio::spawn(async move {
        while let Some(Ok(Message::Binary(bytes))) = source.next().await {
            write.write_all(&bytes).await.unwrap();
        }
    });
    Client::new(ours)
}

/// Opens the streams of a connection to `port`, as kubectl does: first that for errors, which it ends at once.
async fn connect<T>(client: &mut Client<T>, port: &str, request: &str) -> [u32; 2]
where
    T: AsyncRead + AsyncWrite,
{
    let headers = |kind| [("streamtype", kind), ("port", port), ("requestid", request)];
    let error = client.open(&headers("error")).await;
    client.mouth.end(error).await;
    [error, client.open(&headers("data")).await]
}

fn data(id: u32, fin: bool, text: &str) -> Option<Frame> {
    let data = text.to_owned().into();
    Some(Frame::Data { id, fin, data })
}

/// A connection to each of two ports at once, in both directions, and more than any buffer holds.
async fn transfer<T>(mut client: Client<T>)
where
    T: AsyncRead + AsyncWrite + Send + 'static,
{
    let [echo_error, echo] = connect(&mut client, "7", "0").await;
    let [count_error, count] = connect(&mut client, "9", "1").await;
    let Client { mut mouth, mut ear } = client;
    let said = tokio::spawn(async move {
        for _ in 0..100 {
            mouth.say_data(echo, &[b'x'; 70_000]).await;
            mouth.say_data(count, &[b'y'; 70_000]).await;
        }
        mouth.end(count).await;
        mouth.end(echo).await;
        mouth
    });
    let mut heard = HashMap::<u32, (Vec<u8>, bool)>::new();
    while heard.values().filter(|(_, ended)| *ended).count() < 4 {
        let Some(Frame::Data { id, fin, data }) = ear.hear().await else {
            panic!("no data")
        };
        let stream = heard.entry(id).or_default();
        stream.0.extend_from_slice(&data);
        stream.1 |= fin;
    }
    said.await.unwrap();
    assert!(heard[&echo].0 == [b'x'; 7_000_000]);
    assert_eq!(heard[&count].0, b"7000000");
    assert_eq!((heard[&echo_error].0.len(), heard[&count_error].0.len()), (0, 0));
}

#[tokio::test]
async fn connections_are_carried_both_ways_over_spdy() {
    within(async { transfer(over_spdy(server().await).await).await }).await;
}

#[tokio::test]
async fn connections_are_carried_both_ways_over_spdy_through_a_websocket() {
    within(async { transfer(over_tunnel(server().await).await).await }).await;
}

#[tokio::test]
async fn why_there_is_no_connection_is_told_and_others_go_on() {
    within(async {
        let mut client = over_spdy(server().await).await;
        let [_, echo] = connect(&mut client, "7", "0").await;
        let [error, refused] = connect(&mut client, "81", "1").await;
        assert_eq!(client.ear.hear().await, data(error, false, REFUSED));
        assert_eq!(client.ear.hear().await, data(error, true, ""));
        assert_eq!(
            client.ear.hear().await,
            Some(Frame::RstStream {
                id: refused,
                status: 5
            })
        );
        client.mouth.say_data(echo, b"still there").await;
        assert_eq!(client.ear.hear().await, data(echo, false, "still there"));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_the_pod_breaks_off_is_told() {
    within(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pod = listener.local_addr().unwrap();
        let server = server_of(move |_| TcpStream::connect(pod)).await;
        let mut client = over_spdy(server).await;
        let [error, broken] = connect(&mut client, "7", "0").await;
        client.mouth.say_data(broken, b"x").await;
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.read_u8().await.unwrap();
        connection.set_zero_linger().unwrap();
        drop(connection);
        let why = "error forwarding port 7 to pod web, uid 1234: Connection reset by peer (os error 104)";
        assert_eq!(client.ear.hear().await, data(error, false, why));
        assert_eq!(client.ear.hear().await, data(error, true, ""));
        assert_eq!(
            client.ear.hear().await,
            Some(Frame::RstStream {
                id: broken,
                status: 5
            })
        );
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_the_client_resets_ends_the_connection_to_the_pod() {
    within(async {
        let (closed, mut closings) = mpsc::channel(1);
        let server = server_of(move |_| {
            let closed = closed.clone();
            async move {
                let (ours, mut theirs) = tokio::io::duplex(1024);
                tokio::spawn(async move {
                    while theirs.write_all(b"more and more").await.is_ok() {}
                    closed.send(()).await.unwrap();
                });
                Ok(ours)
            }
        })
        .await;
        let mut client = over_spdy(server).await;
        let [error, talk] = connect(&mut client, "19", "0").await;
        client.mouth.end(talk).await;
        client.mouth.reset(talk).await;
        closings.recv().await.unwrap();
        while client.ear.hear().await != data(error, true, "") {}

        connect(&mut client, "19", "1").await;
        drop(client);
        closings.recv().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn streams_are_pairs_by_their_request_in_any_order() {
    within(async {
        let mut client = over_spdy(server().await).await;
        let stream = |kind, request| [("streamtype", kind), ("port", "7"), ("requestid", request)];
        let other = client.open(&stream("data", "other")).await;
        let one = client.open(&stream("data", "one")).await;
        client.open(&stream("error", "one")).await;
        client.mouth.say_data(one, b"one").await;
        assert_eq!(client.ear.hear().await, data(one, false, "one"));
        client.open(&stream("error", "other")).await;
        client.mouth.say_data(other, b"other").await;
        assert_eq!(client.ear.hear().await, data(other, false, "other"));
        // The oldest clients have no requests: there, an error stream is followed by its data stream.
        client.open(&[("streamtype", "error"), ("port", "7")]).await;
        let old = client.open(&[("streamtype", "data"), ("port", "7")]).await;
        client.mouth.say_data(old, b"old").await;
        assert_eq!(client.ear.hear().await, data(old, false, "old"));
    })
    .await;
}

#[tokio::test]
async fn streams_that_make_no_pair_are_reset() {
    within(async {
        let mut client = over_spdy(server().await).await;
        client
            .open(&[("streamtype", "data"), ("port", "7"), ("requestid", "1")])
            .await;
        let cases: [&[(&str, &str)]; 7] = [
            &[("streamtype", "data"), ("port", "7"), ("requestid", "1")],
            &[("streamtype", "data"), ("requestid", "2")],
            &[("port", "7"), ("requestid", "2")],
            &[("streamtype", "both"), ("port", "7"), ("requestid", "2")],
            &[("streamtype", "data"), ("port", "0"), ("requestid", "2")],
            &[("streamtype", "data"), ("port", "65536"), ("requestid", "2")],
            &[("streamtype", "data"), ("port", "http"), ("requestid", "2")],
        ];
        for headers in cases {
            let id = client.mouth.open(headers).await;
            let reset = Some(Frame::RstStream { id, status: 5 });
            assert_eq!(client.ear.hear().await, reset, "{headers:?}");
        }
    })
    .await;
}

/// The next message on a channel, as text.
async fn next(socket: &mut Socket) -> (u8, String) {
    let message = socket.next().await.unwrap().unwrap().into_data();
    (message[0], String::from_utf8_lossy(&message[1..]).into_owned())
}

#[tokio::test]
async fn ports_have_channels_that_begin_with_the_port() {
    within(async {
        let server = server().await;
        let protocols = "v5.channel.k8s.io, v4.channel.k8s.io";
        let mut socket = websocket(server, "ports=7,81&ports=9", protocols).await.unwrap();
        let mut beginnings = HashSet::new();
        let mut others = Vec::new();
        while beginnings.len() < 6 || others.is_empty() {
            let (channel, text) = next(&mut socket).await;
            match text.as_bytes() {
                [low, 0] => assert!(beginnings.insert((channel, *low))),
                _ => others.push((channel, text)),
            }
        }
        assert_eq!(
            beginnings,
            [(0, 7), (1, 7), (2, 81), (3, 81), (4, 9), (5, 9)].into()
        );
        assert_eq!(others, [(3, REFUSED.to_owned())]);
        socket
            .send(Message::Binary(b"\x00hello".to_vec().into()))
            .await
            .unwrap();
        assert_eq!(next(&mut socket).await, (0, "hello".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn the_websocket_is_closed_when_no_port_is_left() {
    within(async {
        let mut socket = websocket(server().await, "ports=13", "v4.channel.k8s.io")
            .await
            .unwrap();
        assert_eq!(next(&mut socket).await, (0, "\r\0".to_owned()));
        assert_eq!(next(&mut socket).await, (1, "\r\0".to_owned()));
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(Some(_))))));
        assert!(socket.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn what_is_not_asked_for_properly_is_refused() {
    within(async {
        let server = server().await;
        let none = websocket(server, "", "v4.channel.k8s.io").await.unwrap_err();
        assert_eq!(none, (400, "query parameter \"port\" is required".to_owned()));
        let (status, why) = websocket(server, "ports=7", "v5.channel.k8s.io")
            .await
            .unwrap_err();
        assert_eq!(status, 403);
        assert!(
            why.ends_with("server accepts [SPDY/3.1+portforward.k8s.io v4.channel.k8s.io]"),
            "{why}"
        );
        let (head, _) = spdy(server, "", "v4.channel.k8s.io").await;
        assert!(head.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{head}");
    })
    .await;
}
