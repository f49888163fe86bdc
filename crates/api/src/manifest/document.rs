//! From a document's tree to an object, or to the reasons why it is none.

use std::sync::Arc;

use super::check::{MOST, check, told};
use super::kinds::{Treatment, treatment};
use super::located::{Located, Place};
use super::shape::shapes;
use super::tree::{Content, Node};
use crate::defaults::default_object;
use crate::diagnostic::{Diagnostic, Severity, shortened};
use crate::limits::limits;
use crate::object::{Kind, Object};
use crate::source::Source;
use crate::validation::validate;
use crate::warnings::warnings;

/// No name of an object is longer; one that is wrong may be.
const LONGEST_NAME: usize = 253;

/// What a document is.
pub(super) enum Document {
    Object(Box<Located<Object>>),
    Scenario(Place),
    /// Several documents, from a `List`.
    Several(Vec<Document>),
    /// Nothing to run; why is said.
    Nothing,
}

/// Reads a document. For one that stands within a scenario, `within` is the scenario and the path there.
pub(super) fn document(
    source: &Arc<Source>,
    node: Node,
    within: Option<(&str, String)>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Document {
    let (subject, prefix) = match within {
        Some((subject, prefix)) => (subject.to_owned(), prefix),
        None => (subject(&node), String::new()),
    };
    let place = Place {
        source: source.clone(),
        node: Arc::new(node),
        subject,
        prefix,
    };
    let node = &*place.node;
    if !matches!(node.content, Content::Map(_)) {
        let message = "a document must be an object with apiVersion and kind";
        diagnostics.push(place.diagnose(Severity::Error, "", message));
        return Document::Nothing;
    }
    let (Some(api_version), Some(kind)) = (
        type_field(&place, "apiVersion", diagnostics),
        type_field(&place, "kind", diagnostics),
    ) else {
        return Document::Nothing;
    };
    match treatment(api_version, kind) {
        Treatment::Object(kind) => object(place, kind, diagnostics),
        Treatment::Scenario if place.prefix.is_empty() => Document::Scenario(place),
        Treatment::Scenario => {
            diagnostics.push(place.diagnose(Severity::Error, "kind", "a step can't apply a Scenario"));
            Document::Nothing
        }
        Treatment::List => list(source, &place, diagnostics),
        Treatment::PassedOver => {
            let message = match kind {
                "Node" => "podlab makes its own nodes; passed over".to_owned(),
                _ => format!("podlab doesn't run kind {kind:?}; passed over"),
            };
            let mark = node.locate("kind");
            diagnostics.push(place.say(Severity::Warning, mark, &prefixed(&place.prefix, &message)));
            Document::Nothing
        }
        Treatment::Unknown {
            message,
            help,
            at_version,
        } => {
            let mark = node.locate(if at_version { "apiVersion" } else { "kind" });
            let diagnostic = place.say(Severity::Error, mark, &prefixed(&place.prefix, &message));
            diagnostics.push(with_help(diagnostic, help));
            Document::Nothing
        }
    }
}

fn prefixed(prefix: &str, message: &str) -> String {
    if prefix.is_empty() {
        message.to_owned()
    } else {
        format!("{prefix}: {message}")
    }
}

/// `Service "web"`, as far as the document says.
fn subject(node: &Node) -> String {
    let Some(kind) = node.get("kind").and_then(Node::text) else {
        return String::new();
    };
    match node
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .and_then(Node::text)
    {
        Some(name) if !name.is_empty() => format!("{kind} {:?}", shortened(name.to_owned(), LONGEST_NAME)),
        _ => kind.to_owned(),
    }
}

/// `apiVersion` or `kind`.
fn type_field<'a>(place: &'a Place, field: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<&'a str> {
    let message = match place.node.get(field).map(|node| (&node.content, node.text())) {
        Some((_, Some(text))) if !text.is_empty() => return Some(text),
        None | Some((Content::Null | Content::Text(_), _)) => format!("{field} not set"),
        Some(_) => format!("{field} must be a string"),
    };
    let mark = place.node.locate(field);
    diagnostics.push(place.say(Severity::Error, mark, &prefixed(&place.prefix, &message)));
    None
}

fn list(source: &Arc<Source>, place: &Place, diagnostics: &mut Vec<Diagnostic>) -> Document {
    let items = match place.node.get("items").map(|items| &items.content) {
        Some(Content::List(items)) => items.as_slice(),
        None | Some(Content::Null) => &[],
        Some(_) => {
            diagnostics.push(place.diagnose(Severity::Error, "items", "must be a list"));
            &[]
        }
    };
    let within = |index| {
        (!place.prefix.is_empty())
            .then(|| (place.subject.as_str(), format!("{}.items[{index}]", place.prefix)))
    };
    let documents = items.iter().enumerate();
    Document::Several(
        documents
            .map(|(index, item)| document(source, item.clone(), within(index), diagnostics))
            .collect(),
    )
}

fn object(place: Place, kind: Kind, diagnostics: &mut Vec<Diagnostic>) -> Document {
    let (value, problems) = check(&place.source, &place.node, shapes().kind(kind), &place.prefix);
    for problem in &problems {
        let diagnostic = place.say(Severity::Error, problem.span, &problem.message);
        diagnostics.push(with_help(diagnostic, problem.help.clone()));
    }
    if problems.len() >= MOST {
        // The rest isn't known, so that nothing can be said of the whole.
        return Document::Nothing;
    }
    let mut object = match Object::from_json(kind, value) {
        Ok(object) => object,
        Err(error) => {
            // Only what the shapes don't know, such as the form of a date.
            let (path, error) = (error.path(), error.inner().to_string());
            let path = path.iter().next().map_or_else(String::new, |_| path.to_string());
            diagnostics.push(place.diagnose(Severity::Error, &path, &error));
            return Document::Nothing;
        }
    };
    default_object(&mut object);

    // What has a problem already isn't told a second time.
    let told = |path: &str| told(&problems, &prefixed_path(&place.prefix, path));
    let errors = validate(&object).into_iter().filter(|error| !told(&error.place));
    for error in errors.take(MOST) {
        diagnostics.push(place.refuse(&error));
    }
    let limits = limits(&object).into_iter().filter(|limit| !told(&limit.path));
    for limit in limits.take(MOST) {
        diagnostics.push(place.diagnose(limit.severity, &limit.path, &limit.message));
    }
    let warnings = warnings(&object)
        .into_iter()
        .filter(|warning| !told(&warning.place));
    for warning in warnings.take(MOST) {
        let message = prefixed(&place.prefix, &warning.message);
        diagnostics.push(place.say_at(Severity::Warning, &warning.place, &message));
    }
    Document::Object(Box::new(Located { value: object, place }))
}

/// With advice, if there is any.
pub(super) fn with_help(diagnostic: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn prefixed_path(prefix: &str, path: &str) -> String {
    if prefix.is_empty() {
        path.to_owned()
    } else {
        format!("{prefix}.{path}")
    }
}
