//! Frames and header blocks as bytes.

mod connection;

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::frame::{Decoder, Frame, FrameError, LONGEST_CONTROL};
use super::headers::{BlockError, Compressor, Decompressor, LONGEST};

fn bytes(hex: &str) -> Bytes {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn block(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn decode(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = Decoder::default();
    decoder.add(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next()? {
        frames.push(frame);
    }
    Ok(frames)
}

fn data(id: u32, fin: bool, text: &'static str) -> Frame {
    let data = block(text);
    Frame::Data { id, fin, data }
}

#[test]
fn frames_have_these_bytes() {
    let (id, fin, block) = (0x7fff_fffe, true, block("hi"));
    let syn_stream = Frame::SynStream {
        id,
        fin,
        block: block.clone(),
    };
    let syn_reply = Frame::SynReply {
        id,
        fin: false,
        block: block.clone(),
    };
    let cases = [
        ("80030001 01 00000c 7ffffffe 00000000 0000 6869", syn_stream),
        ("80030002 00 000006 7ffffffe 6869", syn_reply),
        (
            "80030003 00 000008 00000005 00000001",
            Frame::RstStream { id: 5, status: 1 },
        ),
        ("80030004 00 000004 00000000", Frame::Settings),
        ("80030006 00 000004 00000007", Frame::Ping(7)),
        (
            "80030007 00 000008 00000009 00000002",
            Frame::GoAway { last: 9, status: 2 },
        ),
        (
            "80030008 01 000006 7ffffffe 6869",
            Frame::Headers { id, fin, block },
        ),
        (
            "80030009 00 000008 00000001 00010000",
            Frame::WindowUpdate {
                id: 1,
                delta: 0x10000,
            },
        ),
        ("00000001 00 000002 6869", data(1, false, "hi")),
        ("7ffffffe 01 000000", data(id, true, "")),
    ];
    for (hex, frame) in cases {
        let mut encoded = BytesMut::new();
        frame.encode(&mut encoded);
        assert_eq!(encoded, bytes(hex), "{frame:?}");
        assert_eq!(decode(&encoded), Ok(vec![frame]), "{hex}");
    }
}

#[test]
fn settings_and_unknown_frames_are_passed_over() {
    let settings = "80030004 00 00000c 00000001 00000007 00010000";
    let unknown = "8003000b 00 000003 010203";
    let ping = "80030006 00 000004 00000001";
    let all = bytes(&[settings, unknown, ping].concat());
    assert_eq!(decode(&all), Ok(vec![Frame::Settings, Frame::Ping(1)]));
}

#[test]
fn what_cannot_be_taken_is_refused_before_it_is_all_there() {
    let cases = [
        ("80020006 00 000004", "SPDY version 2 instead of 3"),
        ("80030001 00 010001", "a control frame of 65537 bytes"),
        ("80030001 ff ffffff", "a control frame of 16777215 bytes"),
        (
            "80030001 00 000009 000000010000000000",
            "a frame of type 1 with 9 bytes",
        ),
        ("80030003 00 000004 00000001", "a frame of type 3 with 4 bytes"),
        ("80030006 00 000000", "a frame of type 6 with 0 bytes"),
        ("00000000 00 000001", "data on stream 0"),
    ];
    for (hex, why) in cases {
        let refused = decode(&bytes(hex)).unwrap_err();
        assert_eq!(refused.to_string(), why, "{hex}");
    }
}

fn frame() -> impl Strategy<Value = Frame> {
    let id = || 1..0x8000_0000_u32;
    let block = || prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from);
    let long = (any::<u8>(), 0..100_000_usize).prop_map(|(byte, length)| vec![byte; length].into());
    prop_oneof![
        (id(), any::<bool>(), block()).prop_map(|(id, fin, block)| Frame::SynStream { id, fin, block }),
        (id(), any::<bool>(), block()).prop_map(|(id, fin, block)| Frame::SynReply { id, fin, block }),
        (id(), any::<bool>(), block()).prop_map(|(id, fin, block)| Frame::Headers { id, fin, block }),
        (id(), any::<u32>()).prop_map(|(id, status)| Frame::RstStream { id, status }),
        (id(), any::<u32>()).prop_map(|(last, status)| Frame::GoAway { last, status }),
        (id(), id()).prop_map(|(id, delta)| Frame::WindowUpdate { id, delta }),
        any::<u32>().prop_map(Frame::Ping),
        Just(Frame::Settings),
        (id(), any::<bool>(), long).prop_map(|(id, fin, data)| Frame::Data { id, fin, data }),
    ]
}

/// A longer data frame as one, though it came in pieces.
fn whole(frames: Vec<Frame>) -> Vec<Frame> {
    let mut whole: Vec<Frame> = Vec::new();
    for frame in frames {
        match (whole.last_mut(), frame) {
            (
                Some(Frame::Data { id, fin, data }),
                Frame::Data {
                    id: same,
                    fin: last,
                    data: more,
                },
            ) if *id == same && !*fin => {
                *data = [&data[..], &more[..]].concat().into();
                *fin = last;
            }
            (_, frame) => whole.push(frame),
        }
    }
    whole
}

proptest! {
    #[test]
    fn frames_are_read_as_written_however_they_are_cut(
        frames in prop::collection::vec(frame(), 0..8),
        cuts in prop::collection::vec(1..50_000_usize, 1..8),
    ) {
        let mut encoded = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(&mut encoded));
        let mut decoder = Decoder::default();
        let mut decoded = Vec::new();
        for cut in cuts.into_iter().cycle() {
            decoder.add(&encoded.split_to(cut.min(encoded.len())));
            while let Some(frame) = decoder.next().unwrap() {
                decoded.push(frame);
            }
            if encoded.is_empty() {
                break;
            }
        }
        prop_assert_eq!(whole(decoded), whole(frames));
    }

    #[test]
    fn any_bytes_are_frames_or_refused(start in frame(), noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = BytesMut::new();
        start.encode(&mut bytes);
        for (at, value) in noise.iter().enumerate() {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= value & 0x11;
            }
        }
        let _ = decode(&bytes);
        let _ = decode(&noise);
        let _ = Decompressor::new().decompress(&noise);
    }

    #[test]
    fn headers_are_read_as_written_one_block_after_the_other(
        blocks in prop::collection::vec(prop::collection::btree_map("[a-z:-]{0,20}", "\\PC{0,40}", 0..8), 1..6),
    ) {
        let (mut compressor, mut decompressor) = (Compressor::new(), Decompressor::new());
        for headers in blocks {
            let block = compressor.compress(&headers);
            prop_assert_eq!(decompressor.decompress(&block), Ok(headers));
        }
    }
}

