//! Any bytes as a body in protobuf: what can be read has a JSON form, and is an object or none of its kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podlab_api::wire::decode_value;
use podlab_apiserver::fuzzing::protobuf;
use podlab_fuzz::kind;

fuzz_target!(|bytes: &[u8]| {
    let [number, body @ ..] = bytes else { return };
    let kind = kind(*number);
    let Some(value) = protobuf(kind, body) else { return };
    let text = value.to_string();
    let again = serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON, and not too deep");
    assert_eq!(again, value);
    if let Ok(decoded) = decode_value(kind, value) {
        assert_eq!(decoded.object.kind(), kind);
        decoded.object.to_json().expect("an object has a JSON form");
    }
});
