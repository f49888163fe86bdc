//! Compares a located tree with the shape that it must have, and tells everything that differs, not only the first.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::scalar::resolve;
use super::shape::{Shape, ShapeId, Shapes, shapes};
use super::tree::{Content, Entry, Node};
use crate::formats;
use crate::source::{Source, Span};
use crate::suggest::suggest;

/// How many differences are told: whoever has more than this has one that is in all of them.
pub(super) const MOST: usize = 100;

/// A difference from the shape.
#[derive(Debug)]
pub(super) struct Problem {
    /// The field's path.
    pub(super) path: String,
    /// What is wrong, with the path as Kubernetes has it.
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) span: Span,
    /// The path of the field that was probably meant.
    meant: Option<String>,
}

/// Whether something is said already about a field, or about something in it or around it.
pub(super) fn told(problems: &[Problem], path: &str) -> bool {
    let around = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    problems
        .iter()
        .flat_map(|problem| std::iter::once(&problem.path).chain(&problem.meant))
        .any(|told| around(told, path) || around(path, told))
}

/// The JSON form of a tree, in which everything that doesn't fit is left out, and what doesn't fit.
///
/// `prefix` is where the tree stands in its document: paths begin with it.
pub(super) fn check(source: &Source, node: &Node, shape: ShapeId, prefix: &str) -> (Value, Vec<Problem>) {
    let mut checker = Checker {
        source,
        shapes: shapes(),
        path: prefix.to_owned(),
        records: Vec::new(),
        problems: Vec::new(),
    };
    let value = checker.value(node, node.mark(), shape).unwrap_or(Value::Null);
    (value, checker.problems)
}

