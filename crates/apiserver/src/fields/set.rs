//! A set of fields, and its algebra.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::element::{Element, Path};

/// A set of the fields of an object. An object can be in it without what is in the object, and the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Set(pub(super) BTreeMap<Element, Place>);

/// What a set has at a step, and further on. One of both is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) is_member: bool,
    pub(super) within: Set,
}

impl Place {
    fn is_empty(&self) -> bool {
        !self.is_member && self.within.is_empty()
    }
}

impl Set {
    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field, without the objects that it is in. Of the object as a whole, nobody is the owner.
    pub(crate) fn insert(&mut self, path: &Path) {
        if let Some((last, way)) = path.0.split_last() {
            let within = way.iter().fold(self, |set, element| {
                &mut set.0.entry(element.clone()).or_default().within
            });
            within.0.entry(last.clone()).or_default().is_member = true;
        }
    }

    /// Whether a field is in it.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        let Some((last, way)) = path.0.split_last() else {
            return false;
        };
        let within = way.iter().try_fold(self, |set, element| set.within(element));
        within.is_some_and(|set| set.has(last))
    }

    /// Whether what is one step away is in it.
    pub(crate) fn has(&self, element: &Element) -> bool {
        self.0.get(element).is_some_and(|place| place.is_member)
    }

    /// What it has further on.
    pub(crate) fn within(&self, element: &Element) -> Option<&Set> {
        let place = self.0.get(element)?;
        (!place.within.is_empty()).then_some(&place.within)
    }

    /// What is in any of both.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        for (element, place) in &other.0 {
            match union.0.entry(element.clone()) {
                Entry::Vacant(vacant) => {
                    vacant.insert(place.clone());
                }
                Entry::Occupied(mut there) => {
                    let there = there.get_mut();
                    there.is_member |= place.is_member;
                    there.within = there.within.union(&place.within);
                }
            }
        }
        union
    }

    /// What is in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.filter_map(|element, place| {
            let other = other.0.get(element)?;
            Some(Place {
                is_member: place.is_member && other.is_member,
                within: place.within.intersection(&other.within),
            })
        })
    }

    /// What isn't in the other. An object in the other takes nothing away that is in the object.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        self.filter_map(|element, place| {
            let Some(other) = other.0.get(element) else {
                return Some(place.clone());
            };
            Some(Place {
                is_member: place.is_member && !other.is_member,
                within: place.within.difference(&other.within),
            })
        })
    }

    /// What isn't in the other, and not in anything that is.
    pub(crate) fn outside(&self, other: &Self) -> Self {
        self.filter_map(|element, place| {
            let Some(other) = other.0.get(element) else {
                return Some(place.clone());
            };
            (!other.is_member).then(|| Place {
                is_member: place.is_member,
                within: place.within.outside(&other.within),
            })
        })
    }

    fn filter_map(&self, change: impl Fn(&Element, &Place) -> Option<Place>) -> Self {
        let places = self.0.iter().filter_map(|(element, place)| {
            let place = change(element, place)?;
            (!place.is_empty()).then(|| (element.clone(), place))
        });
        Self(places.collect())
    }

    /// With another set further on for each step, and the step itself if that says so.
    pub(crate) fn map_within(&self, change: impl Fn(&Element, &Set) -> (bool, Set)) -> Self {
        self.filter_map(|element, place| {
            if place.within.is_empty() {
                return Some(place.clone());
            }
            let (is_member, within) = change(element, &place.within);
            Some(Place {
                is_member: place.is_member || is_member,
                within,
            })
        })
    }

    /// All its fields, those nearer to the object first.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.add_paths(&Path::default(), &mut paths);
        paths
    }

    fn add_paths(&self, to: &Path, paths: &mut Vec<Path>) {
        let members = self.0.iter().filter(|(_, place)| place.is_member);
        paths.extend(members.map(|(element, _)| to.then(element.clone())));
        for (element, place) in &self.0 {
            place.within.add_paths(&to.then(element.clone()), paths);
        }
    }
}

impl FromIterator<Path> for Set {
    fn from_iter<T: IntoIterator<Item = Path>>(paths: T) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(&path);
        }
        set
    }
}
