//! Objects along their schema: which of their parts are owned and merged one by one, and which as one value.
//!
//! The rules are those of structured-merge-diff, the part of Kubernetes that server-side apply is made of.

mod check;
mod compare;
mod items;
mod merge;
mod owned;
mod remove;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::fields::Element;
use crate::schema::{ListType, Node, Shape};

pub(crate) use check::Faults;
pub(crate) use check::check;
pub(crate) use compare::{Comparison, compare};
pub(crate) use merge::merge;
pub(crate) use owned::{named, owned};
pub(crate) use remove::remove;

/// How the parts of a value are told apart.
#[derive(Clone, Copy)]
enum Form {
    /// It is one value.
    One,
    /// By the fields of an object or map.
    Fields,
    /// By what tells the elements of a list apart.
    Items(ListType, Node),
}

/// Nothing is known of what the schema doesn't have: it is one value.
fn form(node: Option<Node>) -> Form {
    let Some(node) = node else {
        return Form::One;
    };
    match node.shape() {
        Shape::Scalar => Form::One,
        Shape::Struct | Shape::Map(_) if node.map_is_atomic() => Form::One,
        Shape::Struct | Shape::Map(_) => Form::Fields,
        Shape::List(elements) => match node.list_type() {
            ListType::Atomic => Form::One,
            list_type => Form::Items(list_type, elements),
        },
    }
}

/// Two values at one place, taken apart.
enum Parts<'a> {
    /// They are compared and merged as they are. So are two without any parts, to tell an empty one from none.
    One,
    Fields(&'a Map<String, Value>, &'a Map<String, Value>),
    Items(items::Items<'a>, items::Items<'a>, Node),
}

static NO_FIELDS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

impl<'a> Parts<'a> {
    fn of(node: Option<Node>, a: Option<&'a Value>, b: Option<&'a Value>) -> Self {
        let parts = match form(node) {
            Form::One => None,
            Form::Fields => fields(a).zip(fields(b)).map(|(a, b)| Self::Fields(a, b)),
            Form::Items(list_type, elements) => {
                let items = |list| items::items(list, list_type, elements);
                let lists = items(a).zip(items(b));
                lists.map(|(a, b)| Self::Items(a, b, elements))
            }
        };
        match parts {
            None => Self::One,
            Some(Self::Fields(a, b)) if a.is_empty() && b.is_empty() => Self::One,
            Some(Self::Items(a, b, _)) if a.is_empty() && b.is_empty() => Self::One,
            Some(parts) => parts,
        }
    }
}

/// The fields of an object; none of what isn't there, and not known of what is no object.
fn fields(value: Option<&Value>) -> Option<&Map<String, Value>> {
    match value {
        None | Some(Value::Null) => Some(&NO_FIELDS),
        Some(Value::Object(fields)) => Some(fields),
        Some(_) => None,
    }
}

/// What is said of the place one step further.
fn child(node: Option<Node>, element: &Element) -> Option<Node> {
    let node = node?;
    match (element.name(), node.shape()) {
        (Some(name), _) => node.child(name),
        (None, Shape::List(elements)) => Some(elements),
        (None, _) => None,
    }
}

/// The object with all that Go's types always have, though nothing is said of it: some objects, and required lists.
pub(crate) fn filled(value: &Value, node: Node) -> Value {
    match (form(Some(node)), value) {
        (Form::Fields, Value::Object(fields)) => {
            let mut object: Map<String, Value> = fields
                .iter()
                .map(|(name, value)| {
                    let filled = node.child(name).map(|child| filled(value, child));
                    (name.clone(), filled.unwrap_or_else(|| value.clone()))
                })
                .collect();
            for (name, field) in node.fields() {
                if object.get(name).is_some_and(|value| !value.is_null()) {
                    continue;
                }
                let empty = json!({});
                if field.default() == Some(&empty) {
                    object.insert(name.to_owned(), filled(&empty, field));
                } else if node.requires(name) && matches!(field.shape(), Shape::List(_)) {
                    object.insert(name.to_owned(), Value::Null);
                }
            }
            object.into()
        }
        (Form::Items(_, elements), Value::Array(items)) => {
            items.iter().map(|item| filled(item, elements)).collect()
        }
        _ => value.clone(),
    }
}

/// The object without fields that are null, and without empty lists and maps: Go's types don't tell these from none.
pub(crate) fn canonical(value: Value, node: Node) -> Value {
    canonical_value(value, Some(node))
}

fn canonical_value(value: Value, node: Option<Node>) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter_map(|(name, value)| {
                let node = child(node, &Element::field(&name));
                let value = canonical_value(value, node);
                let is_struct = node.is_none_or(|node| matches!(node.shape(), Shape::Struct));
                let is_nothing = match &value {
                    Value::Null => true,
                    Value::Array(items) => items.is_empty(),
                    Value::Object(fields) => fields.is_empty() && !is_struct,
                    _ => false,
                };
                (!is_nothing).then_some((name, value))
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => {
            let elements = child(node, &Element::index(0));
            let items = items.into_iter().map(|item| canonical_value(item, elements));
            items.collect()
        }
        value => value,
    }
}
