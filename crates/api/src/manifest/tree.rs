//! A document as it stands in a file: values, each with its place.

use serde_json::{Map, Number, Value};

use crate::source::Span;

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Entry {
    /// Where a message about the value points: at the value if it is on one line, otherwise at its key.
    pub(crate) fn mark(&self) -> Span {
        if self.value.is_scalar() {
            self.value.span
        } else {
            self.key_span
        }
    }
}

impl Node {
    /// Whether it is a value that stands for itself: no list, no map, and not nothing.
    fn is_scalar(&self) -> bool {
        !matches!(self.content, Content::Null | Content::List(_) | Content::Map(_))
    }

    /// Where a message about it points if nothing around it does better.
    pub(crate) fn mark(&self) -> Span {
        match &self.content {
            Content::Map(entries) => entries.first().map_or(self.span, |entry| entry.key_span),
            _ => self.span,
        }
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Follows a field path such as `spec.ports[0].port` as far as it leads, and says where the last step of it is.
    pub(crate) fn locate(&self, path: &str) -> Span {
        let (mut node, mut mark) = (self, self.mark());
        for segment in segments(path) {
            let next = match segment {
                Segment::Index(index) => node.items().get(index).map(|item| (item, item.mark())),
                Segment::Key(key) => node.entry(key).map(|entry| (&entry.value, entry.mark())),
            };
            let Some(next) = next else { break };
            (node, mark) = next;
        }
        mark
    }

    /// What a field path leads to.
    pub(crate) fn find(&self, path: &str) -> Option<&Node> {
        segments(path).try_fold(self, |node, segment| match segment {
            Segment::Index(index) => node.items().get(index),
            Segment::Key(key) => node.get(key),
        })
    }

    /// The value without its places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Node::to_json).collect(),
            Content::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// How many values it is made of; a long text counts for more than one.
    pub(crate) fn size(&self) -> usize {
        let of = |text: &str| 1 + text.len() / 100;
        match &self.content {
            Content::Text(text) => of(text),
            Content::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Content::Map(entries) => {
                1 + entries
                    .iter()
                    .map(|entry| of(&entry.key) + entry.value.size())
                    .sum::<usize>()
            }
            _ => 1,
        }
    }
}

enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

/// The parts of a field path. Keys that are no names stand in brackets: `metadata.labels[app.kubernetes.io/name]`.
fn segments(path: &str) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inner) = rest.strip_prefix('[') {
            let (segment, after) = inner.split_once(']').unwrap_or((inner, ""));
            rest = after;
            return Some(segment.parse().map_or(Segment::Key(segment), Segment::Index));
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (segment, after) = rest.split_at(end);
        rest = after;
        (!segment.is_empty()).then_some(Segment::Key(segment))
    })
}
