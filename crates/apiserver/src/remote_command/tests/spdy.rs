//! Programs as a client of SPDY/3.1 sees them.

use tokio::net::TcpStream;

use super::*;
use crate::loopback::spdy;
use crate::spdy::Frame;
use crate::spdy::client::Client;

/// A client of SPDY/3.1 with the streams of those types, and their numbers.
async fn over_spdy(server: SocketAddr, query: &str, types: &[&str]) -> (Client<TcpStream>, Vec<u32>) {
    let (head, stream) = spdy(server, query, "v4.channel.k8s.io, v3.channel.k8s.io").await;
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    assert!(
        head.contains("x-stream-protocol-version: v4.channel.k8s.io\r\n"),
        "{head}"
    );
    let mut client = Client::new(stream);
    let mut ids = Vec::new();
    for kind in types {
        ids.push(client.open(&[("streamtype", kind)]).await);
    }
    (client, ids)
}

#[tokio::test]
async fn programs_run_over_spdy_as_well() {
    within(async {
        let server = server(cat).await;
        let (mut client, ids) = over_spdy(server, "stdin=1&stdout=1", &["error", "stdin", "stdout"]).await;
        client.mouth.say_data(ids[1], b"hello").await;
        let data = |id: u32, fin, text: &str| {
            let data = text.to_owned().into();
            Some(Frame::Data { id, fin, data })
        };
        assert_eq!(client.ear.hear().await, data(ids[2], false, "hello"));
        client.mouth.end(ids[1]).await;
        let status = r#"{"metadata":{},"status":"Success"}"#;
        assert_eq!(client.ear.hear().await, data(ids[0], false, status));
        assert_eq!(client.ear.hear().await, data(ids[2], true, ""));
        assert_eq!(client.ear.hear().await, data(ids[0], true, ""));
    })
    .await;
}

#[tokio::test]
async fn spdy_streams_that_no_program_has_are_reset() {
    within(async {
        let server = server(cat).await;
        let (mut client, _) = over_spdy(server, "stdout=1", &["error"]).await;
        for headers in [&[("streamtype", "stdin")][..], &[("streamtype", "error")], &[]] {
            let id = client.mouth.open(headers).await;
            assert_eq!(
                client.ear.hear().await,
                Some(Frame::RstStream { id, status: 5 }),
                "{headers:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn other_uses_of_spdy_are_refused() {
    within(async {
        let server = server(cat).await;
        let (head, _) = spdy(server, "stdout=1", "v3.channel.k8s.io, channel.k8s.io").await;
        assert!(head.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{head}");
        assert!(
            head.contains("x-accepted-stream-protocol-versions: v4.channel.k8s.io\r\n"),
            "{head}"
        );
    })
    .await;
}