#[test]
fn headers_of_kubectl_are_read() {
    let first = "78f9e3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45e01c60616061c0c0c0c0590489c64c50f2663400000000ffff";
    let second = "826a46153524d23800000000ffff";
    let mut decompressor = Decompressor::new();
    for (hex, request) in [(first, "0"), (second, "1")] {
        let headers = decompressor.decompress(&bytes(hex)).unwrap();
        let expected = [("port", "8080"), ("requestid", request), ("streamtype", "error")];
        assert!(
            headers
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .eq(expected),
            "{headers:?}"
        );
    }
}

#[test]
fn header_blocks_that_cannot_be_taken_are_refused() {
    let plain = |pairs: &[(&[u8], &[u8])]| {
        let mut plain = Vec::new();
        plain.put_u32(pairs.len() as u32);
        for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
            plain.put_u32(text.len() as u32);
            plain.put_slice(text);
        }
        plain
    };
    let long = vec![b'x'; LONGEST];
    let cases: [(Vec<u8>, BlockError); 7] = [
        (
            plain(&[(b"a", b"b"), (b"a", b"c")]),
            BlockError::Twice("a".to_owned()),
        ),
        (plain(&[(b"a", b"\xff")]), BlockError::Text),
        (plain(&[(b"a", &long)]), BlockError::TooLong),
        (vec![0; 50 * LONGEST], BlockError::TooLong),
        (vec![0, 0], BlockError::Length),
        (vec![0xff; 12], BlockError::Length),
        ([plain(&[(b"a", b"b")]), vec![0]].concat(), BlockError::Length),
    ];
    for (plain, expected) in cases {
        let block = Compressor::new().compress_bytes(&plain);
        assert!(block.len() < LONGEST_CONTROL);
        assert_eq!(Decompressor::new().decompress(&block), Err(expected));
    }
    for broken in ["", "00", "78f9", "78f9000000000000", "789c0300000000000100"] {
        let decompressed = Decompressor::new().decompress(&bytes(broken));
        assert!(decompressed.is_err(), "{broken}: {decompressed:?}");
    }
}
