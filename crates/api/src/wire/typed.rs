//! Compares what was sent with the shape that a kind has, as Go's JSON decoder does it.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::json::type_of;
use super::untyped::{Problems, enter, look};
use crate::formats;
use crate::manifest::shape::{Shape, ShapeId, Shapes, shapes};
use crate::manifest::tree::{Content, Entry, Node};
use crate::object::Kind;

/// The value without what the kind doesn't have, and what strict decoding complains of.
///
/// # Errors
/// The first field that is of another type: `json: cannot unmarshal number into Go struct field …`.
pub(super) fn read(kind: Kind, node: &Node) -> Result<(Value, Vec<String>), String> {
    let shapes = shapes();
    let mut reader = Reader {
        shapes,
        path: String::new(),
        record: "",
        fields: Vec::new(),
        problems: Problems::default(),
        error: None,
    };
    let id = shapes.kind(kind);
    let value = reader.value(node, id).unwrap_or_else(|| shapes.empty(id));
    match reader.error {
        Some(error) => Err(error),
        None => Ok((value, reader.problems.told)),
    }
}

struct Reader<'a> {
    shapes: &'static Shapes,
    path: String,
    /// The record whose field the value is, and the fields that lead there: lists and maps on the way aren't told.
    record: &'static str,
    fields: Vec<&'a str>,
    problems: Problems,
    error: Option<String>,
}

impl<'a> Reader<'a> {
    /// The value's JSON; none for nothing, and for what doesn't fit.
    fn value(&mut self, node: &'a Node, id: ShapeId) -> Option<Value> {
        match (self.shapes.get(id), &node.content) {
            (_, Content::Null) => None,
            (Shape::Any, _) => {
                look(node, &mut self.path, &mut self.problems);
                Some(node.to_json())
            }
            (Shape::Bool, Content::Bool(_))
            | (Shape::Text | Shape::Choice(_) | Shape::IntOrText, Content::Text(_))
            | (Shape::Number, Content::Number(_)) => Some(node.to_json()),
            (Shape::Bytes, Content::Text(text)) => self.formed(node, formats::base64(text)),
            (Shape::Time, Content::Text(text)) => self.formed(node, formats::time(text)),
            (Shape::MicroTime, Content::Text(text)) => self.formed(node, formats::micro_time(text)),
            (Shape::Quantity, content) => {
                let text = match content {
                    Content::Text(text) => text.trim().to_owned(),
                    _ => node.to_json().to_string(),
                };
                self.formed(node, formats::quantity(&text))
                    .map(|_| Value::String(text))
            }
            (Shape::Integer { min, max }, Content::Number(number)) => {
                let fits = number
                    .as_i64()
                    .is_some_and(|number| (*min..=*max).contains(&number));
                self.number(node, fits, id)
            }
            (Shape::IntOrText, Content::Number(number)) => {
                let fits = number
                    .as_i64()
                    .is_some_and(|number| i32::try_from(number).is_ok());
                self.number(node, fits, id)
            }
            (Shape::List(item), Content::List(items)) => Some(self.list(items, *item)),
            (Shape::Map(item), Content::Map(entries)) => Some(self.map(entries, *item)),
            (Shape::Record { .. }, Content::Map(entries)) => Some(self.record(id, entries)),
            _ => self.wrong_type(type_of(node), id),
        }
    }

    fn number(&mut self, node: &Node, fits: bool, id: ShapeId) -> Option<Value> {
        if fits {
            Some(node.to_json())
        } else {
            self.wrong_type(&format!("number {}", node.to_json()), id)
        }
    }

    fn formed(&mut self, node: &Node, rule: Result<(), String>) -> Option<Value> {
        match rule {
            Ok(()) => Some(node.to_json()),
            Err(why) => self.refuse(why),
        }
    }

    fn list(&mut self, items: &'a [Node], shape: ShapeId) -> Value {
        let length = self.path.len();
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let _ = write!(self.path, "[{index}]");
            let value = self.value(item, shape);
            values.push(value.unwrap_or_else(|| self.shapes.empty(shape)));
            self.path.truncate(length);
        }
        Value::Array(values)
    }

    fn map(&mut self, entries: &'a [Entry], shape: ShapeId) -> Value {
        let length = self.path.len();
        let mut values = Map::new();
        for entry in entries {
            enter(&mut self.path, &entry.key);
            if values.contains_key(&entry.key) {
                self.problems.tell("duplicate", &self.path);
            }
            let value = self.value(&entry.value, shape);
            values.insert(
                entry.key.clone(),
                value.unwrap_or_else(|| self.shapes.empty(shape)),
            );
            self.path.truncate(length);
        }
        Value::Object(values)
    }

    fn record(&mut self, id: ShapeId, entries: &'a [Entry]) -> Value {
        let Shape::Record { name, fields, .. } = self.shapes.get(id) else {
            return Value::Null;
        };
        let (length, around) = (self.path.len(), self.record);
        let mut seen = HashSet::new();
        let mut values = Map::new();
        for entry in entries {
            enter(&mut self.path, &entry.key);
            match fields.get(&entry.key) {
                None => self.problems.tell("unknown", &self.path),
                Some(shape) => {
                    if !seen.insert(&entry.key) {
                        self.problems.tell("duplicate", &self.path);
                    }
                    self.record = name.rsplit('.').next().unwrap_or(name);
                    self.fields.push(&entry.key);
                    if let Some(value) = self.value(&entry.value, *shape) {
                        values.insert(entry.key.clone(), value);
                    }
                    self.fields.pop();
                }
            }
            self.path.truncate(length);
        }
        self.record = around;
        Value::Object(values)
    }

    fn wrong_type(&mut self, found: &str, id: ShapeId) -> Option<Value> {
        self.refuse(format!(
            "json: cannot unmarshal {found} into Go struct field {}.{} of type {}",
            self.record,
            self.fields.join("."),
            go_type(self.shapes, id)
        ))
    }

    /// Only the first error is told.
    fn refuse(&mut self, why: String) -> Option<Value> {
        self.error.get_or_insert(why);
        None
    }
}

/// What Go calls the type. Types of text that have a name of their own are told as text.
fn go_type(shapes: &Shapes, id: ShapeId) -> String {
    match shapes.get(id) {
        Shape::Any => "interface {}".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Text | Shape::Choice(_) | Shape::Quantity | Shape::Time | Shape::MicroTime => {
            "string".to_owned()
        }
        Shape::Bytes => "[]uint8".to_owned(),
        Shape::IntOrText => "int32".to_owned(),
        Shape::Integer { max, .. } if *max == i64::from(i32::MAX) => "int32".to_owned(),
        Shape::Integer { .. } => "int64".to_owned(),
        Shape::Number => "float64".to_owned(),
        Shape::List(item) => format!("[]{}", go_type(shapes, *item)),
        Shape::Map(item) => format!("map[string]{}", go_type(shapes, *item)),
        Shape::Record { name, .. } => name.clone(),
    }
}
