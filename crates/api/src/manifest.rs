//! Reads manifests: YAML or JSON in, objects and the scenario out, and everything that is wrong, with its place.

mod check;
mod document;
mod duration;
mod kinds;
mod located;
mod objects;
mod reference;
mod scalar;
mod scenario;
mod shape;
mod step;
mod syntax;
mod traffic;
mod tree;
mod yaml;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity};
use crate::object::Object;
use crate::source::{Position, Source, Span};
use crate::steps::Scenario;

use document::{Document, document};
use located::Place;
use objects::Objects;

pub use located::Located;

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path as the user gave it; `-` is standard input.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// What files hold.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The objects, in the files' order; their defaults are filled in.
    pub objects: Vec<Located<Object>>,
    /// The objects that the scenario's steps apply, in order: the same as in its steps, with their places.
    pub applied: Vec<Located<Object>>,
    /// The scenario, if there is one and it could be understood.
    pub scenario: Option<Scenario>,
    /// What is wrong, in the files' order.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// Whether something is so wrong that nothing can be run.
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The same with every warning an error.
    #[must_use]
    pub fn strict(mut self) -> Self {
        for diagnostic in &mut self.diagnostics {
            diagnostic.severity = Severity::Error;
        }
        self
    }
}

/// Reads files that together make one cluster: all documents of all of them, defaulted and validated.
///
/// Nothing is wrong enough to stop reading: all that can be found is in [`Reading::diagnostics`].
pub fn read(files: &[SourceFile]) -> Reading {
    let mut diagnostics = Vec::new();
    let mut documents = Vec::new();
    for file in files {
        let source = Arc::new(Source::new(&file.name, &file.text));
        for node in yaml::parse(&source, &mut diagnostics) {
            documents.push(document(&source, node, None, &mut diagnostics));
        }
    }
    if let (Some(file), true, true) = (files.first(), documents.is_empty(), diagnostics.is_empty()) {
        let start = Position { line: 1, column: 1 };
        let source = Source::new(&file.name, &file.text);
        let span = Span { start, end: start };
        diagnostics.push(Diagnostic::error(&source, span, "no objects found".into()));
    }
    let mut objects = Vec::new();
    let mut scenarios = Vec::new();
    documents
        .into_iter()
        .for_each(|document| sort_out(document, &mut objects, &mut scenarios));
    let known = Objects::new(&objects, &mut diagnostics);

    let mut scenarios = scenarios.into_iter();
    let first = scenarios.next();
    for other in scenarios {
        let diagnostic = other.diagnose(Severity::Error, "kind", "there can be only one Scenario");
        diagnostics.push(match &first {
            Some(first) => diagnostic.related(&first.source, first.node.locate("kind"), "the first is here"),
            None => diagnostic,
        });
    }
    let (scenario, applied) = match first {
        Some(place) => scenario::read(&place, known, &mut diagnostics),
        None => (None, Vec::new()),
    };

    let order = |diagnostic: &Diagnostic| {
        let file = files.iter().position(|file| file.name == diagnostic.source);
        (file, diagnostic.line, diagnostic.column)
    };
    diagnostics.sort_by_cached_key(order);
    Reading {
        objects,
        applied,
        scenario,
        diagnostics,
    }
}

fn sort_out(document: Document, objects: &mut Vec<Located<Object>>, scenarios: &mut Vec<Place>) {
    match document {
        Document::Object(object) => objects.push(*object),
        Document::Scenario(place) => scenarios.push(place),
        Document::Several(documents) => {
            documents
                .into_iter()
                .for_each(|document| sort_out(document, objects, scenarios));
        }
        Document::Nothing => {}
    }
}
