//! Patches: what becomes of an object by each sort of them, but for server-side apply.

mod error;
mod json;
mod list;
mod strategic;
#[cfg(test)]
pub(crate) mod tests;

use serde_json::Value;

pub(crate) use error::{PatchError, StrategicError};
pub(crate) use json::json;
pub(crate) use strategic::strategic;

/// Changes an object by a JSON Merge Patch (RFC 7386), `application/merge-patch+json`.
///
/// # Errors
/// [`PatchError::Malformed`] when the patch isn't an object.
pub(crate) fn merge(live: &Value, patch: &Value) -> Result<Value, PatchError> {
    match patch {
        Value::Object(_) => {
            let mut object = live.clone();
            json_patch::merge(&mut object, patch);
            Ok(object)
        }
        Value::Null => Err(PatchError::Malformed("Invalid JSON Patch".to_owned())),
        patch => Err(error::undecodable(patch, error::MAP)),
    }
}
