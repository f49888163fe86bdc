//! The server's end of a SPDY connection: opens, carries and ends streams.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use futures::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc;

use super::frame::{Decoder, Frame, FrameError, status};
use super::headers::{BlockError, Compressor, Decompressor, Headers};
use crate::stream::{Heard, Inbox, Incoming, Outbox, Outgoing, Said, incoming, outgoing};

/// How many streams may be open at once: two for each connection that is forwarded.
const STREAMS: usize = 4096;

/// A stream that the client has opened. It waits to be accepted or reset.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) id: u32,
    pub(crate) headers: Headers,
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
}

/// The client breaks the protocol.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Block(#[from] BlockError),
}

/// Carries the streams of a connection until the client is gone. They are put into `opened` as they are opened;
/// each is to be ended or reset, and dropped.
pub(crate) async fn carry(
    source: impl Stream<Item = Bytes> + Unpin,
    sink: impl Sink<Bytes> + Unpin,
    opened: mpsc::Sender<Opened>,
) {
    let (outgoing, outbox) = outgoing();
    let (control, urgent) = mpsc::channel(16);
    let mut session = Session {
        streams: HashMap::new(),
        last: 0,
        headers: Decompressor::new(),
        outgoing,
        control,
        opened,
    };
    let hear = async {
        if let Err(error) = session.hear(source).await {
            tracing::debug!("a SPDY connection ends: {error}");
            session
                .answer(Frame::GoAway {
                    last: session.last,
                    status: status::PROTOCOL_ERROR,
                })
                .await;
            // It ends when that has been written.
            std::future::pending().await
        }
    };
    tokio::select! {
        () = hear => {}
        _ = say(sink, outbox, urgent) => {}
    }
}

/// The connection can't be written to.
struct Lost;

/// Writes what streams say, and before that what the connection itself has to.
async fn say(
    mut sink: impl Sink<Bytes> + Unpin,
    mut outbox: Outbox,
    mut urgent: mpsc::Receiver<Frame>,
) -> Result<(), Lost> {
    let mut headers = Compressor::new();
    let mut bytes = BytesMut::new();
    loop {
        let frame = tokio::select! {
            biased;
            Some(frame) = urgent.recv() => frame,
            Some((id, said)) = outbox.recv() => match said {
                Said::Accept => Frame::SynReply { id, fin: false, block: headers.compress(&Headers::new()) },
                Said::Data(data) => Frame::Data { id, fin: false, data },
                Said::End => Frame::Data { id, fin: true, data: Bytes::new() },
                Said::Reset => Frame::RstStream { id, status: status::CANCEL },
            },
            else => return Ok(()),
        };
        frame.encode(&mut bytes);
        sink.send(bytes.split().freeze()).await.map_err(|_| Lost)?;
        if matches!(frame, Frame::GoAway { .. }) {
            return sink.close().await.map_err(|_| Lost);
        }
    }
}

/// What is known of a connection by whoever listens to it.
struct Session {
    /// Where to put what is heard.
    streams: HashMap<u32, Inbox>,
    /// The newest stream.
    last: u32,
    headers: Decompressor,
    outgoing: Outgoing,
    control: mpsc::Sender<Frame>,
    opened: mpsc::Sender<Opened>,
}

impl Session {
    /// Listens until the client leaves.
    async fn hear(&mut self, mut source: impl Stream<Item = Bytes> + Unpin) -> Result<(), SessionError> {
        let mut frames = Decoder::default();
        while let Some(bytes) = source.next().await {
            frames.add(&bytes);
            while let Some(frame) = frames.next()? {
                match frame {
                    Frame::GoAway { .. } => return Ok(()),
                    frame => self.take(frame).await?,
                }
            }
        }
        Ok(())
    }

    async fn take(&mut self, frame: Frame) -> Result<(), SessionError> {
        match frame {
            Frame::SynStream { id, fin, block } => {
                let headers = self.headers.decompress(&block)?;
                self.open(id, fin, headers).await;
            }
            Frame::Data { id, fin, data } => {
                // Who doesn't listen any more misses it.
                if let Some(inbox) = self.streams.get(&id) {
                    if !data.is_empty() {
                        let _ = inbox.send(Heard::Data(data)).await;
                    }
                    if fin {
                        let _ = inbox.send(Heard::End).await;
                    }
                }
            }
            Frame::RstStream { id, .. } => {
                self.streams.remove(&id);
            }
            // What the client opened with an odd number, it asks; the rest would be answers.
            Frame::Ping(id) if !id.is_multiple_of(2) => self.answer(Frame::Ping(id)).await,
            Frame::SynReply { block, .. } | Frame::Headers { block, .. } => {
                self.headers.decompress(&block)?;
            }
            Frame::Ping(_) | Frame::Settings | Frame::WindowUpdate { .. } | Frame::GoAway { .. } => {}
        }
        Ok(())
    }

    async fn open(&mut self, id: u32, fin: bool, headers: Headers) {
        if id.is_multiple_of(2) || id <= self.last {
            return self.refuse(id, status::PROTOCOL_ERROR).await;
        }
        self.last = id;
        if self.streams.len() >= STREAMS {
            self.streams.retain(|_, inbox| !inbox.is_closed());
        }
        if self.streams.len() >= STREAMS {
            return self.refuse(id, status::REFUSED_STREAM).await;
        }
        let (inbox, incoming) = incoming();
        if fin {
            let _ = inbox.try_send(Heard::End);
        }
        let opened = Opened {
            id,
            headers,
            incoming,
            outgoing: self.outgoing.of(id),
        };
        match self.opened.send(opened).await {
            Ok(()) => {
                self.streams.insert(id, inbox);
            }
            Err(_) => self.refuse(id, status::REFUSED_STREAM).await,
        }
    }

    async fn refuse(&self, id: u32, status: u32) {
        self.answer(Frame::RstStream { id, status }).await;
    }

    async fn answer(&self, frame: Frame) {
        // Without a writer the connection is at its end anyway.
        let _ = self.control.send(frame).await;
    }
}
