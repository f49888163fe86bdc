//! Why a patch can't be done, in Kubernetes' words.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause};
use serde_json::Value;

use crate::failure::failure;
use crate::golang::{Plain, json_type, quoted, type_name};

/// The type that merge patches are read into.
pub(super) const MAP: &str = "map[string]interface {}";

/// Why an object can't be changed by a patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatchError {
    /// Reason `BadRequest`: the patch isn't one of its sort.
    #[error("{0}")]
    Malformed(String),
    /// Reason `RequestEntityTooLarge`: a JSON Patch has too many operations.
    #[error("Request entity too large: The allowed maximum operations in a JSON patch is 10000, got {0}")]
    TooManyOperations(usize),
    /// Reason `Invalid`: the object isn't one that this patch can be done on. Kubernetes keeps to itself why.
    #[error("the server rejected our request due to an error in our request")]
    Inapplicable(String),
    /// Reason `Invalid`: what the patch makes of the object is none of its kind.
    #[error(" \"\" is invalid: patch: {}", invalid_value(.shown, .why))]
    Unreadable {
        /// The patch, or what it makes of the object.
        shown: String,
        /// What is wrong with it.
        why: String,
    },
    /// A strategic merge patch can't be done.
    #[error(transparent)]
    Strategic(#[from] StrategicError),
}

/// Why an object can't be changed by a strategic merge patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StrategicError {
    /// `$deleteFromPrimitiveList` names no list.
    #[error("invalid patch format of primitive list")]
    PrimitiveList,
    /// `$retainKeys` isn't a list, or has not all keys that the patch has.
    #[error("invalid patch format of retainKeys")]
    RetainKeys,
    /// `$setElementOrder` names no list.
    #[error("invalid patch format of setElementOrder list")]
    ElementOrder,
    /// A list that is merged has lists in it.
    #[error("the server rejected our request due to an error in our request")]
    ListOfLists,
    /// `$patch` is something that isn't known.
    #[error("unknown patch type: {} in map: {}", Plain(directive), Plain(map))]
    Directive {
        /// What it is.
        directive: Value,
        /// The object that it stands in.
        map: Value,
    },
    /// `$patch: merge` stands in an element of a list.
    #[error("merging lists cannot yet be specified in the patch")]
    MergeInList,
    /// An element of a list can't be found among others.
    #[error("map: {} does not contain declared merge key: {key}", Plain(map))]
    NoMergeKey {
        /// The element.
        map: Value,
        /// What it lacks.
        key: &'static str,
    },
    /// There is no key by which a list of objects could be merged.
    #[error("cannot merge lists without merge key for struct")]
    NoKey,
    /// A value is of another type than it has to be.
    #[error("expected a {expected}, but received a {}", type_name(actual))]
    Type {
        /// The Go type that it has to be of.
        expected: &'static str,
        /// The value.
        actual: Value,
    },
    /// The elements of lists that are merged are of different types.
    #[error("list element types are not identical: [{} {}]", Plain(live), Plain(patch))]
    MixedList {
        /// The object's list.
        live: Value,
        /// The patch's list.
        patch: Value,
    },
    /// The elements of a list are in another order than `$setElementOrder` says, or it hasn't all of them.
    #[error(
        "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
        Plain(patch),
        Plain(order)
    )]
    Order {
        /// The list.
        patch: Value,
        /// What `$setElementOrder` says.
        order: Value,
    },
    /// The schema doesn't know the field.
    #[error("unable to find api field in struct {of} for the json field {field:?}")]
    UnknownField {
        /// What should have the field.
        of: String,
        /// Its name.
        field: String,
    },
}

impl PatchError {
    /// The answer to the request.
    pub(crate) fn status(&self) -> Status {
        let (code, reason) = match self {
            Self::Malformed(_) => (400, "BadRequest"),
            Self::TooManyOperations(_) => (413, "RequestEntityTooLarge"),
            Self::Inapplicable(_) | Self::Unreadable { .. } => (422, "Invalid"),
            Self::Strategic(error) => match error {
                StrategicError::PrimitiveList | StrategicError::RetainKeys | StrategicError::ElementOrder => {
                    (400, "BadRequest")
                }
                StrategicError::ListOfLists => (422, "Invalid"),
                _ => (500, ""),
            },
        };
        let causes = match self {
            Self::Unreadable { shown, why } => vec![StatusCause {
                field: Some("patch".to_owned()),
                message: Some(invalid_value(shown, why)),
                reason: Some("FieldValueInvalid".to_owned()),
            }],
            _ => Vec::new(),
        };
        failure(code, reason, self.to_string(), causes)
    }
}

fn invalid_value(shown: &str, why: &str) -> String {
    format!("Invalid value: {}: {why}", quoted(shown))
}

/// JSON that is of another type than `go_type`, as Go's reader tells it.
pub(super) fn undecodable(value: &Value, go_type: &str) -> PatchError {
    PatchError::Malformed(format!(
        "error decoding patch: {}",
        unmarshal(value, "value", go_type)
    ))
}

/// A field of another type.
pub(super) fn undecodable_field(value: &Value, field: &str, go_type: &str) -> PatchError {
    let what = format!("struct field {field}");
    PatchError::Malformed(format!(
        "error decoding patch: {}",
        unmarshal(value, &what, go_type)
    ))
}

/// What Go's reader says of a value that isn't of the type of what it is read into.
pub(super) fn unmarshal(value: &Value, what: &str, go_type: &str) -> String {
    let actual = json_type(value);
    format!("json: cannot unmarshal {actual} into Go {what} of type {go_type}")
}
