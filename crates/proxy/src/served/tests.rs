//! Who is in which slot.

use super::*;

#[test]
fn endpoints_stay_in_their_slots() {
    let endpoints = |text: &str| {
        text.bytes()
            .map(|byte| SocketAddr::from(([10, 0, 0, byte], 80)))
            .collect::<Vec<_>>()
    };
    for (old, wanted, expected) in [
        ("", "abc", "abc"),
        ("abc", "abc", "abc"),
        ("abc", "ac", "ac"),
        ("abc", "bc", "cb"),
        ("abc", "bcd", "dbc"),
        ("abcd", "d", "d"),
        ("abcd", "bc", "cb"),
        ("abcd", "xyzd", "xyzd"),
        ("abc", "abcxy", "abcxy"),
        ("abc", "", ""),
    ] {
        let slots = assign(&endpoints(old), endpoints(wanted));
        assert_eq!(slots, endpoints(expected), "{old} to {wanted}");
    }
}
