//! What is different between two versions of an object.

use std::collections::BTreeMap;

use serde_json::Value;

use super::items::Items;
use super::{Parts, child};
use crate::fields::{Element, Path, Set, same};
use crate::schema::Node;

/// The fields by which two versions of an object differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Comparison {
    pub(crate) added: Set,
    pub(crate) modified: Set,
    pub(crate) removed: Set,
}

/// Compares two versions of an object.
pub(crate) fn compare(old: &Value, new: &Value, node: Node) -> Comparison {
    let mut comparison = Comparison::default();
    comparison.compare(Some(old), Some(new), Some(node), &Path::default());
    comparison
}

impl Comparison {
    /// What is different outside of some fields.
    pub(crate) fn outside(&self, fields: &Set) -> Self {
        Self {
            added: self.added.outside(fields),
            modified: self.modified.outside(fields),
            removed: self.removed.outside(fields),
        }
    }

    /// All that is different.
    pub(crate) fn all(&self) -> Set {
        self.set().union(&self.removed)
    }

    /// What has been given a value.
    pub(crate) fn set(&self) -> Set {
        self.added.union(&self.modified)
    }

    fn compare(&mut self, old: Option<&Value>, new: Option<&Value>, node: Option<Node>, path: &Path) {
        let parts = Parts::of(node, old, new);
        let is_one = matches!(parts, Parts::One);
        match parts {
            Parts::One => {}
            Parts::Fields(before, after) => {
                let added = after.keys().filter(|name| !before.contains_key(*name));
                for name in before.keys().chain(added) {
                    let element = Element::field(name);
                    let node = child(node, &element);
                    self.compare(before.get(name), after.get(name), node, &path.then(element));
                }
            }
            Parts::Items(before, after, elements) => self.compare_items(before, after, elements, path),
        }
        match (old, new) {
            (None, _) => self.added.insert(path),
            (_, None) => self.removed.insert(path),
            (Some(old), Some(new)) => {
                if is_one && !same(old, new) {
                    self.modified.insert(path);
                }
            }
        }
    }

    /// Elements that can't be told apart are one value together.
    fn compare_items(&mut self, before: Items, after: Items, elements: Node, path: &Path) {
        let mut items: BTreeMap<Element, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for (element, item) in before {
            items.entry(element).or_default().0.push(item);
        }
        for (element, item) in after {
            items.entry(element).or_default().1.push(item);
        }
        for (element, (old, new)) in items {
            let path = path.then(element);
            let mut compare = |old, new| self.compare(old, new, Some(elements), &path);
            match (&*old, &*new) {
                ([] | [_], [] | [_]) => compare(old.first().copied(), new.first().copied()),
                ([] | [_], _) => {
                    if let Some(old) = old.first() {
                        compare(Some(*old), None);
                    }
                    self.added.insert(&path);
                }
                (_, [] | [_]) => {
                    if let Some(new) = new.first() {
                        compare(None, Some(*new));
                    }
                    self.removed.insert(&path);
                }
                (old, new) => {
                    let all_same = old.len() == new.len() && old.iter().zip(new).all(|(a, b)| same(a, b));
                    if !all_same {
                        self.modified.insert(&path);
                    }
                }
            }
        }
    }
}
