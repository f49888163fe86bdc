//! Server-side apply for who is in the same process: it leaves objects as a client's leaves them.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use podlab_api::object::Kind;
use podlab_api::steps::NamespacedName;
use podlab_control::registry::Registry;
use serde_json::Value;

use crate::path::ResourcePath;
use crate::query::Query;
use crate::write::Request;

/// A configuration that the API refuses, in its words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// Applies a configuration as the field manager `manager`, who takes the fields that others have.
///
/// # Errors
/// What a client would be told; nothing has changed then.
pub fn apply(
    registry: &Registry,
    kind: Kind,
    name: NamespacedName,
    configuration: &Value,
    manager: &str,
) -> Result<(), Refused> {
    let path = ResourcePath {
        kind,
        namespace: kind.namespaced().then_some(name.namespace),
        name: Some(name.name),
        subresource: None,
    };
    let media_type = HeaderValue::from_static("application/apply-patch+yaml");
    let request = Request {
        registry,
        path: &path,
        query: &Query::parse(&format!("fieldManager={manager}&force=true")),
        headers: &HeaderMap::from_iter([(CONTENT_TYPE, media_type)]),
        body: configuration.to_string().into(),
    };
    match request.patch() {
        Ok(_) => Ok(()),
        Err(failure) => Err(Refused(failure.message().to_owned())),
    }
}
