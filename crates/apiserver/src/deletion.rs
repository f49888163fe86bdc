//! DeleteOptions: from the body, or from the query.

use podlab_api::object::Kind;
use podlab_api::validation::{FieldError, FieldReason};
use podlab_control::registry::{Deletion, Mode, Propagation};
use serde::Deserialize;
use serde_json::Value;

use crate::query::Query;
use crate::status::Failure;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteOptions {
    grace_period_seconds: Option<i64>,
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    preconditions: Option<Preconditions>,
    #[serde(default)]
    dry_run: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

/// How a request wants something deleted. If a body is given it counts, and the query doesn't.
///
/// # Errors
/// BadRequest for a body that is none, Invalid for values that the options can't have.
pub(crate) fn options(query: &Query, body: Option<Value>) -> Result<Deletion, Failure> {
    let given = match body {
        None => from_query(query)?,
        Some(body) => from_body(body)?,
    };
    let mut errors = Vec::new();
    let propagation = match (given.propagation_policy.as_deref(), given.orphan_dependents) {
        (Some(_), Some(_)) => {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid(
                "propagationPolicy",
                given.propagation_policy.clone(),
                why,
            ));
            None
        }
        (None, None) => None,
        (None, Some(true)) | (Some("Orphan"), None) => Some(Propagation::Orphan),
        (None, Some(false)) | (Some("Background"), None) => Some(Propagation::Background),
        (Some("Foreground"), None) => Some(Propagation::Foreground),
        (Some(other), None) => {
            let detail = format!("{other:?}: supported values: \"Background\", \"Foreground\", \"Orphan\"");
            errors.push(FieldError::new(
                "propagationPolicy",
                FieldReason::Unsupported,
                detail,
            ));
            None
        }
    };
    if let Some(other) = given.dry_run.iter().find(|value| *value != "All") {
        let detail = format!("{:?}: supported values: \"All\"", [other]);
        errors.push(FieldError::new("dryRun", FieldReason::Unsupported, detail));
    }
    if !errors.is_empty() {
        return Err(Failure::invalid("DeleteOptions", "meta.k8s.io", "", &errors));
    }
    let (uid, resource_version) = given
        .preconditions
        .map(|it| (it.uid, it.resource_version))
        .unwrap_or_default();
    Ok(Deletion {
        propagation,
        grace_period_seconds: given.grace_period_seconds,
        uid,
        resource_version,
        mode: if given.dry_run.is_empty() {
            Mode::Commit
        } else {
            Mode::DryRun
        },
    })
}

fn from_query(query: &Query) -> Result<DeleteOptions, Failure> {
    Ok(DeleteOptions {
        grace_period_seconds: query.number("gracePeriodSeconds")?,
        propagation_policy: query.text("propagationPolicy"),
        orphan_dependents: query
            .text("orphanDependents")
            .map(|_| query.flag("orphanDependents")),
        preconditions: None,
        dry_run: query.all("dryRun").map(str::to_owned).collect(),
    })
}

fn from_body(body: Value) -> Result<DeleteOptions, Failure> {
    if !matches!(body["kind"].as_str(), None | Some("" | "DeleteOptions")) {
        return Err(Failure::bad_request(
            "decoded object cannot be converted to DeleteOptions",
        ));
    }
    serde_json::from_value(body).map_err(|error| {
        Failure::bad_request(format!(
            "json: cannot unmarshal into Go value of type v1.DeleteOptions: {error}"
        ))
    })
}

/// Whether Kubernetes answers the deletion of such an object with the object, and not with a Status.
pub(crate) fn answers_object(kind: Kind) -> bool {
    matches!(kind, Kind::Pod | Kind::Service | Kind::ServiceAccount)
}
