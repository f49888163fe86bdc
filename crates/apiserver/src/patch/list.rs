//! Strategic merge patch: lists.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::StrategicError;
use super::strategic::{DIRECTIVE, expected, merge_objects, plain, plain_items};
use crate::schema::{Node, Shape};

type List = Vec<Value>;

/// The list that has what the patch says, and in its order; what only the object had stays about where it was.
pub(super) fn merge(live: List, patch: List, node: Node) -> Result<List, StrategicError> {
    if !node.patch_strategy().merge {
        return Ok(plain_items(patch));
    }
    if !of_objects(&live, &patch)? {
        return ordered(union(&live, &patch), &patch, &live, None);
    }
    let key = node.patch_merge_key().ok_or(StrategicError::NoKey)?;
    let (live, patch) = follow_directives(live, patch, key)?;
    let merged = merge_elements(live.clone(), &patch, key, node)?;
    ordered(merged, &patch, &live, Some(key))
}

/// The list without these elements.
pub(super) fn delete(mut live: List, elements: List) -> Result<List, StrategicError> {
    of_objects(&live, &elements)?;
    let elements: HashSet<Value> = elements.into_iter().collect();
    live.retain(|element| !elements.contains(element));
    Ok(live)
}

/// The list that has what the patch says, in the order that it says.
pub(super) fn merge_ordered(
    live: Option<List>,
    patch: Option<List>,
    order: List,
    node: Node,
) -> Result<Option<List>, StrategicError> {
    let key = node.patch_merge_key();
    check_order(patch.as_deref().unwrap_or_default(), &order, key)?;
    let there = live.clone().unwrap_or_default();
    let merged = match (live, patch) {
        (None, None) => return Ok(None),
        (Some(live), None) => live,
        (None, Some(patch)) => plain_items(patch),
        (Some(live), Some(patch)) => merge(live, patch, node)?,
    };
    ordered(merged, &order, &there, key).map(Some)
}

/// Whether the lists are of objects; those that are merged have elements of one type.
fn of_objects(live: &[Value], patch: &[Value]) -> Result<bool, StrategicError> {
    let mut elements = live.iter().chain(patch);
    let Some(first) = elements.next() else {
        return Ok(false);
    };
    if first.is_array() {
        return Err(StrategicError::ListOfLists);
    }
    if first.is_null() || !elements.all(|element| is_alike(first, element)) {
        let (live, patch) = (live.to_vec().into(), patch.to_vec().into());
        return Err(StrategicError::MixedList { live, patch });
    }
    Ok(first.is_object())
}

fn is_alike(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn union(live: &[Value], patch: &[Value]) -> List {
    let mut known = HashSet::new();
    let all = live.iter().chain(patch);
    all.filter(|element| known.insert(*element)).cloned().collect()
}

/// Does what `$patch` in elements says of the whole list: the list, and what is to merge into it.
fn follow_directives(mut live: List, patch: List, key: &'static str) -> Result<(List, List), StrategicError> {
    let (directives, patch): (List, List) = patch
        .into_iter()
        .partition(|element| element.get(DIRECTIVE).is_some());
    let mut replaces = false;
    let mut all_deleted = HashSet::new();
    for element in directives {
        match element[DIRECTIVE].as_str() {
            Some("delete") => {
                all_deleted.insert(value_of(&element, key)?.clone());
            }
            Some("replace") => replaces = true,
            Some("merge") => return Err(StrategicError::MergeInList),
            _ => {
                let directive = element[DIRECTIVE].clone();
                let map = element;
                return Err(StrategicError::Directive { directive, map });
            }
        }
    }
    live.retain(|element| element.get(key).is_none_or(|value| !all_deleted.contains(value)));
    Ok(if replaces {
        (plain_items(patch), List::new())
    } else {
        (live, patch)
    })
}

fn merge_elements(
    mut live: List,
    patch: &[Value],
    key: &'static str,
    node: Node,
) -> Result<List, StrategicError> {
    let Shape::List(elements) = node.shape() else {
        return Err(StrategicError::NoKey);
    };
    let values = live.iter().enumerate().rev();
    let mut places: HashMap<Value, usize> = values
        .filter_map(|(place, there)| Some((there.get(key)?.clone(), place)))
        .collect();
    for element in patch {
        let value = value_of(element, key)?;
        let there = places.get(value).and_then(|place| live.get_mut(*place));
        match (there, element) {
            (Some(Value::Object(there)), Value::Object(element)) => {
                *there = merge_objects(std::mem::take(there), element.clone(), elements)?;
            }
            _ => {
                let place = live.len();
                live.extend(plain(element.clone()));
                if let Some(value) = live.get(place).and_then(|element| element.get(key)) {
                    places.entry(value.clone()).or_insert(place);
                }
            }
        }
    }
    Ok(live)
}

/// What tells an element apart: the value of the key, or itself if there is no key.
fn identity<'a>(element: &'a Value, key: Option<&'static str>) -> Result<&'a Value, StrategicError> {
    key.map_or(Ok(element), |key| value_of(element, key))
}

fn value_of<'a>(element: &'a Value, key: &'static str) -> Result<&'a Value, StrategicError> {
    let Value::Object(fields) = element else {
        return Err(expected(super::error::MAP, element.clone()));
    };
    fields.get(key).ok_or_else(|| StrategicError::NoMergeKey {
        map: element.clone(),
        key,
    })
}

/// The patch's elements have to be in the order's, and in the same order.
fn check_order(patch: &[Value], order: &[Value], key: Option<&'static str>) -> Result<(), StrategicError> {
    if order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for element in patch {
        if element.get(DIRECTIVE).is_some() {
            continue;
        }
        let wanted = identity(element, key)?;
        loop {
            let Some(next) = rest.next() else {
                let (patch, order) = (patch.to_vec().into(), order.to_vec().into());
                return Err(StrategicError::Order { patch, order });
            };
            if identity(next, key)? == wanted {
                break;
            }
        }
    }
    Ok(())
}

/// Puts the elements that `order` has into this order, and those that only `live` has before the first of the others
/// that they came before.
fn ordered(
    merged: List,
    order: &[Value],
    live: &[Value],
    key: Option<&'static str>,
) -> Result<List, StrategicError> {
    let identities = |list: &[Value]| -> Result<List, StrategicError> {
        list.iter()
            .map(|element| identity(element, key).cloned())
            .collect()
    };
    let (order, there) = (identities(order)?, identities(live)?);
    let (order, there) = (places(&order), places(&there));
    let mut given = Vec::new();
    let mut others = Vec::new();
    for element in merged {
        let identity = identity(&element, key)?;
        let place = there.get(identity).copied();
        match order.get(identity).copied() {
            Some(index) => given.push((index, place, element)),
            None => others.push((place, element)),
        }
    }
    given.sort_by_key(|(index, ..)| *index);
    others.sort_by_key(|(place, _)| place.unwrap_or(usize::MAX));
    let mut others = others.into_iter().peekable();
    let mut list = List::new();
    for (_, place, element) in given {
        let comes_before =
            |other: Option<usize>| place.zip(other).is_some_and(|(place, other)| other < place);
        while let Some((_, other)) = others.next_if(|(other, _)| comes_before(*other)) {
            list.push(other);
        }
        list.push(element);
    }
    list.extend(others.map(|(_, element)| element));
    Ok(list)
}

/// Where each value stands first.
fn places(list: &[Value]) -> HashMap<&Value, usize> {
    let last_first = list.iter().enumerate().rev();
    last_first.map(|(place, value)| (value, place)).collect()
}
