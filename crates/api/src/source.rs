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

/// Where the character begins that has the byte at `at`; the text's end for what is behind it.
pub(crate) fn boundary(text: &str, at: usize) -> usize {
    let last = at.min(text.len());
    (0..=last)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or_default()
}

/// A file's text, with its lines at hand.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name under which it is reported.
    pub(crate) name: String,
    pub(crate) text: String,
    line_starts: Vec<usize>,
    /// Where each thousandth character begins, so that one in a long line is found as fast as in a short one.
    thousands: Vec<usize>,
}

const THOUSAND: usize = 1_000;

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
            thousands: text.char_indices().step_by(THOUSAND).map(|(at, _)| at).collect(),
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
        let start = self.offset(span.start.line);
        let byte = |column: usize| self.skip(start, column - 1).saturating_sub(start).min(line.len());
        let start = byte(span.start.column.max(1));
        let end = if span.end.line == span.start.line {
            byte(span.end.column.max(1))
        } else {
            line.len()
        };
        start..end.max(start)
    }

    /// Where the character begins that is so many after the one at `from`.
    fn skip(&self, from: usize, characters: usize) -> usize {
        let before = self.thousands.partition_point(|at| *at <= from).saturating_sub(1);
        let known = self.thousands.get(before).copied().unwrap_or_default();
        let number = self.text[known..from].chars().count() + characters;
        let Some(known) = self.thousands.get(before + number / THOUSAND) else {
            return self.text.len();
        };
        let mut rest = self.text[*known..].char_indices();
        rest.nth(number % THOUSAND)
            .map_or(self.text.len(), |(at, _)| known + at)
    }

    /// The text that a span covers on its first line.
    pub(crate) fn excerpt(&self, span: Span) -> &str {
        self.line(span.start.line)[self.columns(span)].trim_end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_found_wherever_they_are() {
        let long: String = (0..5_003)
            .map(|number| if number % 3 == 0 { 'é' } else { 'a' })
            .collect();
        let source = Source::new("-", &format!("b\n{long}\nc"));
        for column in [1, 2, 998, 999, 1_000, 1_001, 2_000, 5_003, 5_004, 9_000] {
            let start = Position { line: 2, column };
            let end = Position {
                line: 2,
                column: column + 1,
            };
            let there: String = long.chars().skip(column - 1).take(1).collect();
            let columns = source.columns(Span { start, end });
            assert_eq!(&source.line(2)[columns], there, "{column}");
        }
    }
}
