//! The WebSocket subprotocols `v4.channel.k8s.io` and `v5.channel.k8s.io`: a message's first byte says whose it is.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use bytes::{BufMut, Bytes, BytesMut};
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::sleep;

use crate::stream::{FINISH, Heard, Inbox, Outbox, Outgoing, Said, outgoing};

/// The subprotocol in which clients can close a channel, in v4 only the whole connection.
pub(crate) const V5: &str = "v5.channel.k8s.io";
/// The subprotocol that all clients know.
pub(crate) const V4: &str = "v4.channel.k8s.io";

/// The channel on which v5 closes others.
const CLOSE: u8 = 255;
/// The longest message that is taken, as in Kubernetes.
const LONGEST: usize = 32 << 20;

/// The channels of one connection.
pub(crate) struct Channels {
    socket: WebSocket,
    outgoing: Outgoing,
    outbox: Outbox,
    inboxes: Vec<Option<Inbox>>,
}

/// The upgrade with Kubernetes' limits.
pub(crate) fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.max_message_size(LONGEST).max_frame_size(LONGEST)
}

impl Channels {
    /// The client has a channel for each of `inboxes`; where there is none it isn't listened to.
    pub(crate) fn new(socket: WebSocket, inboxes: Vec<Option<Inbox>>) -> Self {
        let (outgoing, outbox) = outgoing();
        Self {
            socket,
            outgoing,
            outbox,
            inboxes,
        }
    }

    /// On which is spoken to the client on `channel`.
    pub(crate) fn outgoing(&self, channel: u8) -> Outgoing {
        self.outgoing.of(channel.into())
    }

    /// Carries messages until the client is gone. When all has been said, closes the connection in order.
    pub(crate) async fn carry(self) {
        let can_close = self.socket.protocol().is_some_and(|protocol| protocol == V5);
        let (sink, source) = self.socket.split();
        drop(self.outgoing);
        let say = async {
            if say(sink, self.outbox).await.is_ok() {
                // The client may be slow to read. Only when it answers the last frame has it everything.
                sleep(FINISH).await;
            }
        };
        tokio::select! {
            () = hear(source, self.inboxes, can_close) => {}
            () = say => {}
        }
    }
}

async fn say<S: Sink<Message> + Unpin>(mut sink: S, mut outbox: Outbox) -> Result<(), S::Error> {
    while let Some((channel, said)) = outbox.recv().await {
        if let (Ok(channel), Said::Data(data)) = (u8::try_from(channel), said) {
            let mut message = BytesMut::with_capacity(1 + data.len());
            message.put_u8(channel);
            message.put(data);
            sink.send(Message::Binary(message.freeze())).await?;
        }
    }
    let close = CloseFrame {
        code: close_code::NORMAL,
        reason: Utf8Bytes::default(),
    };
    sink.send(Message::Close(Some(close))).await
}

async fn hear<E>(
    mut source: impl Stream<Item = Result<Message, E>> + Unpin,
    mut inboxes: Vec<Option<Inbox>>,
    can_close: bool,
) {
    while let Some(Ok(message)) = source.next().await {
        let mut data = match message {
            Message::Binary(data) => data,
            Message::Text(text) => Bytes::from(text),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => continue,
        };
        if data.is_empty() {
            continue;
        }
        let channel = data.split_to(1)[0];
        if channel == CLOSE && can_close {
            match data[..] {
                [closed] if usize::from(closed) < inboxes.len() => inboxes[usize::from(closed)] = None,
                _ => return,
            }
        } else if let Some(Some(inbox)) = inboxes.get(usize::from(channel))
            && !data.is_empty()
        {
            // Who doesn't listen any more misses it.
            let _ = inbox.send(Heard::Data(data)).await;
        }
    }
}
