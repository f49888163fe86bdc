//! Strategic merge patch: objects. Lists are merged in `list`.
//!
//! The behaviour is that of Kubernetes' `strategicpatch` package: directives are `$patch`, `$retainKeys`,
//! `$deleteFromPrimitiveList/FIELD` and `$setElementOrder/FIELD`.

use podlab_api::object::Kind;
use serde_json::{Map, Value};

use super::error::{MAP, unmarshal};
use super::{PatchError, StrategicError, list};
use crate::schema::Node;

pub(super) const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const ELEMENT_ORDER: &str = "$setElementOrder";

/// Changes an object by a strategic merge patch, `application/strategic-merge-patch+json`.
///
/// # Errors
/// [`PatchError::Malformed`] when the patch isn't an object, and [`PatchError::Strategic`].
pub(crate) fn strategic(live: &Value, patch: &Value, kind: Kind) -> Result<Value, PatchError> {
    match (live, patch) {
        (live, Value::Null) => Ok(live.clone()),
        (Value::Object(live), Value::Object(patch)) => {
            let merged = merge_objects(live.clone(), patch.clone(), Node::of(kind))?;
            Ok(Value::Object(merged))
        }
        (Value::Object(_), patch) => Err(PatchError::Malformed(unmarshal(patch, "value", MAP))),
        (live, _) => Err(expected(MAP, live.clone()).into()),
    }
}

pub(super) fn merge_objects(
    mut live: Map<String, Value>,
    mut patch: Map<String, Value>,
    node: Node,
) -> Result<Map<String, Value>, StrategicError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        match directive.as_str() {
            Some("delete") => return Ok(Map::new()),
            Some("replace") => {
                patch.remove(DIRECTIVE);
                return Ok(plain_fields(patch));
            }
            _ => {
                let directive = directive.clone();
                let map = patch.into();
                return Err(StrategicError::Directive { directive, map });
            }
        }
    }
    retain_keys(&mut live, &mut patch)?;
    order_elements(&mut live, &mut patch, node)?;
    let (deletions, fields): (Map<_, _>, Map<_, _>) = patch
        .into_iter()
        .partition(|(key, _)| key.starts_with(DELETE_FROM_LIST));
    for (key, elements) in deletions {
        let field = target(&key, DELETE_FROM_LIST).ok_or(StrategicError::PrimitiveList)?;
        match (live.remove(field), elements) {
            (_, Value::Null) | (None, _) => {}
            (Some(Value::Array(list)), Value::Array(elements)) => {
                let list = list::delete(list, elements)?;
                live.insert(field.to_owned(), list.into());
            }
            (Some(value), _) => {
                live.insert(field.to_owned(), value);
            }
        }
    }
    for (field, value) in fields {
        let merged = match (live.remove(&field), value) {
            (_, Value::Null) => None,
            (Some(Value::Object(live)), Value::Object(patch)) => {
                Some(merge_objects(live, patch, of(node, &field)?)?.into())
            }
            (Some(Value::Array(live)), Value::Array(patch)) => {
                Some(list::merge(live, patch, of(node, &field)?)?.into())
            }
            (_, value) => plain(value),
        };
        if let Some(value) = merged {
            live.insert(field, value);
        }
    }
    Ok(live)
}

/// What is said of a field, or of what is in a map.
fn of(node: Node, field: &str) -> Result<Node, StrategicError> {
    node.child(field).ok_or_else(|| StrategicError::UnknownField {
        of: node.type_name().to_owned(),
        field: field.to_owned(),
    })
}

/// What a directive about a field is about.
fn target<'a>(key: &'a str, directive: &str) -> Option<&'a str> {
    key.strip_prefix(directive)?.strip_prefix('/')
}

fn retain_keys(live: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), StrategicError> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let keys = keys.as_array().ok_or(StrategicError::RetainKeys)?;
    let retained = |key: &str| keys.iter().any(|retained| retained == key);
    let is_named = |(key, value): (&String, &Value)| {
        let is_directive = key.starts_with(DELETE_FROM_LIST) || key.starts_with(ELEMENT_ORDER);
        value.is_null() || is_directive || retained(key)
    };
    if !patch.iter().all(is_named) {
        return Err(StrategicError::RetainKeys);
    }
    live.retain(|key, _| retained(key));
    Ok(())
}

/// Merges the lists that have an order, and takes both out of the patch.
fn order_elements(
    live: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    node: Node,
) -> Result<(), StrategicError> {
    let orders = patch.keys().filter(|key| key.starts_with(ELEMENT_ORDER));
    for key in orders.cloned().collect::<Vec<_>>() {
        let order = into_list(patch.remove(&key).unwrap_or_default())?;
        let field = target(&key, ELEMENT_ORDER).ok_or(StrategicError::ElementOrder)?;
        let there = live.remove(field).map(into_list).transpose()?;
        let given = patch.remove(field).map(into_list).transpose()?;
        if let Some(list) = list::merge_ordered(there, given, order, of(node, field)?)? {
            live.insert(field.to_owned(), list.into());
        }
    }
    Ok(())
}

fn into_list(value: Value) -> Result<Vec<Value>, StrategicError> {
    match value {
        Value::Array(list) => Ok(list),
        value => Err(expected("[]interface {}", value)),
    }
}

pub(super) fn expected(expected: &'static str, actual: Value) -> StrategicError {
    StrategicError::Type { expected, actual }
}

/// What a patch says of something that isn't there yet: without what it says only to remove.
pub(super) fn plain(value: Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(DIRECTIVE) => None,
        Value::Object(fields) => Some(plain_fields(fields).into()),
        Value::Array(items) => Some(plain_items(items).into()),
        value => Some(value),
    }
}

fn plain_fields(fields: Map<String, Value>) -> Map<String, Value> {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    fields
        .filter_map(|(key, value)| Some((key, plain(value)?)))
        .collect()
}

pub(super) fn plain_items(items: Vec<Value>) -> Vec<Value> {
    items.into_iter().filter_map(plain).collect()
}
