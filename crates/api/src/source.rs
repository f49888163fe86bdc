//! Text that somebody wrote, and places in it.

use std::ops::Range;

/// A place in a text: line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// From a place up to another, which is no longer part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Span {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// A file's text, with its lines at hand.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name under which it is reported.
    pub(crate) name: String,
    pub(crate) text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// `-` is standard input, and is called so.
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let name = if name == "-" { "<stdin>" } else { name };
        // A byte order mark is no part of the text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
            line_starts,
        }
    }

    /// A line without its end; empty where there is none.
    pub(crate) fn line(&self, line: usize) -> &str {
        let start = self.offset(line);
        let end = self.line_starts.get(line).copied().unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }

    /// Where a line begins, in bytes; the text's end for a line after the last.
    pub(crate) fn offset(&self, line: usize) -> usize {
        self.line_starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(self.text.len())
    }

    /// The part of the span's first line that it covers, in bytes of that line.
    pub(crate) fn columns(&self, span: Span) -> Range<usize> {
        let line = self.line(span.start.line);
        let byte = |column: usize| {
            line.char_indices()
                .nth(column - 1)
                .map_or(line.len(), |(at, _)| at)
        };
        let start = byte(span.start.column.max(1));
        let end = if span.end.line == span.start.line {
            byte(span.end.column.max(1))
        } else {
            line.len()
        };
        start..end.max(start)
    }

    /// The text that a span covers on its first line.
    pub(crate) fn excerpt(&self, span: Span) -> &str {
        self.line(span.start.line)[self.columns(span)].trim_end()
    }
}
