//! Reads YAML (and JSON, which is part of it) into located trees, one for each document.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as ParserSpan, StrInput, Tag};

use super::scalar::resolve;
use super::syntax;
use super::tree::{Content, Entry, Node};
use crate::diagnostic::Diagnostic;
use crate::source::{Position, Source, Span};

/// How deep values may be nested.
const DEPTH: usize = 100;

/// How many values aliases may stand for, in one document.
const ALIASED: usize = 100_000;

/// The documents of a file that aren't empty, and what is wrong with the others. After an error, reading goes on
/// with the next document.
pub(super) fn parse(source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Vec<Node> {
    let mut documents = Vec::new();
    let mut line = 1;
    loop {
        let mut reader = Reader::new(source, line, diagnostics);
        let failed_at = reader.run(&mut documents);
        let Some(next) = failed_at.and_then(|line| next_document(source, line)) else {
            return documents;
        };
        line = next;
    }
}

/// The line on which the next document starts after one that has failed.
fn next_document(source: &Source, failed: usize) -> Option<usize> {
    let rest = &source.text[source.offset(failed + 1)..];
    let skipped = rest
        .lines()
        .position(|line| line == "---" || line.starts_with("--- "))?;
    Some(failed + 1 + skipped)
}

struct Reader<'a> {
    source: &'a Source,
    parser: Parser<'a, StrInput<'a>>,
    /// Lines of the file before the parser's first.
    skipped: usize,
    anchors: HashMap<usize, Node>,
    aliased: usize,
    diagnostics: &'a mut Vec<Diagnostic>,
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

/// Why a document can't be read any further; the diagnostic is made already. Holds the line.
struct Failed(usize);

impl<'a> Reader<'a> {
    fn new(source: &'a Source, line: usize, diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        let parser = Parser::new_from_str(&source.text[source.offset(line)..]);
        Self {
            source,
            parser,
            skipped: line - 1,
            anchors: HashMap::new(),
            aliased: 0,
            diagnostics,
        }
    }

    /// Reads up to the end, or up to an error, whose line it returns.
    fn run(&mut self, documents: &mut Vec<Node>) -> Option<usize> {
        while let Some(event) = self.parser.next_event() {
            let result = match event {
                Ok((Event::DocumentStart(_), _)) => {
                    self.anchors.clear();
                    self.aliased = 0;
                    self.document(documents)
                }
                Ok(_) => Ok(()),
                Err(error) => Err(self.syntax_error(&error)),
            };
            if let Err(Failed(line)) = result {
                return Some(line);
            }
        }
        None
    }

    fn document(&mut self, documents: &mut Vec<Node>) -> Result<(), Failed> {
        let mut open: Vec<Open> = Vec::new();
        let before = self.diagnostics.len();
        loop {
            let Some(event) = self.parser.next_event() else {
                return Ok(());
            };
            let (event, span) = event.map_err(|error| self.syntax_error(&error))?;
            let span = self.span(span);
            let (node, anchor) = match event {
                Event::DocumentEnd | Event::StreamEnd => return Ok(()),
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
            if anchor != 0 {
                self.anchors.insert(anchor, node.clone());
            }
            match open.last_mut() {
                Some(parent) => self.add(parent, node)?,
                None if matches!(node.content, Content::Null) => {}
                // A document with a key twice is refused as a whole, since nobody knows which of them is meant.
                None if self.diagnostics.len() > before => {}
                None => documents.push(node),
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
                let failed = self.fail(node.mark(), "a key must be a string".into());
                if let Some(diagnostic) = self.diagnostics.last_mut()
                    && self.source.line(failed.0).contains("{{")
                {
                    diagnostic.help = Some(syntax::TEMPLATE.into());
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
                self.refuse_duplicates(&entries);
                Node {
                    span,
                    content: Content::Map(merge(entries)),
                }
            }
        }
    }

    fn refuse_duplicates(&mut self, entries: &[Entry]) {
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
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Failed> {
        let Some(node) = self.anchors.get(&anchor) else {
            let message = "invalid YAML: found unknown anchor".into();
            let diagnostic = Diagnostic::error(self.source, span, message)
                .help("it is another document's: anchors end with their document");
            self.diagnostics.push(diagnostic);
            return Err(Failed(span.start.line));
        };
        self.aliased += node.size();
        if self.aliased > ALIASED {
            return Err(self.fail(span, "document contains excessive aliasing".into()));
        }
        Ok(node.clone())
    }

    fn fail(&mut self, span: Span, message: String) -> Failed {
        self.diagnostics
            .push(Diagnostic::error(self.source, span, message));
        Failed(span.start.line)
    }

    fn syntax_error(&mut self, error: &ScanError) -> Failed {
        let position = self.position(*error.marker());
        self.diagnostics
            .push(syntax::explain(self.source, position, error.info()));
        Failed(position.line)
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
                if !own.iter().any(|known| known.key == entry.key) {
                    own.push(entry);
                }
            }
        }
    }
    own
}
