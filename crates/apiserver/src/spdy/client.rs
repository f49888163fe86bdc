//! A client of SPDY/3.1 for tests, frame by frame.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::frame::{Decoder, Frame};
use super::headers::{Compressor, Decompressor, Headers};

pub(crate) struct Client<T> {
    pub(crate) mouth: Mouth<T>,
    pub(crate) ear: Ear<T>,
}

pub(crate) struct Mouth<T> {
    io: WriteHalf<T>,
    headers: Compressor,
    next: u32,
}

pub(crate) struct Ear<T> {
    io: ReadHalf<T>,
    headers: Decompressor,
    frames: Decoder,
}

impl<T: AsyncRead + AsyncWrite> Client<T> {
    pub(crate) fn new(io: T) -> Self {
        let (read, write) = tokio::io::split(io);
        let mouth = Mouth {
            io: write,
            headers: Compressor::new(),
            next: 1,
        };
        let ear = Ear {
            io: read,
            headers: Decompressor::new(),
            frames: Decoder::default(),
        };
        Self { mouth, ear }
    }

    /// Opens a stream, and waits for it to be accepted.
    pub(crate) async fn open(&mut self, headers: &[(&str, &str)]) -> u32 {
        let id = self.mouth.open(headers).await;
        let Some(Frame::SynReply { id: accepted, .. }) = self.ear.hear().await else {
            panic!("stream {id} isn't accepted")
        };
        assert_eq!(accepted, id);
        id
    }

    /// Says it, and hears what is said next.
    pub(crate) async fn ask(&mut self, frame: Frame) -> Option<Frame> {
        self.mouth.say(frame).await;
        self.ear.hear().await
    }
}

impl<T: AsyncWrite> Mouth<T> {
    pub(crate) async fn say(&mut self, frame: Frame) {
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes);
        self.io.write_all(&bytes).await.unwrap();
    }

    pub(crate) async fn say_data(&mut self, id: u32, data: &[u8]) {
        let data = Bytes::copy_from_slice(data);
        self.say(Frame::Data { id, fin: false, data }).await;
    }

    pub(crate) async fn end(&mut self, id: u32) {
        let data = Bytes::new();
        self.say(Frame::Data { id, fin: true, data }).await;
    }

    pub(crate) async fn reset(&mut self, id: u32) {
        self.say(Frame::RstStream { id, status: 5 }).await;
    }

    /// Opens a stream with the next odd number.
    pub(crate) async fn open(&mut self, headers: &[(&str, &str)]) -> u32 {
        let id = self.next;
        self.next += 2;
        self.open_as(id, headers).await;
        id
    }

    pub(crate) async fn open_as(&mut self, id: u32, headers: &[(&str, &str)]) {
        let pairs = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let block = self.headers.compress(&pairs.collect::<Headers>());
        self.say(Frame::SynStream {
            id,
            fin: false,
            block,
        })
        .await;
    }
}

impl<T: AsyncRead> Ear<T> {
    /// The next frame; none when the connection is at its end.
    pub(crate) async fn hear(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.next().unwrap() {
                if let Frame::SynReply { block, .. } = &frame {
                    assert_eq!(self.headers.decompress(block), Ok(Headers::new()));
                }
                return Some(frame);
            }
            let mut bytes = BytesMut::with_capacity(64 * 1024);
            match self.io.read_buf(&mut bytes).await {
                Ok(length) if length > 0 => self.frames.add(&bytes),
                _ => return None,
            }
        }
    }
}
