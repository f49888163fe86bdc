//! Reads YAML (and JSON, which is part of it) into located trees, one for each document.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as ParserSpan, StrInput, Tag};

use super::scalar::resolve;
use super::tree::{Content, Entry, Node};
use super::{MOST, syntax};
use crate::diagnostic::Diagnostic;
use crate::source::{Position, Source, Span};

/// How deep values may be nested.
const DEPTH: usize = 100;

/// How much anchors may keep and aliases may stand for, in one document: see [`Node::size`].
const ALIASED: usize = 100_000;

/// How many values the documents of a file may have: each takes many times the memory of its few letters.
const VALUES: usize = 3_000_000;

/// How many of the signs of flow style a document may have. Each stands for six tokens at most, of a hundred bytes each, and
/// the parser keeps those of a whole list in flow style: it could be a key.
const FLOW: usize = 600_000;

/// A document as it was read.
pub(crate) struct Parsed {
    /// The first of two values of the same key comes first.
    pub(crate) node: Node,
    /// Keys that are there twice.
    pub(crate) duplicates: Vec<Diagnostic>,
}

/// The documents of a file that aren't empty, and what is wrong with the others. After an error, reading goes on
/// with the next document.
pub(super) fn parse(source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Vec<Node> {
    let mut documents = Vec::new();
    if let Err(too_much) = check_flow(source) {
        diagnostics.push(too_much);
        return documents;
    }
    let before = diagnostics.len();
    let mut line = 1;
    loop {
        let mut reader = Reader::new(source, line);
        let failed_at = loop {
            match reader.next() {
                None => break None,
                Some(Ok(Parsed { duplicates, .. })) if !duplicates.is_empty() => {
                    // Refused as a whole, since nobody knows which of the values is meant.
                    diagnostics.extend(duplicates);
                }
                Some(Ok(Parsed { node, .. })) if matches!(node.content, Content::Null) => {}
                Some(Ok(Parsed { node, .. })) => documents.push(node),
                Some(Err(Failed(why))) => {
                    let line = why.line;
                    diagnostics.append(&mut reader.duplicates);
                    diagnostics.push(*why);
                    break Some(line);
                }
            }
        };
        let failed_at = failed_at.filter(|_| diagnostics.len() - before < MOST);
        let Some(next) = failed_at.and_then(|line| next_document(source, line)) else {
            return documents;
        };
        line = next;
    }
}

/// The first document of a text; nothing for a text without one.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn first(source: &Source) -> Result<Option<Parsed>, Diagnostic> {
    check_flow(source)?;
    let first = Reader::new(source, 1).next().transpose();
    first.map_err(|Failed(why)| *why)
}

/// Whether each document has few enough signs of flow style, before any is parsed.
fn check_flow(source: &Source) -> Result<(), Diagnostic> {
    let mut signs = 0;
    for (index, line) in source.text.split('\n').enumerate() {
        if starts_document(line) {
            signs = 0;
        }
        signs += line.bytes().filter(|byte| b"[]{},&!?".contains(byte)).count();
        if signs > FLOW {
            let start = Position {
                line: index + 1,
                column: 1,
            };
            let message = format!("more than {FLOW} of the signs []{{}},&!? in a document");
            let diagnostic = Diagnostic::error(source, Span { start, end: start }, message);
            return Err(diagnostic.help("write long lists in block style, or as several documents"));
        }
    }
    Ok(())
}

fn starts_document(line: &str) -> bool {
    line.trim_end() == "---" || line.starts_with("--- ")
}

/// The line on which the next document starts after one that has failed.
fn next_document(source: &Source, failed: usize) -> Option<usize> {
    let rest = &source.text[source.offset(failed + 1)..];
    let skipped = rest.lines().position(starts_document)?;
    Some(failed + 1 + skipped)
}

struct Reader<'a> {
    source: &'a Source,
    parser: Parser<'a, StrInput<'a>>,
    /// Lines of the file before the parser's first.
    skipped: usize,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    values: usize,
    duplicates: Vec<Diagnostic>,
}

