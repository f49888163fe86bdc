//! Which fields a configuration sets.

use serde_json::Value;

use super::{Form, Parts, child, form};
use crate::fields::{Element, Path, Set};
use crate::schema::Node;

/// All fields of a configuration that have a value, and the elements of its lists.
pub(crate) fn owned(applied: &Value, node: Node) -> Set {
    let mut set = Set::default();
    add(&mut set, applied, Some(node), &Path::default());
    set
}

fn add(set: &mut Set, value: &Value, node: Option<Node>, path: &Path) {
    match Parts::of(node, None, Some(value)) {
        // An empty list says nothing of its elements.
        Parts::One if value.is_array() && matches!(form(node), Form::Items(..)) => {}
        Parts::One => set.insert(path),
        Parts::Fields(_, fields) => {
            for (name, value) in fields {
                let element = Element::field(name);
                let path = path.then(element.clone());
                add(set, value, child(node, &element), &path);
            }
        }
        Parts::Items(_, items, elements) => {
            for (element, item) in items {
                let path = path.then(element);
                set.insert(&path);
                add(set, item, Some(elements), &path);
            }
        }
    }
}

/// The set with each field that has something in the set; not with elements of lists.
pub(crate) fn named(set: &Set, node: Node) -> Set {
    name_all(set, Some(node))
}

fn name_all(set: &Set, node: Option<Node>) -> Set {
    set.map_within(|element, within| {
        let child = child(node, element);
        let is_named = child.is_some() && element.name().is_some();
        (is_named, name_all(within, child))
    })
}
