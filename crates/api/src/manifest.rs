//! Reads manifests: YAML or JSON in, objects and the scenario out, and everything that is wrong, with its place.

mod check;
mod document;
mod duration;
pub(crate) mod kinds;
mod located;
mod objects;
mod reference;
mod scalar;
mod scenario;
pub(crate) mod shape;
mod step;
mod syntax;
mod traffic;
pub(crate) mod tree;
pub(crate) mod yaml;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::builtin;
use crate::diagnostic::{Diagnostic, Severity};
use crate::limits::Unenforced;
use crate::object::Object;
use crate::source::{Position, Source, Span};
use crate::steps::Scenario;

use document::{Document, document};
use located::Place;
use objects::Objects;

pub use located::Located;

/// After so much that is wrong, nobody needs to know the rest.
const MOST: usize = 1_000;

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        self.diagnostics.iter().any(is_error)
    }

    /// The same for nodes that can't enforce all limits of resources: who asks for one of those is warned, unless something
    /// is wrong already. `files` are what was read.
    #[must_use]
    pub fn on_nodes(mut self, unenforced: &Unenforced, files: &[SourceFile]) -> Self {
        if self.has_errors() {
            return self;
        }
        for object in self.objects.iter().chain(&self.applied) {
            let limits = unenforced.limits(&object.value).into_iter();
            self.diagnostics.extend(limits.map(|limit| object.limit(&limit)));
        }
        put_in_order(&mut self.diagnostics, files);
        self
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
    let mut documents = Documents::read(files);
    let known = Objects::new(builtin::objects()).with(&documents.objects, &mut documents.diagnostics);
    documents.reading(files, known)
}

/// Reads files whose objects are for a cluster that is up, and has `namespaces`. A Scenario in them is passed over.
pub fn read_objects(files: &[SourceFile], namespaces: impl IntoIterator<Item = Object>) -> Reading {
    let mut documents = Documents::read(files);
    let known = Objects::new(namespaces).with(&documents.objects, &mut documents.diagnostics);
    documents.scenarios.clear();
    documents.reading(files, known)
}

/// Reads files with a Scenario for a cluster that is up: `there` is all that is in it. The objects of the files must be
/// among that, as far as their names go.
pub fn read_scenario(files: &[SourceFile], there: impl IntoIterator<Item = Object>) -> Reading {
    let mut documents = Documents::read(files);
    let there = Objects::new(there);
    for object in &documents.objects {
        there.check_is_there(object, &mut documents.diagnostics);
    }
    if let (Some(file), true, true) = (
        files.first(),
        documents.scenarios.is_empty(),
        documents.diagnostics.is_empty(),
    ) {
        documents.diagnostics.push(nothing_in(file, "no Scenario found"));
    }
    let known = there.with(&documents.objects, &mut documents.diagnostics);
    documents.reading(files, known)
}

/// In which they are read.
fn put_in_order(diagnostics: &mut [Diagnostic], files: &[SourceFile]) {
    diagnostics.sort_by_cached_key(|diagnostic| {
        let file = files.iter().position(|file| file.name == diagnostic.source);
        (file, diagnostic.line, diagnostic.column)
    });
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

fn nothing_in(file: &SourceFile, message: &str) -> Diagnostic {
    let start = Position { line: 1, column: 1 };
    let source = Source::new(&file.name, &file.text);
    Diagnostic::error(&source, Span { start, end: start }, message.into())
}

/// The documents of files, not yet seen together.
#[derive(Default)]
struct Documents {
    objects: Vec<Located<Object>>,
    scenarios: Vec<Place>,
    diagnostics: Vec<Diagnostic>,
}

impl Documents {
    fn read(files: &[SourceFile]) -> Self {
        let mut diagnostics = Vec::new();
        let mut documents = Vec::new();
        for file in files {
            let source = Arc::new(Source::new(&file.name, &file.text));
            let mut errors = 0;
            for node in yaml::parse(&source, &mut diagnostics) {
                if errors > MOST {
                    break;
                }
                let before = diagnostics.len();
                documents.push(document(&source, node, None, &mut diagnostics));
                errors += diagnostics[before..].iter().filter(|it| is_error(it)).count();
            }
        }
        if let (Some(file), true, true) = (files.first(), documents.is_empty(), diagnostics.is_empty()) {
            diagnostics.push(nothing_in(file, "no objects found"));
        }
        let mut all = Self {
            diagnostics,
            ..Self::default()
        };
        documents.into_iter().for_each(|document| all.sort_out(document));
        all
    }

    fn sort_out(&mut self, document: Document) {
        match document {
            Document::Object(object) => self.objects.push(*object),
            Document::Scenario(place) => self.scenarios.push(place),
            Document::Several(documents) => {
                documents.into_iter().for_each(|document| self.sort_out(document));
            }
            Document::Nothing => {}
        }
    }

    /// What they say; `known` are the objects that the scenario's steps find.
    fn reading(self, files: &[SourceFile], known: Objects) -> Reading {
        let Self {
            objects,
            scenarios,
            mut diagnostics,
        } = self;
        let mut scenarios = scenarios.into_iter();
        let first = scenarios.next();
        for other in scenarios {
            let diagnostic = other.diagnose(Severity::Error, "kind", "there can be only one Scenario");
            diagnostics.push(match &first {
                Some(first) => {
                    diagnostic.related(&first.source, first.node.locate("kind"), "the first is here")
                }
                None => diagnostic,
            });
        }
        let (scenario, applied) = match first {
            Some(place) => scenario::read(&place, known, &mut diagnostics),
            None => (None, Vec::new()),
        };
        put_in_order(&mut diagnostics, files);
        Reading {
            objects,
            applied,
            scenario,
            diagnostics,
        }
    }
}
