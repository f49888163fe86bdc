//! Any bytes as a SPDY connection: what is understood doesn't depend on how they come, and what is written is read.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use podlab_apiserver::fuzzing::{headers, spdy};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    chunks: Vec<u8>,
    blocks: Vec<BTreeMap<String, String>>,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input| {
    let chunks: Vec<usize> = input.chunks.iter().copied().map(usize::from).collect();
    assert_eq!(spdy(input.bytes, &chunks), spdy(input.bytes, &[]));

    let blocks: Vec<_> = input.blocks.into_iter().take(4).map(written).collect();
    let read = headers(&blocks);
    assert!(read.iter().flatten().eq(&blocks), "{blocks:?} became {read:?}");
});

/// With names as they are always written.
fn written(block: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let named = block.into_iter().filter(|(name, _)| !name.is_empty());
    named.map(|(name, value)| (name.to_lowercase(), value)).collect()
}
