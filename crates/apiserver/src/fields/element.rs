//! Where a field is: the steps from an object to it.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

use serde_json::Value;

use super::order::Ordered;
use crate::golang::{Syntax, quoted};

/// One step into an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Element(pub(super) Step);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of an object, or a key of a map.
    Field(String),
    /// The element of a list that has these values in these fields.
    Key(BTreeMap<String, Ordered>),
    /// The element of a set.
    Value(Ordered),
    /// The element of a list at this place.
    Index(i64),
}

impl Element {
    /// A field of an object, or a key of a map.
    pub(crate) fn field(name: impl Into<String>) -> Self {
        Self(Step::Field(name.into()))
    }

    /// The element of a list that has these values in these fields.
    pub(crate) fn key(fields: impl IntoIterator<Item = (String, Value)>) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name, Ordered(value)));
        Self(Step::Key(fields.collect()))
    }

    /// The element of a set that is this value.
    pub(crate) fn value(value: Value) -> Self {
        Self(Step::Value(Ordered(value)))
    }

    /// The element of a list at this place.
    pub(crate) fn index(index: i64) -> Self {
        Self(Step::Index(index))
    }

    /// The name, if this is a field or a key of a map.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.0 {
            Step::Field(name) => Some(name),
            _ => None,
        }
    }
}

/// As messages tell it: `.spec`, `[name="web"]`, `[="a"]`, `[0]`.
impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Step::Field(name) => write!(f, ".{name}"),
            Step::Key(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| format!("{name}={}", Shown(&value.0)));
                write!(f, "[{}]", fields.collect::<Vec<_>>().join(","))
            }
            Step::Value(value) => write!(f, "[={}]", Shown(&value.0)),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

struct Shown<'a>(&'a Value);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::String(text) => f.write_str(&quoted(text)),
            value => Syntax(value).fmt(f),
        }
    }
}

/// The way from an object to a field: `.spec.ports[port=80,protocol="TCP"].name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Path(pub Vec<Element>);

impl Path {
    /// The path of a field that only other fields lead to.
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(Element::field).collect())
    }

    /// The path of what is one step further.
    pub(crate) fn then(&self, element: Element) -> Self {
        let mut path = self.clone();
        path.0.push(element);
        path
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}
