//! In which form a client wants its answer.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

use crate::status::Failure;

/// The forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The objects themselves.
    Object,
    /// Rows and columns: meta.k8s.io/v1 Table.
    Table,
    /// Nothing but their metadata: meta.k8s.io/v1 PartialObjectMetadata.
    Metadata,
}

/// All that podlab writes: JSON.
const ACCEPTED: &str = "application/json";

/// The first form of those that the client accepts which podlab has.
///
/// # Errors
/// There is none: NotAcceptable.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, Failure> {
    let accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut ranges = accepted
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() {
        return Ok(Form::Object);
    }
    ranges
        .find_map(form_of)
        .ok_or_else(|| Failure::not_acceptable(ACCEPTED))
}

fn form_of(range: &str) -> Option<Form> {
    let mut parts = range.split(';').map(str::trim);
    if !["application/json", "application/*", "*/*"].contains(&parts.next()?) {
        return None;
    }
    let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    let parameter = |name: &str| {
        parameters
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    };
    let of_meta = parameter("g") == Some("meta.k8s.io") && parameter("v") == Some("v1");
    match parameter("as") {
        None => Some(Form::Object),
        Some("Table") if of_meta => Some(Form::Table),
        Some("PartialObjectMetadata" | "PartialObjectMetadataList") if of_meta => Some(Form::Metadata),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_there_is_is_taken() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        for (accept, expected) in [
            ("", Some(Form::Object)),
            ("*/*", Some(Form::Object)),
            ("application/json", Some(Form::Object)),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Some(Form::Object),
            ),
            (
                &format!("{table},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"),
                Some(Form::Table),
            ),
            (
                "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some(Form::Object),
            ),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                Some(Form::Metadata),
            ),
            ("application/vnd.kubernetes.protobuf", None),
            ("text/html", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(form(&headers).ok(), expected, "{accept}");
        }
    }
}
