//! Whether a configuration is one of its schema.

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};

use serde_json::{Map, Value};

use super::items::element;
use crate::fields::{Element, Path};
use crate::golang::{Plain, Syntax, type_name};
use crate::schema::{ListType, Node, Scalar, Shape};

/// What is wrong with a configuration, in Kubernetes' words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Faults(Vec<(Path, String)>);

impl Display for Faults {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let told = |(path, what): &(Path, String)| match path.0.is_empty() {
            true => what.clone(),
            false => format!("{path}: {what}"),
        };
        match &*self.0 {
            [fault] => f.write_str(&told(fault)),
            faults => {
                let faults: Vec<_> = faults
                    .iter()
                    .map(|fault| format!("\n  {}", told(fault)))
                    .collect();
                write!(f, "errors:{}", faults.concat())
            }
        }
    }
}

/// Checks that a configuration has known fields only, of the right types, and no element twice.
///
/// # Errors
/// All that is wrong.
pub(crate) fn check(applied: &Value, node: Node) -> Result<(), Faults> {
    let mut faults = Faults::default();
    faults.check(applied, node, &Path::default());
    if faults.0.is_empty() { Ok(()) } else { Err(faults) }
}

impl Faults {
    fn check(&mut self, value: &Value, node: Node, path: &Path) {
        match (node.shape(), value) {
            (_, Value::Null) => {}
            (Shape::Scalar, value) => {
                if let Some(what) = wrong_scalar(value, node.scalar()) {
                    self.add(path, what);
                }
            }
            (Shape::Struct | Shape::Map(_), Value::Object(fields)) => self.check_fields(fields, node, path),
            (Shape::Struct | Shape::Map(_), value) => {
                self.add(path, format!("expected map, got &{{{}}}", Plain(value)));
            }
            (Shape::List(elements), Value::Array(items)) => {
                self.check_items(items, node.list_type(), elements, path);
            }
            (Shape::List(_), value) => self.add(path, format!("expected list, got &{{{}}}", Plain(value))),
        }
    }

    fn check_fields(&mut self, fields: &Map<String, Value>, node: Node, path: &Path) {
        for (name, value) in fields {
            let path = path.then(Element::field(name));
            match node.child(name) {
                Some(node) => self.check(value, node, &path),
                None => self.add(&path, "field not declared in schema".to_owned()),
            }
        }
    }

    fn check_items(&mut self, items: &[Value], list_type: ListType, elements: Node, path: &Path) {
        let mut known = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let element = match list_type {
                ListType::Atomic => Element::index(i64::try_from(index).unwrap_or(i64::MAX)),
                list_type => match element(item, list_type, elements) {
                    Ok(element) => element,
                    Err(why) => return self.add(path, format!("element {index}: {why}")),
                },
            };
            if !known.insert(element.clone()) {
                self.add(path, format!("duplicate entries for key {element}"));
            }
            self.check(item, elements, &path.then(element));
        }
    }

    fn add(&mut self, path: &Path, what: String) {
        self.0.push((path.clone(), what));
    }
}

fn wrong_scalar(value: &Value, scalar: Scalar) -> Option<String> {
    let is_right = match scalar {
        Scalar::String => value.is_string(),
        Scalar::Number => value.is_number(),
        Scalar::Boolean => value.is_boolean(),
        Scalar::Any => !value.is_object() && !value.is_array(),
    };
    let wrong = || match scalar {
        Scalar::String => format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            Syntax(value)
        ),
        Scalar::Number => format!("expected numeric (int or float), got {}", type_name(value)),
        Scalar::Boolean => format!("expected boolean, got &{{{}}}", Plain(value)),
        Scalar::Any => format!("expected any scalar, got &{{{}}}", Plain(value)),
    };
    (!is_right).then(wrong)
}
