//! Any object and any patch, each as JSON on a line of its own: a patch that says what should be leads there and stays
//! there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podlab_api::object::Kind;
use podlab_api::wire::{Format, decode, decode_value, parse};
use podlab_apiserver::fuzzing::{applied, patched};
use podlab_fuzz::kind;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let [number, rest @ ..] = bytes else { return };
    let kind = kind(*number);
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let Ok(live) = decode(kind, &rest[..end], Format::Json) else {
        return;
    };
    let live = live.object.to_json().expect("an object has a JSON form");
    let Ok(patch) = parse(&rest[end + 1..], Format::Json) else {
        return;
    };
    let patch = patch.value;

    let [_, merged, _] = patched(kind, &live, &patch);
    if let Ok(merged) = merged {
        let [_, again, _] = patched(kind, &merged, &patch);
        assert_eq!(again, Ok(merged));
    }
    apply(kind, &live, &patch);
});

/// Whoever applies the same once more changes nothing, and neither does it change what somebody else then applies.
fn apply(kind: Kind, live: &Value, configuration: &Value) {
    for live in [None, Some(live)] {
        let Ok(once) = applied(kind, live, configuration, "one") else {
            continue;
        };
        let Some(once) = stored(kind, once) else { continue };
        let twice = applied(kind, Some(&once), configuration, "one").expect("it was applied before");
        assert_eq!(stored(kind, twice), Some(once));
    }
}

/// As the store has it.
fn stored(kind: Kind, object: Value) -> Option<Value> {
    let decoded = decode_value(kind, object).ok()?;
    Some(decoded.object.to_json().expect("an object has a JSON form"))
}
