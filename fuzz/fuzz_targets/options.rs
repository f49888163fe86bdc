//! Any text as a path, a query, a selector: read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podlab_api::selector::{FieldSelector, LabelSelector};
use podlab_apiserver::fuzzing::{options, path};
use podlab_fuzz::kind;

fuzz_target!(|input: (u8, &str)| {
    let (number, text) = input;
    let kind = kind(number);
    path(text);
    options(kind, text);
    let _ = LabelSelector::parse(text);
    let _ = FieldSelector::parse(kind, text);
});
