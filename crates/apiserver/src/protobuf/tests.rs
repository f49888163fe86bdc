//! Bodies to test with.

mod bodies;
mod numbers;
mod proptests;
mod values;

/// What `kubectl -v=10` has shown of a body.
pub(crate) fn body(dump: &str) -> Vec<u8> {
    let bytes = dump.lines().flat_map(|line| line[10..58].split_whitespace());
    bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// A field that is a text, bytes or a message.
pub(crate) fn bytes(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [
        &varint(u64::from(number) << 3 | 2),
        &*varint(bytes.len() as u64),
        bytes,
    ]
    .concat()
}

/// A field that is an integer or a boolean.
pub(crate) fn number(number: u8, value: i64) -> Vec<u8> {
    [varint(u64::from(number) << 3), varint(value as u64)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A message of fields.
fn message<const N: usize>(fields: [Vec<u8>; N]) -> Vec<u8> {
    fields.concat()
}

/// The body of a request: a message, and what it is.
pub(crate) fn enveloped(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let type_meta = message([bytes(1, api_version), bytes(2, kind)]);
    let empty = [bytes(3, ""), bytes(4, "")].concat();
    [&b"k8s\0"[..], &bytes(1, type_meta), &bytes(2, raw), &empty].concat()
}
