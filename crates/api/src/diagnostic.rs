//! What is wrong with an input, where, and what can be done about it.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use serde::{Deserialize, Serialize};

use crate::source::{Source, Span, boundary};

/// How many bytes of a line are shown before and after what is marked in it: a file may be one line.
const AROUND: usize = 200;
/// The most bytes of a message, and of advice: what is wrong with a value often tells the value.
const LONGEST_TEXT: usize = 2_000;

/// Whether an input can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// It can't be used.
    Error,
    /// It can be used; part of it has no effect, or another one than in a real cluster.
    Warning,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Something wrong with an input. Its text form is `FILE:LINE:COLUMN: error: MESSAGE` and the line in question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Whether the input can be used all the same.
    pub severity: Severity,
    /// The file's name, `<stdin>` for standard input.
    pub source: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong: object, field path, and why, in one line.
    pub message: String,
    /// What can be done about it.
    pub help: Option<String>,
    /// The place itself first, then others that have to do with it.
    excerpts: Vec<Excerpt>,
}

/// A line of an input, with a part of it marked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Excerpt {
    source: String,
    line: usize,
    text: String,
    marked: Range<usize>,
    label: String,
}

impl Excerpt {
    fn new(source: &Source, span: Span, label: String) -> Self {
        let line = source.line(span.start.line);
        let marked = source.columns(span);
        let start = boundary(line, marked.start.saturating_sub(AROUND));
        let end = boundary(line, marked.end.min(marked.start + AROUND) + AROUND);
        Self {
            source: source.name.clone(),
            line: span.start.line,
            marked: marked.start - start..marked.end.min(end) - start,
            text: line[start..end].to_owned(),
            label,
        }
    }
}

/// Without its middle, if it is longer than so many bytes: nobody would read it.
pub(crate) fn shortened(text: String, longest: usize) -> String {
    if text.len() <= longest {
        return text;
    }
    let start = boundary(&text, longest / 2);
    let end = boundary(&text, text.len() - longest / 2);
    format!("{} [{} bytes] {}", &text[..start], end - start, &text[end..])
}

impl Diagnostic {
    pub(crate) fn new(severity: Severity, source: &Source, span: Span, message: String) -> Self {
        Self {
            severity,
            source: source.name.clone(),
            line: span.start.line,
            column: span.start.column,
            message: shortened(message, LONGEST_TEXT),
            help: None,
            excerpts: vec![Excerpt::new(source, span, String::new())],
        }
    }

    pub(crate) fn error(source: &Source, span: Span, message: String) -> Self {
        Self::new(Severity::Error, source, span, message)
    }

    /// With advice on what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened(help.into(), LONGEST_TEXT));
        self
    }

    /// With another place that has to do with it.
    pub(crate) fn related(mut self, source: &Source, span: Span, label: &str) -> Self {
        self.excerpts.push(Excerpt::new(source, span, label.to_owned()));
        self
    }

    /// The text form, with or without ANSI colours; ends without a line break.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_level(level);
        let mut shown: Vec<(&Excerpt, Vec<&Excerpt>)> = Vec::new();
        for excerpt in &self.excerpts {
            match shown.iter_mut().find(|(first, _)| first.same_line(excerpt)) {
                Some((_, marks)) => marks.push(excerpt),
                None => shown.push((excerpt, vec![excerpt])),
            }
        }
        for (index, (line, marks)) in shown.into_iter().enumerate() {
            let path = (index > 0).then_some(line.source.as_str());
            let annotations = marks.into_iter().map(|mark| {
                let first = std::ptr::eq(mark, &raw const self.excerpts[0]);
                let kind = if first {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                kind.span(mark.marked.clone())
                    .label((!mark.label.is_empty()).then_some(mark.label.as_str()))
            });
            let snippet = Snippet::source(&line.text).line_start(line.line).path(path);
            group = group.element(snippet.annotations(annotations));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        format!("{}\n{}", self.heading(color), renderer.render(&[group]))
    }

    fn heading(&self, color: bool) -> String {
        let Self {
            severity,
            source,
            line,
            column,
            message,
            ..
        } = self;
        if !color {
            return format!("{source}:{line}:{column}: {severity}: {message}");
        }
        let style = match severity {
            Severity::Error => 91,
            Severity::Warning => 93,
        };
        format!(
            "{source}:{line}:{column}: \u{1b}[1m\u{1b}[{style}m{severity}\u{1b}[0m: \u{1b}[1m{message}\u{1b}[0m"
        )
    }
}

impl Excerpt {
    fn same_line(&self, other: &Self) -> bool {
        self.line == other.line && self.source == other.source
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}
