//! The elements of a list, with what tells them apart.

use serde_json::Value;

use crate::fields::Element;
use crate::golang::quoted;
use crate::schema::{ListType, Node};

pub(super) type Items<'a> = Vec<(Element, &'a Value)>;

/// The elements of a list; none of what isn't there, and not known of what is no list or can't be told apart.
pub(super) fn items(list: Option<&Value>, list_type: ListType, elements: Node) -> Option<Items<'_>> {
    match list {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| Some((element(item, list_type, elements).ok()?, item)))
            .collect(),
        Some(_) => None,
    }
}

/// What tells an element apart.
///
/// # Errors
/// Why it can't be told apart, as Kubernetes has it.
pub(super) fn element(item: &Value, list_type: ListType, elements: Node) -> Result<Element, String> {
    let ListType::Map(keys) = list_type else {
        return match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type"),
            Value::Array(_) => Err("not supported: associative list with lists as elements"),
            Value::Null => Err("associative list without keys has an element that's an explicit null"),
            item => Ok(Element::value(item.clone())),
        }
        .map_err(str::to_owned);
    };
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let default = |key| elements.field(key).and_then(Node::default);
    let values: Vec<_> = keys
        .iter()
        .filter_map(|key| {
            Some((
                (*key).to_owned(),
                fields.get(*key).or_else(|| default(key))?.clone(),
            ))
        })
        .collect();
    if values.is_empty() {
        let keys: Vec<_> = keys.iter().map(|key| quoted(key)).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
             values for any key fields)",
            keys.join(" ")
        ));
    }
    Ok(Element::key(values))
}
