//! Says what is wrong with text that is no YAML, in words that help.

use serde::de::IgnoredAny;

use crate::diagnostic::Diagnostic;
use crate::source::{Position, Source, Span};

/// The advice for a template of Helm, which only looks like a manifest.
pub(super) const TEMPLATE: &str = "this looks like a Helm template: render it first, with `helm template`";

/// A diagnostic for what the parser says about a place.
pub(super) fn explain(source: &Source, position: Position, info: &str) -> Diagnostic {
    if let Some(diagnostic) = json(source) {
        return diagnostic;
    }
    if let Some(tab) = tab(source, position.line) {
        let message = "invalid YAML: a tab can't be used for indentation".to_owned();
        return Diagnostic::error(source, tab, message).help("use spaces");
    }
    let span = Span {
        start: position,
        end: Position {
            column: position.column + 1,
            ..position
        },
    };
    let error = |message: String| Diagnostic::error(source, span, format!("invalid YAML: {message}"));
    // What the parser was doing is of no interest.
    let info = match info.split_once(", ") {
        Some((doing, found)) if doing.starts_with("while ") && !doing.contains("quoted") => found,
        _ => info,
    };
    let line = source.line(position.line);
    if line.contains("{{") {
        return error(info.to_owned()).help(TEMPLATE);
    }
    if info.contains("mapping values are not allowed") {
        return error("mapping values are not allowed in this context".into()).help(
            "either this line is indented further than the ones above that it belongs to, or the text before it \
             contains \": \" and needs quotes",
        );
    }
    if info.contains("did not find expected key") || info.contains("did not find expected '-'") {
        return error(info.to_owned()).help(
            "the indentation doesn't fit any of the lines above: align it with the line that it belongs to",
        );
    }
    if info.contains("unexpected character") {
        return error(info.replace('`', "'").replace("'''", "'`'"))
            .help("a value can't start with this character: put it in quotes");
    }
    if info.contains("quoted scalar") && !info.contains("escape") {
        return error(
            "the quote that opens here is not closed, or what it holds is indented too little".into(),
        );
    }
    if info.contains("escape") {
        return error(info.to_owned()).help("use single quotes, in which a backslash is nothing special");
    }
    error(info.to_owned())
}

/// JSON is read as YAML, but errors in it are told in JSON's own terms.
fn json(source: &Source) -> Option<Diagnostic> {
    if !source.text.trim_start().starts_with('{') || source.text.contains("\n---") {
        return None;
    }
    let error = serde_json::from_str::<IgnoredAny>(&source.text).err()?;
    let position = Position {
        line: error.line(),
        column: error.column().max(1),
    };
    let span = Span {
        start: position,
        end: Position {
            column: position.column + 1,
            ..position
        },
    };
    let text = error.to_string();
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason);
    Some(Diagnostic::error(source, span, format!("invalid JSON: {reason}")))
}

/// A tab in the indentation of a line or of the one after it: the parser may stop before it.
fn tab(source: &Source, line: usize) -> Option<Span> {
    [line, line + 1].into_iter().find_map(|line| {
        let text = source.line(line);
        let indentation = text.len() - text.trim_start().len();
        let column = text[..indentation].find('\t')? + 1;
        let start = Position { line, column };
        Some(Span {
            start,
            end: Position {
                column: column + 1,
                ..start
            },
        })
    })
}
