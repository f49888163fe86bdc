//! JSON as a tree that keeps fields that are there twice, and what Go says of text that is no JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use crate::manifest::tree::{Content, Entry, Node};
use crate::source::Span;

/// Reads one value; nothing may follow it.
pub(super) fn read(text: &str) -> Result<Node, String> {
    serde_json::from_str::<Tree>(text)
        .map(|Tree(node)| node)
        .map_err(|error| explain(text, &error))
}

/// A value as a tree.
pub(super) fn node(value: Value) -> Node {
    placeless(match value {
        Value::Null => Content::Null,
        Value::Bool(value) => Content::Bool(value),
        Value::Number(number) => Content::Number(number),
        Value::String(text) => Content::Text(text),
        Value::Array(items) => Content::List(items.into_iter().map(node).collect()),
        Value::Object(fields) => {
            let entries = fields.into_iter().map(|(key, value)| entry(key, node(value)));
            Content::Map(entries.collect())
        }
    })
}

/// What Go calls a value in a message.
pub(super) fn type_of(node: &Node) -> &'static str {
    match node.content {
        Content::Null => "null",
        Content::Bool(_) => "bool",
        Content::Number(_) => "number",
        Content::Text(_) => "string",
        Content::List(_) => "array",
        Content::Map(_) => "object",
    }
}

fn placeless(content: Content) -> Node {
    Node {
        span: Span::default(),
        content,
    }
}

fn entry(key: String, value: Node) -> Entry {
    Entry {
        key,
        key_span: Span::default(),
        value,
    }
}

struct Tree(Node);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Reader)
            .map(|content| Self(placeless(content)))
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Number::from_f64(value).map_or(Content::Null, Content::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(Tree(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some((key, Tree(value))) = entries.next_entry()? {
            map.push(entry(key, value));
        }
        Ok(Content::Map(map))
    }
}

/// The same error as Go tells it.
fn explain(text: &str, error: &serde_json::Error) -> String {
    let told = error.to_string();
    let reason = told
        .rsplit_once(" at line ")
        .map_or(told.as_str(), |(reason, _)| reason);
    let found = found(text, error.line(), error.column());
    let context = match reason {
        _ if error.is_eof() => return "unexpected end of JSON input".to_owned(),
        "recursion limit exceeded" => return "exceeded max depth".to_owned(),
        "expected value" => "looking for beginning of value",
        "expected `:`" => "after object key",
        "expected `,` or `}`" => "after object key:value pair",
        "expected `,` or `]`" => "after array element",
        "key must be a string" => "looking for beginning of object key string",
        "trailing comma" if found == Some('}') => "looking for beginning of object key string",
        "trailing comma" => "looking for beginning of value",
        "trailing characters" => "after top-level value",
        "expected ident" => "in literal",
        "invalid number" => "in numeric literal",
        "invalid escape" => "in string escape code",
        _ if reason.starts_with("control character") => "in string literal",
        _ => return reason.to_owned(),
    };
    match found {
        Some('\'') => format!("invalid character '\\'' {context}"),
        Some(found) if found.is_control() => {
            format!("invalid character '{}' {context}", found.escape_default())
        }
        Some(found) => format!("invalid character '{found}' {context}"),
        None => "unexpected end of JSON input".to_owned(),
    }
}

/// The character at a place: line and column from 1, the column in bytes.
fn found(text: &str, line: usize, column: usize) -> Option<char> {
    let line = text.split_inclusive('\n').nth(line.checked_sub(1)?)?;
    let at = column.checked_sub(1)?;
    let start = (0..=at.min(line.len()))
        .rev()
        .find(|at| line.is_char_boundary(*at))?;
    line[start..].chars().next()
}
