//! JSON Patch (RFC 6902).

use json_patch::{PatchOperation, patch_unsafe};
use serde::Deserialize;
use serde_json::Value;

use super::PatchError;
use super::error::{undecodable, undecodable_field};

/// How many operations a patch may have.
const MAX_OPERATIONS: usize = 10_000;

/// How many bytes of JSON a patch may copy: as many as a request may have.
const MAX_COPIED: usize = 3 * 1024 * 1024;

/// How many values a patch may move, at most, to do all its operations: each of them may move a whole list.
const MAX_MOVED: usize = 50_000_000;

/// How deep an object may become: as deep as one that is read from JSON.
const MAX_DEPTH: usize = 127;

/// Changes an object by a JSON Patch, `application/json-patch+json`.
///
/// # Errors
/// [`PatchError::Malformed`] when it isn't a list of operations, [`PatchError::TooManyOperations`], and
/// [`PatchError::Inapplicable`] when an operation can't be done; one on the object as a whole never can.
pub(crate) fn json(live: &Value, patch: &Value) -> Result<Value, PatchError> {
    let operations = operations(patch)?;
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooManyOperations(operations.len()));
    }
    let mut object = live.clone();
    let (mut copied, mut moved) = (0, 0);
    for operation in operations {
        let operation = PatchOperation::deserialize(operation).map_err(inapplicable)?;
        if operation.path().is_root() {
            return Err(inapplicable("it is of the whole object"));
        }
        let value = brought(&object, &operation);
        moved += beside(&object, &operation) + value.map_or(0, size);
        if moved > MAX_MOVED {
            return Err(inapplicable("too much is moved"));
        }
        let levels = MAX_DEPTH.checked_sub(operation.path().count());
        if value.is_some_and(|value| levels.is_none_or(|levels| is_deeper(value, levels))) {
            return Err(inapplicable("the object becomes too deep"));
        }
        if let (PatchOperation::Copy(_), Some(value)) = (&operation, value) {
            copied += value.to_string().len();
            if copied > MAX_COPIED {
                return Err(inapplicable("too much is copied"));
            }
        }
        patch_unsafe(&mut object, &[operation]).map_err(inapplicable)?;
    }
    Ok(object)
}

/// What an operation brings to its place.
fn brought<'a>(object: &'a Value, operation: &'a PatchOperation) -> Option<&'a Value> {
    match operation {
        PatchOperation::Add(add) => Some(&add.value),
        PatchOperation::Replace(replace) => Some(&replace.value),
        PatchOperation::Copy(copy) => object.pointer(copy.from.as_str()),
        PatchOperation::Move(moving) => object.pointer(moving.from.as_str()),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => None,
    }
}

/// How many elements the lists have that an operation puts something into, or takes it out of.
fn beside(object: &Value, operation: &PatchOperation) -> usize {
    let places = match operation {
        PatchOperation::Move(moving) => [Some(&*moving.from), Some(&*moving.path)],
        PatchOperation::Add(_) | PatchOperation::Copy(_) | PatchOperation::Remove(_) => {
            [Some(operation.path()), None]
        }
        PatchOperation::Replace(_) | PatchOperation::Test(_) => [None, None],
    };
    let parents = places.into_iter().flatten().filter_map(|place| {
        let (parent, _) = place.as_str().rsplit_once('/')?;
        object.pointer(parent)?.as_array().map(Vec::len)
    });
    parents.sum()
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

fn inapplicable(why: impl ToString) -> PatchError {
    PatchError::Inapplicable(why.to_string())
}

/// The operations of a patch, of which only the form is known.
fn operations(patch: &Value) -> Result<&[Value], PatchError> {
    let operations = match patch {
        Value::Null => &[],
        Value::Array(operations) => operations.as_slice(),
        patch => return Err(undecodable(patch, "[]handlers.jsonPatchOp")),
    };
    for operation in operations {
        match operation {
            Value::Null => {}
            Value::Object(fields) => {
                let mut texts = ["op", "path", "from"]
                    .into_iter()
                    .filter_map(|name| Some((name, fields.get(name)?)));
                if let Some((name, value)) = texts.find(|(_, value)| !value.is_string() && !value.is_null()) {
                    return Err(undecodable_field(value, &format!("jsonPatchOp.{name}"), "string"));
                }
            }
            operation => return Err(undecodable(operation, "handlers.jsonPatchOp")),
        }
    }
    Ok(operations)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let within = |value: &Value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(within),
        Value::Object(fields) => fields.values().any(within),
        _ => false,
    }
}
