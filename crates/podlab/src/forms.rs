//! Objects as texts, as Go's clients write them.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::failure::Failure;

/// JSON on one line.
pub(crate) fn json_line(value: &Value) -> String {
    escaped(&value.to_string())
}

/// JSON for people.
pub(crate) fn json(value: &Value) -> Result<String, Failure> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut text,
        PrettyFormatter::with_indent(b"    "),
    ))?;
    Ok(escaped(&String::from_utf8_lossy(&text)))
}

/// YAML, a document.
pub(crate) fn yaml(value: &Value) -> Result<String, Failure> {
    // Long texts aren't folded.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let written = serde_saphyr::to_string_with_options(value, options);
    written.map_err(|error| Failure::Other(error.to_string()))
}

/// What could be taken for HTML stands in JSON as numbers. It occurs in texts only.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
