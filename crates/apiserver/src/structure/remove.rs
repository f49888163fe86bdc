//! An object without some of its fields.

use serde_json::{Map, Value};

use super::{Form, child, form, items};
use crate::fields::{Element, Set};
use crate::schema::Node;

/// The object without these fields and elements. What has nothing left in it is null.
pub(crate) fn remove(object: &Value, fields: &Set, node: Node) -> Value {
    remove_within(object, fields, Some(node))
}

fn remove_within(value: &Value, set: &Set, node: Option<Node>) -> Value {
    match (form(node), value) {
        (Form::Fields, Value::Object(fields)) => {
            let rest: Map<String, Value> = fields
                .iter()
                .filter_map(|(name, value)| {
                    let element = Element::field(name);
                    let value = without(value, set, &element, child(node, &element))?;
                    Some((name.clone(), value))
                })
                .collect();
            if rest.is_empty() { Value::Null } else { rest.into() }
        }
        (Form::Items(list_type, elements), Value::Array(list)) => {
            let rest: Vec<Value> = list
                .iter()
                .filter_map(|item| match items::element(item, list_type, elements) {
                    Ok(element) => without(item, set, &element, Some(elements)),
                    Err(_) => Some(item.clone()),
                })
                .collect();
            if rest.is_empty() { Value::Null } else { rest.into() }
        }
        (_, Value::Object(_) | Value::Array(_)) => Value::Null,
        (_, value) => value.clone(),
    }
}

/// What is left of a field or element.
fn without(value: &Value, set: &Set, element: &Element, node: Option<Node>) -> Option<Value> {
    if set.has(element) {
        return None;
    }
    Some(match set.within(element) {
        Some(within) => remove_within(value, within, node),
        None => value.clone(),
    })
}
