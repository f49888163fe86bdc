//! The variables of a container.

use k8s_openapi::api::core::v1::{Container, EnvVar, ObjectFieldSelector};

use crate::suggest::suggest;
use crate::validation::{Errors, FieldReason, names};

/// The fields of a pod that a variable can have its value from.
const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// What Kubernetes knows by name, though no variable can have it.
const OTHER_FIELDS: &[&str] = &[
    "metadata.annotations",
    "metadata.labels",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.phase",
];

pub(super) fn validate(container: &Container, errors: &mut Errors) {
    errors.each("env", container.env.iter().flatten(), validate_variable);
    errors.each(
        "envFrom",
        container.env_from.iter().flatten(),
        |source, errors| {
            if let Some(prefix) = source.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
                errors.name("prefix", prefix, names::variable);
            }
            let rule = match (&source.config_map_ref, &source.secret_ref) {
                (None, None) => "must specify one of: `configMapRef` or `secretRef`",
                (Some(_), Some(_)) => "may not have more than one field specified at a time",
                _ => return,
            };
            errors.invalid("", "", rule);
        },
    );
}

fn validate_variable(variable: &EnvVar, errors: &mut Errors) {
    if variable.name.is_empty() {
        errors.required("name", "");
    } else {
        errors.name("name", &variable.name, names::variable);
    }
    let Some(source) = &variable.value_from else {
        return;
    };
    if let Some(field) = &source.field_ref {
        errors.at("valueFrom.fieldRef", |errors| validate_field(field, errors));
    }
    let sources = serde_json::to_value(source).unwrap_or_default();
    let sources = sources.as_object().map_or(0, serde_json::Map::len);
    let value = variable.value.as_deref().unwrap_or_default();
    let rule = match sources {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        _ if !value.is_empty() => "may not be specified when `value` is not empty",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.invalid("valueFrom", "", rule);
}

fn validate_field(field: &ObjectFieldSelector, errors: &mut Errors) {
    let path = field.field_path.as_str();
    if path.is_empty() {
        return errors.required("fieldPath", "");
    }
    let version = field.api_version.as_deref().unwrap_or_default();
    let problem = match subscript(path) {
        _ if version != "v1" => format!("unsupported pod version: {version}"),
        Some(("metadata.labels", key)) => return errors.name("", key, names::qualified),
        Some(("metadata.annotations", key)) => return errors.name("", &key.to_lowercase(), names::qualified),
        Some(_) => format!("field label does not support subscript: {path}"),
        None if FIELDS.contains(&path) || OTHER_FIELDS.contains(&path) => {
            return errors.one_of("fieldPath", Some(path), FIELDS);
        }
        None => format!("field label not supported: {path}"),
    };
    let detail = format!("{path:?}: error converting fieldPath: {problem}");
    let help = suggest(path, FIELDS.iter().copied()).map(|meant| format!("did you mean {meant:?}?"));
    errors.add_with_help("fieldPath", FieldReason::Invalid, detail, help);
}

/// `metadata.labels['app']` as `metadata.labels` and `app`.
fn subscript(path: &str) -> Option<(&str, &str)> {
    path.strip_suffix("']")?.split_once("['")
}