/// A list or a map whose end is still to come.
struct Open {
    start: Span,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<(String, Span)>,
    },
}

impl Open {
    fn awaits_key(&self) -> bool {
        matches!(self.kind, OpenKind::Map { key: None, .. })
    }
}

/// Why a document can't be read any further.
struct Failed(Box<Diagnostic>);

impl<'a> Reader<'a> {
    fn new(source: &'a Source, line: usize) -> Self {
        let parser = Parser::new_from_str(&source.text[source.offset(line)..]);
        Self {
            source,
            parser,
            skipped: line - 1,
            anchors: HashMap::new(),
            aliased: 0,
            values: 0,
            duplicates: Vec::new(),
        }
    }

    /// The next document; none at the end.
    fn next(&mut self) -> Option<Result<Parsed, Failed>> {
        loop {
            match self.parser.next_event()? {
                Ok((Event::DocumentStart(_), _)) => {
                    self.anchors.clear();
                    self.aliased = 0;
                    let node = self.document();
                    return Some(node.map(|node| Parsed {
                        node,
                        duplicates: std::mem::take(&mut self.duplicates),
                    }));
                }
                Ok(_) => {}
                Err(error) => return Some(Err(self.syntax_error(&error))),
            }
        }
    }

    fn document(&mut self) -> Result<Node, Failed> {
        let mut open: Vec<Open> = Vec::new();
        let mut root = Node {
            span: Span::default(),
            content: Content::Null,
        };
        loop {
            let Some(event) = self.parser.next_event() else {
                return Ok(root);
            };
            let (event, span) = event.map_err(|error| self.syntax_error(&error))?;
            let span = self.span(span);
            let (node, anchor) = match event {
                Event::DocumentEnd | Event::StreamEnd => return Ok(root),
                Event::SequenceStart(anchor, _) => {
                    self.open(
                        &mut open,
                        Open {
                            start: span,
                            anchor,
                            kind: OpenKind::List(Vec::new()),
                        },
                    )?;
                    continue;
                }
                Event::MappingStart(anchor, _) => {
                    let kind = OpenKind::Map {
                        entries: Vec::new(),
                        key: None,
                    };
                    self.open(
                        &mut open,
                        Open {
                            start: span,
                            anchor,
                            kind,
                        },
                    )?;
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(closed) = open.pop() else { continue };
                    (self.close(closed.kind, closed.start), closed.anchor)
                }
                Event::Scalar(text, style, anchor, tag) => {
                    // A key is the word that is written: `on` is no boolean there.
                    let content = match open.last() {
                        Some(parent) if parent.awaits_key() && !text.is_empty() => {
                            Content::Text(text.into_owned())
                        }
                        _ => scalar(&text, style, tag.as_deref()),
                    };
                    (Node { span, content }, anchor)
                }
                Event::Alias(anchor) if open.iter().any(|open| open.anchor == anchor) => {
                    return Err(self.fail(span, "an anchor can't contain an alias of itself".into()));
                }
                Event::Alias(anchor) => (self.alias(anchor, span)?, 0),
                _ => continue,
            };
            self.values += 1;
            if self.values > VALUES {
                return Err(self.fail(span, format!("more than {VALUES} values in a file")));
            }
            if anchor != 0 {
                self.copied(&node, span)?;
                self.anchors.insert(anchor, node.clone());
            }
            match open.last_mut() {
                Some(parent) => self.add(parent, node)?,
                None => root = node,
            }
        }
    }

    fn open(&mut self, open: &mut Vec<Open>, new: Open) -> Result<(), Failed> {
        if open.len() >= DEPTH {
            return Err(self.fail(new.start, format!("values are nested more than {DEPTH} deep")));
        }
        open.push(new);
        Ok(())
    }

