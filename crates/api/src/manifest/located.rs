//! A value and where it stands in its file, so that whatever is found wrong with it later can point there.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::tree::Node;
use crate::diagnostic::{Diagnostic, Severity};
use crate::limits::Limit;
use crate::source::{Source, Span};
use crate::validation::FieldError;

/// A value that was read, and where it stands.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    pub(super) place: Place,
}

impl<T> Located<T> {
    /// An error about the field at `field_path` (`spec.ports[0].port`; empty for the object as a whole): names the
    /// object and the field, and points at it, or at the nearest thing around it that was written.
    pub fn diagnose(&self, field_path: &str, message: String) -> Diagnostic {
        self.place.diagnose(Severity::Error, field_path, &message)
    }

    /// What is wrong with a field: names the object and the field as Kubernetes does, and points at it.
    pub fn refuse(&self, error: &FieldError) -> Diagnostic {
        self.place.refuse(error)
    }

    /// What podlab can't do of it.
    pub(super) fn limit(&self, limit: &Limit) -> Diagnostic {
        self.place.diagnose(limit.severity, &limit.path, &limit.message)
    }

    /// The value as it was written, without defaults.
    pub fn written(&self) -> Value {
        self.place.node.to_json()
    }

    /// The name of the file.
    pub fn source(&self) -> &str {
        &self.place.source.name
    }

    /// The line on which it begins, from 1.
    pub fn line(&self) -> usize {
        self.place.node.mark().start.line
    }

    /// The column in which it begins, from 1.
    pub fn column(&self) -> usize {
        self.place.node.mark().start.column
    }
}

/// Where an object stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) source: Arc<Source>,
    pub(super) node: Arc<Node>,
    /// What it is called: `Service "web"`.
    pub(super) subject: String,
    /// Its path within what it is called by: `spec.steps[3].apply[0]` in a scenario; mostly empty.
    pub(super) prefix: String,
}

impl Place {
    pub(super) fn diagnose(&self, severity: Severity, path: &str, message: &str) -> Diagnostic {
        self.say_at(severity, path, &self.with_path(path, message))
    }

    pub(super) fn refuse(&self, error: &FieldError) -> Diagnostic {
        let message = self.with_path(&error.path, &error.message());
        let diagnostic = self.say_at(Severity::Error, &error.place, &message);
        match &error.help {
            Some(help) => diagnostic.help(help.clone()),
            None => diagnostic,
        }
    }

    fn with_path(&self, path: &str, message: &str) -> String {
        let separator = if self.prefix.is_empty() || path.is_empty() {
            ""
        } else {
            "."
        };
        let full = format!("{}{separator}{path}", self.prefix);
        let colon = if full.is_empty() { "" } else { ": " };
        format!("{full}{colon}{message}")
    }

    /// A diagnostic that points at the field at `path`, and whose message holds its path already.
    pub(super) fn say_at(&self, severity: Severity, path: &str, message: &str) -> Diagnostic {
        self.say(severity, self.node.locate(&self.written(path)), message)
    }

    /// Kubernetes names the newer of two fields for the addresses of a service, and the bytes of a Secret; most people
    /// write the older one, and the text.
    fn written<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let newer = "spec.clusterIPs";
        if path.starts_with(newer) && self.node.find(newer).is_none() {
            return Cow::Borrowed("spec.clusterIP");
        }
        match path.strip_prefix("data[") {
            Some(key) if self.node.find(path).is_none() => Cow::Owned(format!("stringData[{key}")),
            _ => Cow::Borrowed(path),
        }
    }

    /// A diagnostic whose message holds its path already, or needs none.
    pub(super) fn say(&self, severity: Severity, span: Span, message: &str) -> Diagnostic {
        let colon = if self.subject.is_empty() { "" } else { ": " };
        Diagnostic::new(
            severity,
            &self.source,
            span,
            format!("{}{colon}{message}", self.subject),
        )
    }
}
