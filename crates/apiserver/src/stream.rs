//! A stream: one of several conversations that share a connection. What carries them is another matter.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// The most bytes that are said at once: what kubectl sends and expects.
pub(crate) const CHUNK: usize = 32 * 1024;
/// How long a client has for reading the last of what was said, as in Kubernetes: until then it isn't cut off.
pub(crate) const FINISH: Duration = Duration::from_secs(15 * 60);
/// How much waits for somebody slow before the whole connection waits, in chunks.
const WAITING: usize = 8;

/// What the client says on a stream. When nothing more can be heard, the stream or the connection is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Never empty.
    Data(Bytes),
    /// The client has said all that it had to say, and listens on.
    End,
}

/// What is said to the client on a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// The stream is welcome. To be said first, where the client opens streams.
    Accept,
    /// May be empty.
    Data(Bytes),
    /// Nothing more will be said.
    End,
    /// Nothing more will be said or heard.
    Reset,
}

/// The end of a stream from which the client is heard. To drop it is not to listen any more.
pub(crate) type Incoming = mpsc::Receiver<Heard>;

/// What a connection puts into for [`Incoming`].
pub(crate) type Inbox = mpsc::Sender<Heard>;

/// What all streams of a connection have to say, each with its number.
pub(crate) type Outbox = mpsc::Receiver<(u32, Said)>;

/// The end of a stream on which is spoken to the client.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    id: u32,
    outbox: mpsc::Sender<(u32, Said)>,
}

/// The connection is gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// Both ends of a way from the client.
pub(crate) fn incoming() -> (Inbox, Incoming) {
    mpsc::channel(WAITING)
}

/// Both ends of the way to the client: for stream 0, from which [`Outgoing::of`] makes others.
pub(crate) fn outgoing() -> (Outgoing, Outbox) {
    let (outbox, said) = mpsc::channel(WAITING);
    (Outgoing { id: 0, outbox }, said)
}

impl Outgoing {
    /// The same way, for stream `id`.
    pub(crate) fn of(&self, id: u32) -> Self {
        let outbox = self.outbox.clone();
        Self { id, outbox }
    }

    /// Says it as soon as the client keeps up.
    pub(crate) async fn say(&self, said: Said) -> Result<(), Gone> {
        self.outbox.send((self.id, said)).await.map_err(|_| Gone)
    }

    /// Waits until the connection is gone.
    pub(crate) async fn gone(&self) {
        self.outbox.closed().await;
    }

    /// Says all that `source` has, until its end or until the connection is gone.
    pub(crate) async fn say_all(&self, mut source: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = tokio::select! {
                length = source.read(&mut chunk) => length?,
                () = self.gone() => return Ok(()),
            };
            if length == 0 {
                return Ok(());
            }
            let data = Bytes::copy_from_slice(&chunk[..length]);
            if self.say(Said::Data(data)).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Writes what is heard into `sink`, and closes that when the client has said all, or is gone.
pub(crate) async fn write_all(incoming: &mut Incoming, mut sink: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(Heard::Data(data)) = incoming.recv().await {
        sink.write_all(&data).await?;
        sink.flush().await?;
    }
    sink.shutdown().await
}
