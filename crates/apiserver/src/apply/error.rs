//! Why a configuration can't be applied, in Kubernetes' words.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause};
use podlab_api::object::Kind;
use serde_json::Value;

use crate::failure::failure;
use crate::fields::{Path, Set};
use crate::golang::quoted;
use crate::managed::{Managed, ManagedFieldsError, Operation, Owner};
use crate::structure::Faults;

/// Why a configuration can't be applied.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum ApplyError {
    /// Reason `BadRequest`: the configuration isn't an object.
    #[error(
        "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value \
         of type map[string]interface {{}}",
        crate::golang::json_type(.0)
    )]
    NoObject(Value),
    /// Reason `BadRequest`: the configuration is one of another kind.
    #[error("invalid object type: {0}")]
    Type(String),
    /// Reason `BadRequest`: the configuration says itself who owns its fields.
    #[error("metadata.managedFields must be nil")]
    ManagedFieldsGiven,
    /// The configuration doesn't follow the schema. Kubernetes answers that with no reason.
    #[error("failed to create typed patch object ({object}): {faults}")]
    Malformed {
        /// Which object it is of.
        object: String,
        /// What is wrong.
        faults: Faults,
    },
    /// It can't be read who owns the fields of the object. Kubernetes answers that with no reason.
    #[error("failed to decode managed fields: {0}")]
    ManagedFields(ManagedFieldsError),
    /// Reason `Conflict`: others own fields that would change.
    #[error("{}", describe(.0))]
    Conflicts(Vec<Conflict>),
}

/// A field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// Who owns it, as messages tell it: `"kubectl-client-side-apply" using apps/v1`.
    pub manager: String,
    /// The field.
    pub field: Path,
}

impl From<Vec<Conflict>> for ApplyError {
    fn from(conflicts: Vec<Conflict>) -> Self {
        Self::Conflicts(conflicts)
    }
}

impl ApplyError {
    pub(super) fn malformed(applied: &Value, kind: Kind, faults: Faults) -> Self {
        let text = |field: &str| applied["metadata"][field].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        let (group, version) = kind
            .api_version()
            .rsplit_once('/')
            .unwrap_or(("", kind.api_version()));
        Self::Malformed {
            object: format!("{namespace}/{name}; {group}/{version}, Kind={kind}"),
            faults,
        }
    }

    /// The answer to the request.
    pub(crate) fn status(&self) -> Status {
        let (code, reason) = match self {
            Self::NoObject(_) | Self::Type(_) | Self::ManagedFieldsGiven => (400, "BadRequest"),
            Self::Malformed { .. } | Self::ManagedFields(_) => (500, ""),
            Self::Conflicts(_) => (409, "Conflict"),
        };
        let causes = match self {
            Self::Conflicts(conflicts) => conflicts.iter().map(Conflict::cause).collect(),
            _ => Vec::new(),
        };
        failure(code, reason, self.to_string(), causes)
    }
}

impl Conflict {
    fn cause(&self) -> StatusCause {
        StatusCause {
            field: Some(self.field.to_string()),
            message: Some(format!("conflict with {}", self.manager)),
            reason: Some("FieldManagerConflict".to_owned()),
        }
    }
}

fn describe(conflicts: &[Conflict]) -> String {
    if let [Conflict { manager, field }] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {manager}: {field}");
    }
    let mut by_manager: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for Conflict { manager, field } in conflicts {
        by_manager.entry(manager).or_default().push(field);
    }
    let lines = by_manager.into_iter().flat_map(|(manager, fields)| {
        let fields = fields.into_iter().map(|field| format!("- {field}"));
        std::iter::once(format!("conflicts with {manager}:")).chain(fields)
    });
    let lines: Vec<_> = lines.collect();
    format!(
        "Apply failed with {} conflicts: {}",
        conflicts.len(),
        lines.join("\n")
    )
}

/// The fields of others among those that get another value.
pub(super) fn conflicts(managed: &Managed, applier: &Owner, changed: &Set, kind: Kind) -> Vec<Conflict> {
    let others = managed.0.iter().filter(|(owner, _)| *owner != applier);
    let of_owner = |(owner, owned): (&Owner, &crate::managed::Owned)| {
        let manager = tell(owner, kind);
        let fields = owned.fields.intersection(changed).paths().into_iter();
        fields
            .map(|field| Conflict {
                manager: manager.clone(),
                field,
            })
            .collect::<Vec<_>>()
    };
    others.flat_map(of_owner).collect()
}

fn tell(owner: &Owner, kind: Kind) -> String {
    let mut text = quoted(&owner.name);
    if !owner.subresource.is_empty() {
        text += &format!(" with subresource {}", quoted(&owner.subresource));
    }
    if owner.operation == Operation::Update {
        text += &format!(" using {}", kind.api_version());
    }
    text
}