struct Checker<'a> {
    source: &'a Source,
    shapes: &'static Shapes,
    path: String,
    /// The records that the current value is in, outermost first, and their paths' lengths.
    records: Vec<(ShapeId, usize)>,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    /// The value's JSON, none if it doesn't fit.
    fn value(&mut self, node: &'a Node, mark: Span, id: ShapeId) -> Option<Value> {
        if self.problems.len() >= MOST {
            return None;
        }
        match (self.shapes.get(id), &node.content) {
            (Shape::Any, _)
            | (Shape::Bool, Content::Bool(_))
            | (Shape::Text | Shape::IntOrText, Content::Text(_))
            | (Shape::Number, Content::Number(_)) => Some(node.to_json()),
            (Shape::Quantity, Content::Number(number)) => Some(Value::String(number.to_string())),
            (Shape::Quantity, Content::Text(text)) => {
                let help = "units are m, k, M, G, T, P, E, or Ki, Mi, Gi, Ti, Pi, Ei";
                self.formed(node, mark, formats::quantity(text), Some(help))
            }
            (Shape::Time, Content::Text(text)) => self.formed(node, mark, formats::time(text), None),
            (Shape::MicroTime, Content::Text(text)) => {
                self.formed(node, mark, formats::micro_time(text), None)
            }
            (Shape::Bytes, Content::Text(text)) => {
                let help = "text as it is belongs into stringData of a Secret or data of a ConfigMap";
                self.formed(node, mark, formats::base64(text), Some(help))
            }
            (Shape::Integer { min, max }, Content::Number(number)) => {
                if number.is_f64() {
                    return self.wrong_type(node, mark, "an integer");
                }
                let fits = number
                    .as_i64()
                    .is_some_and(|number| (*min..=*max).contains(&number));
                if fits {
                    Some(node.to_json())
                } else {
                    self.out_of_range(node, mark, *min, *max)
                }
            }
            (Shape::IntOrText, Content::Number(number)) => {
                let fits = number
                    .as_i64()
                    .is_some_and(|number| i32::try_from(number).is_ok());
                if fits {
                    Some(node.to_json())
                } else {
                    self.wrong_type(node, mark, "an integer or a string")
                }
            }
            (Shape::Choice(choices), Content::Text(text)) => self.choice(node, mark, choices, text),
            (Shape::List(item), Content::List(items)) => Some(self.list(items, *item)),
            (Shape::Map(item), Content::Map(entries)) => Some(self.map(entries, *item)),
            (Shape::Record { .. }, Content::Map(entries)) => Some(self.record(id, entries, mark)),
            (shape, _) => self.wrong_type(node, mark, wanted(shape)),
        }
    }

    fn list(&mut self, items: &'a [Node], shape: ShapeId) -> Value {
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let length = self.path.len();
            let _ = write!(self.path, "[{index}]");
            // What doesn't fit keeps its place, so that the paths of the others are right.
            let value = self.value(item, item.mark(), shape);
            values.push(value.unwrap_or_else(|| self.shapes.empty(shape)));
            self.path.truncate(length);
        }
        Value::Array(values)
    }

    fn map(&mut self, entries: &'a [Entry], shape: ShapeId) -> Value {
        let mut values = Map::new();
        for entry in entries {
            // Kubernetes takes nothing for an empty string here.
            if matches!(
                (self.shapes.get(shape), &entry.value.content),
                (Shape::Text | Shape::Bytes, Content::Null)
            ) {
                values.insert(entry.key.clone(), Value::String(String::new()));
                continue;
            }
            let length = self.path.len();
            let _ = write!(self.path, "[{}]", entry.key);
            if let Some(value) = self.value(&entry.value, entry.mark(), shape) {
                values.insert(entry.key.clone(), value);
            }
            self.path.truncate(length);
        }
        Value::Object(values)
    }

    fn record(&mut self, id: ShapeId, entries: &'a [Entry], mark: Span) -> Value {
        let Shape::Record { fields, required, .. } = self.shapes.get(id) else {
            return Value::Null;
        };
        let mut values = Map::new();
        for entry in entries {
            let Some(shape) = fields.get(&entry.key) else {
                if self.problems.len() >= MOST {
                    break;
                }
                self.unknown_field(id, entry, entries);
                continue;
            };
            if matches!(entry.value.content, Content::Null) && !matches!(self.shapes.get(*shape), Shape::Any)
            {
                continue;
            }
            let length = self.enter(&entry.key);
            self.records.push((id, length));
            if let Some(value) = self.value(&entry.value, entry.mark(), *shape) {
                values.insert(entry.key.clone(), value);
            }
            self.records.pop();
            self.path.truncate(length);
        }
        for name in required {
            let entry = entries.iter().find(|entry| entry.key == *name);
            let missing = entry.is_none_or(|entry| matches!(entry.value.content, Content::Null));
            let length = self.enter(name);
            let misspelt = self
                .problems
                .iter()
                .any(|problem| problem.meant.as_ref() == Some(&self.path));
            if missing && !misspelt {
                self.report("Required value".into(), None, entry.map_or(mark, Entry::mark));
            }
            self.path.truncate(length);
        }
        Value::Object(values)
    }

    fn enter(&mut self, field: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(field);
        length
    }

    fn unknown_field(&mut self, id: ShapeId, entry: &Entry, siblings: &[Entry]) {
        let Shape::Record { fields, .. } = self.shapes.get(id) else {
            return;
        };
        let length = self.enter(&entry.key);
        let mut message = format!("unknown field {:?}", self.path);
        let mut help = None;
        let meant = suggest(&entry.key, fields.keys().map(String::as_str));
        if let Some(name) = meant {
            let _ = write!(message, "; did you mean {name:?}?");
        } else if let Some(place) = self.deeper(id, &entry.key, siblings) {
            let parent = &self.path[..length];
            let place = if parent.is_empty() {
                place
            } else {
                format!("{parent}.{place}")
            };
            help = Some(format!(
                "{:?} is a field of {place}: is this line indented too little?",
                entry.key
            ));
        } else if let Some(place) = self.higher(&entry.key) {
            help = Some(format!(
                "{:?} is a field of {place}: is this line indented too far?",
                entry.key
            ));
        } else if fields.contains_key("matchLabels") {
            help = Some("labels stand under matchLabels".to_owned());
        }
        let problem = Problem {
            path: self.path.clone(),
            message,
            help,
            span: entry.key_span,
            meant: meant.map(|name| {
                let parent = &self.path[..length];
                let separator = if parent.is_empty() { "" } else { "." };
                format!("{parent}{separator}{name}")
            }),
        };
        self.problems.push(problem);
        self.path.truncate(length);
    }

    /// A record beside the unknown field that has a field of this name.
    fn deeper(&self, id: ShapeId, name: &str, siblings: &[Entry]) -> Option<String> {
        let Shape::Record { fields, .. } = self.shapes.get(id) else {
            return None;
        };
        siblings.iter().find_map(|sibling| {
            let (shape, item) = match self.shapes.get(*fields.get(&sibling.key)?) {
                Shape::List(item) => (self.shapes.get(*item), "[]"),
                shape => (shape, ""),
            };
            match shape {
                Shape::Record { fields, .. } if fields.contains_key(name) => {
                    Some(format!("{}{item}", sibling.key))
                }
                _ => None,
            }
        })
    }

    /// A record around the one with the unknown field that has a field of this name.
    fn higher(&self, name: &str) -> Option<String> {
        self.records
            .iter()
            .rev()
            .find_map(|(id, length)| match self.shapes.get(*id) {
                Shape::Record { fields, .. } if fields.contains_key(name) => Some(if *length == 0 {
                    "the object itself".to_owned()
                } else {
                    self.path[..*length].to_owned()
                }),
                _ => None,
            })
    }

    fn choice(&mut self, node: &Node, mark: Span, choices: &[String], text: &str) -> Option<Value> {
        if choices.iter().any(|choice| choice == text) {
            return Some(node.to_json());
        }
        let quoted: Vec<String> = choices.iter().map(|choice| format!("{choice:?}")).collect();
        let message = format!(
            "Unsupported value: {text:?}: supported values: {}",
            quoted.join(", ")
        );
        let help =
            suggest(text, choices.iter().map(String::as_str)).map(|name| format!("did you mean {name:?}?"));
        self.report(message, help, mark);
        None
    }

    /// Text that must have a certain form.
    fn formed(
        &mut self,
        node: &Node,
        mark: Span,
        rule: Result<(), String>,
        help: Option<&str>,
    ) -> Option<Value> {
        let Err(why) = rule else {
            return Some(node.to_json());
        };
        let message = format!("Invalid value: {}: {why}", node.to_json());
        self.report(message, help.map(str::to_owned), mark);
        None
    }

    fn out_of_range(&mut self, node: &Node, mark: Span, min: i64, max: i64) -> Option<Value> {
        let message = format!(
            "Invalid value: {}: must be between {min} and {max}, inclusive",
            node.to_json()
        );
        self.report(message, None, mark);
        None
    }

    fn wrong_type(&mut self, node: &Node, mark: Span, wanted: &str) -> Option<Value> {
        let found = match &node.content {
            Content::Null => "null",
            Content::Bool(_) => "a boolean",
            Content::Number(number) if number.is_f64() => "a number",
            Content::Number(_) => "an integer",
            Content::Text(_) => "a string",
            Content::List(_) => "a list",
            Content::Map(_) => "an object",
        };
        let help = self.type_help(node, wanted);
        let message = match &node.content {
            Content::List(_) | Content::Map(_) => format!("Invalid value: must be {wanted}, not {found}"),
            _ => format!("Invalid value: {}: must be {wanted}, not {found}", node.to_json()),
        };
        self.report(message, help, mark);
        None
    }

    fn type_help(&self, node: &Node, wanted: &str) -> Option<String> {
        let written = self.source.excerpt(node.span);
        match &node.content {
            Content::Bool(_) if wanted == "a string" && !matches!(written, "true" | "false") => Some(
                format!("YAML reads {written} as a boolean: put it in quotes: {written:?}"),
            ),
            Content::Bool(_) | Content::Number(_) if wanted == "a string" => {
                Some(format!("put it in quotes: {written:?}"))
            }
            Content::Text(text) => {
                let fits = match resolve(text) {
                    Content::Number(number) => wanted == "an integer" && !number.is_f64(),
                    Content::Bool(_) => wanted == "a boolean",
                    _ => false,
                };
                fits.then(|| format!("write it without quotes: {text}"))
            }
            Content::Map(_) if wanted == "a list" => Some("begin each item of the list with \"- \"".into()),
            _ => None,
        }
    }

    fn report(&mut self, message: String, help: Option<String>, span: Span) {
        let message = if self.path.is_empty() {
            message
        } else {
            format!("{}: {message}", self.path)
        };
        self.problems.push(Problem {
            path: self.path.clone(),
            message,
            help,
            span,
            meant: None,
        });
    }
}

fn wanted(shape: &Shape) -> &'static str {
    match shape {
        Shape::Any => "anything",
        Shape::Bool => "a boolean",
        Shape::Text | Shape::Choice(_) | Shape::Bytes => "a string",
        Shape::Time | Shape::MicroTime => "a time such as \"2006-01-02T15:04:05Z\"",
        Shape::Integer { .. } => "an integer",
        Shape::Number => "a number",
        Shape::IntOrText => "an integer or a string",
        Shape::Quantity => "a quantity such as 500m or 1Gi",
        Shape::List(_) => "a list",
        Shape::Map(_) | Shape::Record { .. } => "an object",
    }
}