    fn add(&mut self, parent: &mut Open, node: Node) -> Result<(), Failed> {
        match &mut parent.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, key } => match key.take() {
                Some((key, key_span)) => entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                }),
                None => *key = Some((self.key(&node)?, node.span)),
            },
        }
        Ok(())
    }

    fn key(&mut self, node: &Node) -> Result<String, Failed> {
        match &node.content {
            Content::Text(text) => Ok(text.clone()),
            Content::Bool(_) | Content::Number(_) => Ok(node.to_json().to_string()),
            Content::Null => Err(self.fail(node.span, "a key is missing before \":\"".into())),
            Content::List(_) | Content::Map(_) => {
                let mut failed = self.fail(node.mark(), "a key must be a string".into());
                if self.source.line(failed.0.line).contains("{{") {
                    failed.0.help = Some(syntax::TEMPLATE.into());
                }
                Err(failed)
            }
        }
    }

    fn close(&mut self, kind: OpenKind, span: Span) -> Node {
        match kind {
            OpenKind::List(items) => Node {
                span,
                content: Content::List(items),
            },
            OpenKind::Map { entries, .. } => {
                self.note_duplicates(&entries);
                Node {
                    span,
                    content: Content::Map(merge(entries)),
                }
            }
        }
    }

    fn note_duplicates(&mut self, entries: &[Entry]) {
        let mut sorted: Vec<&Entry> = entries.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        for pair in sorted.windows(2) {
            if let [first, second] = pair
                && first.key == second.key
                && first.key != "<<"
            {
                let message = format!("key {:?} already set in map", second.key);
                let diagnostic = Diagnostic::error(self.source, second.key_span, message).related(
                    self.source,
                    first.key_span,
                    "first set here",
                );
                self.duplicates.push(diagnostic);
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Failed> {
        let Some(node) = self.anchors.get(&anchor) else {
            let message = "invalid YAML: found unknown anchor".into();
            let diagnostic = Diagnostic::error(self.source, span, message)
                .help("it is another document's: anchors end with their document");
            return Err(Failed(Box::new(diagnostic)));
        };
        let node = node.clone();
        self.copied(&node, span)?;
        Ok(node)
    }

    fn copied(&mut self, node: &Node, span: Span) -> Result<(), Failed> {
        self.aliased += node.size();
        if self.aliased > ALIASED {
            return Err(self.fail(span, "document contains excessive aliasing".into()));
        }
        Ok(())
    }

    fn fail(&self, span: Span, message: String) -> Failed {
        Failed(Box::new(Diagnostic::error(self.source, span, message)))
    }

    fn syntax_error(&self, error: &ScanError) -> Failed {
        let position = self.position(*error.marker());
        Failed(Box::new(syntax::explain(self.source, position, error.info())))
    }

    fn span(&self, span: ParserSpan) -> Span {
        Span {
            start: self.position(span.start),
            end: self.position(span.end),
        }
    }

    fn position(&self, marker: Marker) -> Position {
        Position {
            line: marker.line() + self.skipped,
            column: marker.col() + 1,
        }
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Content {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Content::Text(text.to_owned()),
        Some(tag) if tag.is_yaml_core_schema() => resolve(text),
        _ if style == ScalarStyle::Plain => resolve(text),
        _ => Content::Text(text.to_owned()),
    }
}

/// Puts what `<<` names in its place: entries that the map doesn't have itself.
fn merge(entries: Vec<Entry>) -> Vec<Entry> {
    if !entries.iter().any(|entry| entry.key == "<<") {
        return entries;
    }
    let (merged, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.key == "<<");
    let mut known: HashSet<String> = own.iter().map(|entry| entry.key.clone()).collect();
    for entry in merged {
        let maps = match entry.value.content {
            Content::List(items) => items,
            _ => vec![entry.value],
        };
        for map in maps {
            let Content::Map(entries) = map.content else {
                continue;
            };
            for entry in entries {
                if known.insert(entry.key.clone()) {
                    own.push(entry);
                }
            }
        }
    }
    own
}
