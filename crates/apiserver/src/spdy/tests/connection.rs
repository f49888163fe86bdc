//! The story of a connection as a client sees it.

use std::time::Duration;

use futures::FutureExt;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::*;
use crate::loopback::within;
use crate::spdy::client::Client;
use crate::spdy::session::{Opened, carry};
use crate::stream::{Heard, Said};
use crate::upgrade;

/// A connection, its client, and what is opened on it.
async fn connected() -> (Client<DuplexStream>, mpsc::Receiver<Opened>) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (opened, streams) = mpsc::channel(1);
    tokio::spawn(async move {
        let (source, sink) = upgrade::bytes(ours);
        carry(source, sink, opened).await;
    });
    (Client::new(theirs), streams)
}

#[tokio::test]
async fn a_stream_is_opened_heard_and_ended_by_both_sides() {
    within(async {
        let (mut client, mut streams) = connected().await;
        let id = client.mouth.open(&[("streamtype", "data"), ("port", "80")]).await;
        let mut stream = streams.recv().await.unwrap();
        assert_eq!((stream.id, &*stream.headers["port"]), (id, "80"));
        stream.outgoing.say(Said::Accept).await.unwrap();
        assert!(matches!(
            client.ear.hear().await,
            Some(Frame::SynReply {
                id: 1,
                fin: false,
                ..
            })
        ));

        client.mouth.say_data(id, b"hello").await;
        client.mouth.end(id).await;
        assert_eq!(stream.incoming.recv().await, Some(Heard::Data("hello".into())));
        assert_eq!(stream.incoming.recv().await, Some(Heard::End));

        stream.outgoing.say(Said::Data("bye".into())).await.unwrap();
        stream.outgoing.say(Said::End).await.unwrap();
        assert_eq!(client.ear.hear().await, Some(data(id, false, "bye")));
        assert_eq!(client.ear.hear().await, Some(data(id, true, "")));
    })
    .await;
}

#[tokio::test]
async fn a_stream_is_gone_when_it_is_reset_and_when_its_connection_ends() {
    within(async {
        let (mut client, mut streams) = connected().await;
        let first = client.mouth.open(&[]).await;
        let mut reset = streams.recv().await.unwrap();
        client.mouth.open(&[]).await;
        let mut lost = streams.recv().await.unwrap();

        client.mouth.reset(first).await;
        assert_eq!(reset.incoming.recv().await, None);
        assert_eq!(lost.incoming.recv().now_or_never(), None);

        drop(client);
        assert_eq!(lost.incoming.recv().await, None);
        lost.outgoing.gone().await;
        assert!(streams.recv().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn the_client_leaves_with_goaway() {
    within(async {
        let (mut client, mut streams) = connected().await;
        assert_eq!(client.ask(Frame::GoAway { last: 0, status: 0 }).await, None);
        assert!(streams.recv().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn pings_of_the_client_are_answered_and_its_wishes_are_not() {
    within(async {
        let (mut client, _streams) = connected().await;
        client.mouth.say(Frame::Settings).await;
        client.mouth.say(Frame::WindowUpdate { id: 1, delta: 1 }).await;
        client.mouth.say(Frame::Ping(2)).await;
        client.mouth.say(data(99, false, "to nobody")).await;
        assert_eq!(client.ask(Frame::Ping(1)).await, Some(Frame::Ping(1)));
    })
    .await;
}

#[tokio::test]
async fn streams_with_numbers_that_are_not_the_next_are_refused() {
    within(async {
        let (mut client, mut streams) = connected().await;
        let refused = |id| Some(Frame::RstStream { id, status: 1 });
        client.mouth.open_as(7, &[]).await;
        assert_eq!(streams.recv().await.unwrap().id, 7);
        for id in [7, 5, 8, 0] {
            client.mouth.open_as(id, &[("a", "b")]).await;
            assert_eq!(client.ear.hear().await, refused(id));
        }
        client.mouth.open_as(9, &[]).await;
        assert_eq!(streams.recv().await.unwrap().id, 9);
    })
    .await;
}

#[tokio::test]
async fn there_are_4096_streams_at_once_and_dropped_ones_make_room() {
    within(async {
        let (mut client, mut streams) = connected().await;
        let mut open = Vec::new();
        for _ in 0..4096 {
            client.mouth.open(&[]).await;
            open.push(streams.recv().await.unwrap());
        }
        let refused = client.mouth.open(&[]).await;
        assert_eq!(
            client.ear.hear().await,
            Some(Frame::RstStream {
                id: refused,
                status: 3
            })
        );
        open.pop();
        let welcome = client.mouth.open(&[]).await;
        assert_eq!(streams.recv().await.unwrap().id, welcome);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_and_left() {
    within(async {
        let broken = Frame::SynStream {
            id: 3,
            fin: false,
            block: block("no block"),
        };
        let (mut client, mut streams) = connected().await;
        client.mouth.open(&[]).await;
        let mut stream = streams.recv().await.unwrap();
        assert_eq!(
            client.ask(broken).await,
            Some(Frame::GoAway { last: 1, status: 1 })
        );
        assert_eq!(client.ear.hear().await, None);
        assert_eq!(stream.incoming.recv().await, None);
    })
    .await;
}

#[tokio::test]
async fn who_is_slow_makes_the_client_wait_and_who_does_not_listen_does_not() {
    within(async {
        let (mut client, mut streams) = connected().await;
        let id = client.mouth.open(&[]).await;
        let stream = streams.recv().await.unwrap();
        let Client { mut mouth, mut ear } = client;
        let said = tokio::spawn(async move {
            for _ in 0..64 {
                mouth.say_data(id, &[b'x'; 32 * 1024]).await;
            }
            mouth.say(Frame::Ping(1)).await;
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!said.is_finished());
        drop(stream);
        said.await.unwrap();
        assert_eq!(ear.hear().await, Some(Frame::Ping(1)));
    })
    .await;
}
