//! The frames of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, section 2), as bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The most bytes of a control frame: names and values of headers have to fit.
pub(crate) const LONGEST_CONTROL: usize = 64 * 1024;
/// A frame's payload is told by 24 bits.
const LONGEST: usize = (1 << 24) - 1;
/// The most bytes of a longer data frame that come at once.
const PIECE: usize = 32 * 1024;

const VERSION: u16 = 3;
const HEADER: usize = 8;
const CONTROL: u16 = 1 << 15;
const STREAM: u32 = u32::MAX >> 1;
const FIN: u8 = 1;

/// A frame; header blocks are still compressed. With `fin`, nothing more is said on the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The client opens a stream.
    SynStream { id: u32, fin: bool, block: Bytes },
    /// A stream is accepted.
    SynReply { id: u32, fin: bool, block: Bytes },
    /// A stream is broken off.
    RstStream { id: u32, status: u32 },
    /// Wishes about the connection.
    Settings,
    /// To be sent back.
    Ping(u32),
    /// The connection ends.
    GoAway { last: u32, status: u32 },
    /// Further headers of a stream.
    Headers { id: u32, fin: bool, block: Bytes },
    /// More may be sent on a stream.
    WindowUpdate { id: u32, delta: u32 },
    /// A part of what is said on a stream.
    Data { id: u32, fin: bool, data: Bytes },
}

/// Why a stream is broken off (section 2.6.3).
pub(crate) mod status {
    pub(crate) const PROTOCOL_ERROR: u32 = 1;
    pub(crate) const REFUSED_STREAM: u32 = 3;
    pub(crate) const CANCEL: u32 = 5;
}

/// These bytes are no frame that can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("SPDY version {0} instead of {VERSION}")]
    Version(u16),
    #[error("a control frame of {0} bytes")]
    TooLong(usize),
    #[error("a frame of type {kind} with {length} bytes")]
    Length { kind: u16, length: usize },
    #[error("data on stream 0")]
    NoStream,
}

impl Frame {
    /// Writes the frame, whose payload must be shorter than 16 MiB.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        let fin = |fin: bool| if fin { FIN } else { 0 };
        match self {
            Self::SynStream { id, fin: ends, block } => {
                start(out, 1, fin(*ends), 10 + block.len());
                out.put_u32(*id);
                out.put_bytes(0, 6);
                out.put_slice(block);
            }
            Self::SynReply { id, fin: ends, block } | Self::Headers { id, fin: ends, block } => {
                let kind = if matches!(self, Self::SynReply { .. }) {
                    2
                } else {
                    8
                };
                start(out, kind, fin(*ends), 4 + block.len());
                out.put_u32(*id);
                out.put_slice(block);
            }
            Self::RstStream { id, status: value } => pair(out, 3, *id, *value),
            Self::Settings => {
                start(out, 4, 0, 4);
                out.put_u32(0);
            }
            Self::Ping(id) => {
                start(out, 6, 0, 4);
                out.put_u32(*id);
            }
            Self::GoAway { last, status: value } => pair(out, 7, *last, *value),
            Self::WindowUpdate { id, delta } => pair(out, 9, *id, *delta),
            Self::Data { id, fin: ends, data } => {
                out.put_u32(id & STREAM);
                flags_and_length(out, fin(*ends), data.len());
                out.put_slice(data);
            }
        }
    }
}

fn start(out: &mut BytesMut, kind: u16, flags: u8, length: usize) {
    out.put_u16(CONTROL | VERSION);
    out.put_u16(kind);
    flags_and_length(out, flags, length);
}

fn flags_and_length(out: &mut BytesMut, flags: u8, length: usize) {
    debug_assert!(length <= LONGEST, "a payload of {length} bytes");
    out.put_u8(flags);
    out.put_uint(length as u64, 3);
}

fn pair(out: &mut BytesMut, kind: u16, first: u32, second: u32) {
    start(out, kind, 0, 8);
    out.put_u32(first);
    out.put_u32(second);
}

/// Finds the frames in bytes that come bit by bit.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: BytesMut,
    rest: Option<Rest>,
}

/// What is still to come of a data frame.
#[derive(Debug)]
struct Rest {
    id: u32,
    fin: bool,
    length: usize,
}

impl Decoder {
    /// Takes more bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame that is complete. A longer data frame comes as several.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(rest) = self.rest.take() {
                return Ok(self.piece(rest));
            }
            let Some(mut header) = self.bytes.get(..HEADER) else {
                return Ok(None);
            };
            let (first, kind) = (header.get_u16(), header.get_u16());
            let flags = header.get_u8();
            let length = usize::try_from(header.get_uint(3)).unwrap_or(usize::MAX);
            if first & CONTROL == 0 {
                let id = u32::from(first) << 16 | u32::from(kind);
                if id == 0 {
                    return Err(FrameError::NoStream);
                }
                self.bytes.advance(HEADER);
                let fin = flags & FIN != 0;
                self.rest = Some(Rest { id, fin, length });
                continue;
            }
            if first != CONTROL | VERSION {
                return Err(FrameError::Version(first & !CONTROL));
            }
            if length > LONGEST_CONTROL {
                return Err(FrameError::TooLong(length));
            }
            if self.bytes.len() < HEADER + length {
                return Ok(None);
            }
            let payload = self.bytes.split_to(HEADER + length).freeze().split_off(HEADER);
            if let Some(frame) = control(kind, flags, payload)? {
                return Ok(Some(frame));
            }
        }
    }

    fn piece(&mut self, rest: Rest) -> Option<Frame> {
        let Rest { id, fin, length } = rest;
        let piece = length.min(PIECE);
        if self.bytes.len() < piece {
            self.rest = Some(rest);
            return None;
        }
        let data = self.bytes.split_to(piece).freeze();
        if piece < length {
            let length = length - piece;
            self.rest = Some(Rest { id, fin, length });
        }
        let fin = fin && piece == length;
        Some(Frame::Data { id, fin, data })
    }
}

/// A control frame; of a type that the draft doesn't know, none.
fn control(kind: u16, flags: u8, mut payload: Bytes) -> Result<Option<Frame>, FrameError> {
    let length = payload.len();
    let fits = match kind {
        1 => length >= 10,
        2 | 8 => length >= 4,
        3 | 7 | 9 => length == 8,
        6 => length == 4,
        _ => true,
    };
    if !fits {
        return Err(FrameError::Length { kind, length });
    }
    let fin = flags & FIN != 0;
    Ok(Some(match kind {
        1 => {
            let id = payload.get_u32() & STREAM;
            // What stream it belongs to, and how urgent it is.
            payload.advance(6);
            Frame::SynStream {
                id,
                fin,
                block: payload,
            }
        }
        2 => {
            let id = payload.get_u32() & STREAM;
            Frame::SynReply {
                id,
                fin,
                block: payload,
            }
        }
        3 => {
            let id = payload.get_u32() & STREAM;
            let status = payload.get_u32();
            Frame::RstStream { id, status }
        }
        4 => Frame::Settings,
        6 => Frame::Ping(payload.get_u32()),
        7 => {
            let last = payload.get_u32() & STREAM;
            let status = payload.get_u32();
            Frame::GoAway { last, status }
        }
        8 => {
            let id = payload.get_u32() & STREAM;
            Frame::Headers {
                id,
                fin,
                block: payload,
            }
        }
        9 => {
            let id = payload.get_u32() & STREAM;
            let delta = payload.get_u32() & STREAM;
            Frame::WindowUpdate { id, delta }
        }
        _ => return Ok(None),
    }))
}
