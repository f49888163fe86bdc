//! The sorts of patches, by the media types that name them.

use podlab_api::object::Kind;
use podlab_api::wire::{self, Format};
use serde_json::Value;

use crate::golang::Plain;
use crate::patch::{self, PatchError};
use crate::status::Failure;

/// A sort of patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchType {
    /// JSON Patch (RFC 6902).
    Json,
    /// JSON Merge Patch (RFC 7386).
    Merge,
    /// Strategic merge patch: Kubernetes' own, which knows by which keys lists are merged.
    Strategic,
    /// Server-side apply.
    Apply,
}

/// All of them, as errors list them.
pub(crate) const ACCEPTED: &str = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, \
                            application/strategic-merge-patch+json";

impl PatchType {
    /// The sort that a media type names.
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            "application/apply-patch+yaml" => Some(Self::Apply),
            _ => None,
        }
    }
}

/// What becomes of an object by a patch that is no server-side apply.
///
/// # Errors
/// The patch makes no sense, or none for this object.
pub(crate) fn patched(sort: PatchType, live: &Value, body: &[u8], kind: Kind) -> Result<Value, Failure> {
    let patch = wire::parse(body, Format::Json)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?
        .value;
    let patched = match sort {
        PatchType::Json => patch::json(live, &patch),
        PatchType::Strategic => patch::strategic(live, &patch, kind),
        PatchType::Merge | PatchType::Apply => patch::merge(live, &patch),
    };
    Ok(patched?)
}

/// What is told of a patch that makes no object of the kind out of one.
pub(crate) fn unreadable(sort: PatchType, live: &Value, body: &[u8], kind: Kind, why: String) -> Failure {
    let shown = match sort {
        PatchType::Strategic => wire::parse(body, Format::Json).map(|patch| Plain(&patch.value).to_string()),
        _ => Ok(patched(sort, live, body, kind).map_or_else(|_| String::new(), |object| object.to_string())),
    };
    let shown = shown.unwrap_or_default();
    PatchError::Unreadable { shown, why }.into()
}
