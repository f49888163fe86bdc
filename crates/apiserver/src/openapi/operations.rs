//! What can be asked for at each path.

use podlab_api::object::Kind;
use serde_json::{Map, Value, json};

use crate::discovery::group_version_kind;
use crate::resources::{self, GroupKind, ResourceInfo, Subresource, Verb};
use crate::schema::{self, DELETE_OPTIONS, PATCH, SCALE, STATUS, reference};

const JSON: &[&str] = &["application/json"];
const PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

/// The paths below `root`, of an API version `v1` or `apps/v1`, with their operations.
pub(super) fn paths(root: &str, api_version: &str) -> Map<String, Value> {
    let resources = resources::of_version(api_version);
    let paths = resources.iter().flat_map(|resource| of_resource(root, resource));
    paths.collect()
}

fn of_resource(root: &str, resource: &ResourceInfo) -> Vec<(String, Value)> {
    let kind = resource.kind;
    let everywhere = format!("/{root}/{}", kind.plural());
    let collection = match kind.namespaced() {
        true => format!("/{root}/namespaces/{{namespace}}/{}", kind.plural()),
        false => everywhere.clone(),
    };
    let object = format!("{collection}/{{name}}");
    let objects = |path: &str, verbs: &[Verb]| {
        let verbs = verbs.iter().filter(|verb| resource.verbs.contains(verb));
        let operations = verbs.map(|verb| operation(*verb, GroupKind::of(kind), schema::of(kind)));
        at(path, operations)
    };
    let parts = resource.subresources.iter().map(|part| {
        let operations = part.verbs().iter().map(|verb| part_operation(*verb, kind, *part));
        at(&format!("{object}/{}", part.as_str()), operations)
    });
    let parts: Vec<_> = parts.collect();
    let mut paths = vec![
        objects(&everywhere, &[Verb::List]),
        objects(&collection, &[Verb::List, Verb::Create, Verb::DeleteCollection]),
        objects(&object, &[Verb::Get, Verb::Update, Verb::Patch, Verb::Delete]),
    ];
    paths.extend(parts);
    paths
}

/// A path with its operations, by their methods, and with its parameters.
fn at(path: &str, operations: impl Iterator<Item = (&'static str, Value)>) -> (String, Value) {
    let parameters = path.split(['{', '}']).skip(1).step_by(2);
    let parameters = parameters
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let parameters = ("parameters", parameters.collect());
    let fields = operations
        .chain([parameters])
        .map(|(name, value)| (name.to_owned(), value));
    (path.to_owned(), Value::Object(fields.collect()))
}

fn part_operation(verb: Verb, kind: Kind, part: Subresource) -> (&'static str, Value) {
    let of = part.group_kind(kind);
    match part {
        Subresource::Exec => stream(verb, "connect", of, EXEC),
        Subresource::PortForward => stream(verb, "connect", of, PORT_FORWARD),
        Subresource::Log => stream(verb, "get", of, LOG),
        Subresource::Scale => operation(verb, of, SCALE),
        Subresource::Finalize | Subresource::Status => operation(verb, of, schema::of(kind)),
    }
}

/// What a verb does with objects of a component, and the method that it has.
fn operation(verb: Verb, of: GroupKind, component: &str) -> (&'static str, Value) {
    let (action, parameters, body, response): (_, &[_], _, _) = match verb {
        Verb::Create => ("post", WRITE, Some((JSON, component)), component.to_owned()),
        Verb::Update => ("put", WRITE, Some((JSON, component)), component.to_owned()),
        Verb::Patch => ("patch", APPLY, Some((PATCHES, PATCH)), component.to_owned()),
        Verb::Get => ("get", &[], None, component.to_owned()),
        Verb::List | Verb::Watch => ("list", LIST, None, format!("{component}List")),
        Verb::Delete => ("delete", DELETE, Some((JSON, DELETE_OPTIONS)), STATUS.to_owned()),
        Verb::DeleteCollection => (
            "deletecollection",
            DELETE_COLLECTION,
            Some((JSON, DELETE_OPTIONS)),
            STATUS.to_owned(),
        ),
    };
    let mut operation = described(action, of, parameters, content(JSON, &reference(&response)));
    if let Some((media_types, component)) = body {
        operation["requestBody"] = json!({"content": content(media_types, &reference(component))});
    }
    (method(verb), operation)
}

/// What is said and heard in another form than an object's.
fn stream(verb: Verb, action: &str, of: GroupKind, parameters: &[Parameter]) -> (&'static str, Value) {
    let text = content(&["*/*"], &json!({"type": "string"}));
    (method(verb), described(action, of, parameters, text))
}

fn described(action: &str, of: GroupKind, parameters: &[Parameter], answer: Value) -> Value {
    let parameters = parameters
        .iter()
        .map(|(name, kind)| json!({"name": name, "in": "query", "schema": {"type": kind}}));
    json!({
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": group_version_kind(of),
        "parameters": parameters.collect::<Vec<_>>(),
        "responses": {"200": {"description": "OK", "content": answer}},
    })
}

fn content(media_types: &[&str], schema: &Value) -> Value {
    let media_types = media_types
        .iter()
        .map(|media_type| ((*media_type).to_owned(), json!({"schema": schema})));
    Value::Object(media_types.collect())
}

fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "post",
        Verb::Delete | Verb::DeleteCollection => "delete",
        Verb::Get | Verb::List | Verb::Watch => "get",
        Verb::Patch => "patch",
        Verb::Update => "put",
    }
}

/// A query parameter's name, and its value's type.
type Parameter = (&'static str, &'static str);

const DRY_RUN: Parameter = ("dryRun", "string");
const FIELD_MANAGER: Parameter = ("fieldManager", "string");
const FIELD_SELECTOR: Parameter = ("fieldSelector", "string");
const FIELD_VALIDATION: Parameter = ("fieldValidation", "string");
const GRACE_PERIOD: Parameter = ("gracePeriodSeconds", "integer");
const LABEL_SELECTOR: Parameter = ("labelSelector", "string");
const PROPAGATION: Parameter = ("propagationPolicy", "string");

const WRITE: &[Parameter] = &[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION];
const APPLY: &[Parameter] = &[DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION, ("force", "boolean")];
const DELETE: &[Parameter] = &[DRY_RUN, GRACE_PERIOD, PROPAGATION];
const DELETE_COLLECTION: &[Parameter] = &[DRY_RUN, FIELD_SELECTOR, GRACE_PERIOD, LABEL_SELECTOR, PROPAGATION];
const LIST: &[Parameter] = &[
    ("allowWatchBookmarks", "boolean"),
    ("continue", "string"),
    FIELD_SELECTOR,
    LABEL_SELECTOR,
    ("limit", "integer"),
    ("resourceVersion", "string"),
    ("resourceVersionMatch", "string"),
    ("sendInitialEvents", "boolean"),
    ("timeoutSeconds", "integer"),
    ("watch", "boolean"),
];
const EXEC: &[Parameter] = &[
    ("command", "string"),
    ("container", "string"),
    ("stderr", "boolean"),
    ("stdin", "boolean"),
    ("stdout", "boolean"),
    ("tty", "boolean"),
];
const LOG: &[Parameter] = &[
    ("container", "string"),
    ("follow", "boolean"),
    ("limitBytes", "integer"),
    ("previous", "boolean"),
    ("sinceSeconds", "integer"),
    ("sinceTime", "string"),
    ("tailLines", "integer"),
    ("timestamps", "boolean"),
];
const PORT_FORWARD: &[Parameter] = &[("ports", "integer")];
