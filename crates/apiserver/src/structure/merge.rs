//! An object with a configuration merged into it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::items::Items;
use super::{Parts, child};
use crate::fields::Element;
use crate::schema::Node;

/// The object with what the configuration says. Nothing is removed.
pub(crate) fn merge(live: &Value, applied: &Value, node: Node) -> Value {
    merge_values(live, applied, Some(node))
}

fn merge_values(live: &Value, applied: &Value, node: Option<Node>) -> Value {
    match Parts::of(node, Some(live), Some(applied)) {
        Parts::One => applied.clone(),
        Parts::Fields(live, applied) => {
            let mut merged: Map<String, Value> = live.clone();
            for (name, value) in applied {
                let value = match live.get(name) {
                    Some(live) => merge_values(live, value, child(node, &Element::field(name))),
                    None => value.clone(),
                };
                merged.insert(name.clone(), value);
            }
            merged.into()
        }
        Parts::Items(live, applied, elements) => merge_items(live, applied, elements).into(),
    }
}

/// The elements in the order of the configuration; those that only the object has stay before what they were before.
fn merge_items(live: Items, applied: Items, elements: Node) -> Vec<Value> {
    let is_applied: BTreeSet<&Element> = applied.iter().map(|(element, _)| element).collect();
    let mut there: BTreeMap<&Element, Option<&Value>> = BTreeMap::new();
    for (element, item) in &live {
        // Of several that can't be told apart, none is the one to merge with.
        let is_repeated = there.contains_key(element);
        there.insert(element, (!is_repeated).then_some(*item));
    }
    let mut merged = Vec::new();
    let mut rest = live.iter().peekable();
    let mut in_both = applied
        .iter()
        .map(|(element, _)| element)
        .filter(|element| there.contains_key(element))
        .peekable();
    for (element, item) in &applied {
        while let Some((other, value)) = rest.next_if(|(other, _)| Some(&other) != in_both.peek()) {
            if !is_applied.contains(other) {
                merged.push((*value).clone());
            }
        }
        if in_both.next_if_eq(&element).is_some() {
            rest.next_if(|(other, _)| other == element);
        }
        merged.push(match there.get(element) {
            Some(Some(live)) => merge_values(live, item, Some(elements)),
            _ => (*item).clone(),
        });
    }
    let only_there = rest.filter(|(other, _)| !is_applied.contains(other));
    merged.extend(only_there.map(|(_, value)| (*value).clone()));
    merged
}
