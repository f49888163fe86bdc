//! Names, namespaces, labels and annotations of all kinds.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use serde_json::json;

use super::labels::labels;
use super::update::immutable;
use super::{Errors, names};
use crate::object::{Kind, Object};

/// How much all annotations of an object may weigh together.
const ANNOTATIONS: usize = 256 * 1024;

pub(super) fn validate(object: &Object, errors: &mut Errors) {
    let (kind, metadata) = (object.kind(), object.metadata());
    errors.at("metadata", |errors| {
        let rule = match kind {
            Kind::Service => names::label_1035,
            Kind::Namespace => names::label,
            Kind::Event => names::path_segment,
            _ => names::subdomain,
        };
        let given = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        let prefix = given(&metadata.generate_name);
        if let Some(prefix) = &prefix {
            // What is generated comes after it, so a dash at the end is fine.
            let continued = prefix
                .strip_suffix('-')
                .map_or(prefix.clone(), |start| format!("{start}a"));
            for why in rule(&continued) {
                errors.invalid("generateName", prefix.as_str(), &why);
            }
        }
        match given(&metadata.name) {
            Some(name) => errors.name("name", &name, rule),
            None if prefix.is_none() => errors.required("name", "name or generateName is required"),
            None => {}
        }
        match metadata
            .namespace
            .as_deref()
            .filter(|namespace| !namespace.is_empty())
        {
            Some(_) if !kind.namespaced() => errors.forbidden("namespace", "not allowed on this type"),
            Some(namespace) => errors.name("namespace", namespace, names::label),
            None => {}
        }
        errors.not_negative("generation", metadata.generation);
        labels_and_annotations(metadata, errors);
        owners(metadata, errors);
        finalizers(metadata, errors);
        for (index, entry) in metadata.managed_fields.iter().flatten().enumerate() {
            let field = format!("managedFields[{index}].operation");
            let operation = entry.operation.as_deref().unwrap_or_default();
            if !matches!(operation, "Apply" | "Update") {
                errors.invalid(&field, operation, "must be `Apply` or `Update`");
            }
        }
    });
}

/// What the metadata of an object may not become.
pub(super) fn validate_update(new: &ObjectMeta, old: &ObjectMeta, errors: &mut Errors) {
    errors.at("metadata", |errors| {
        let had: Vec<&String> = old.finalizers.iter().flatten().collect();
        let added: Vec<&String> = new.finalizers.iter().flatten().filter(|name| !had.contains(name)).collect();
        if old.deletion_timestamp.is_some() && !added.is_empty() {
            let added: Vec<String> = added.iter().map(|name| format!("{name:?}")).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            errors.forbidden("finalizers", &why);
        }
        let (generation, before) = (new.generation.unwrap_or_default(), old.generation.unwrap_or_default());
        if generation < before {
            errors.invalid("generation", generation, "must not be decremented");
        }
        let text = |text: &Option<String>| json!(text.as_deref().unwrap_or_default());
        for (field, new, old) in [
            ("name", text(&new.name), text(&old.name)),
            ("namespace", text(&new.namespace), text(&old.namespace)),
            ("uid", text(&new.uid), text(&old.uid)),
            ("creationTimestamp", json!(new.creation_timestamp), json!(old.creation_timestamp)),
            ("deletionTimestamp", json!(new.deletion_timestamp), json!(old.deletion_timestamp)),
            (
                "deletionGracePeriodSeconds",
                json!(new.deletion_grace_period_seconds),
                json!(old.deletion_grace_period_seconds),
            ),
        ] {
            immutable(field, new, old, errors);
        }
    });
}

/// Kubernetes tells no number of an owner.
fn owners(metadata: &ObjectMeta, errors: &mut Errors) {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let mut controller = None;
    for (index, owner) in owners.iter().enumerate() {
        errors.at_told_as("ownerReferences", &format!("ownerReferences[{index}]"), |errors| {
            let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
            if version.is_empty() || version.contains('/') {
                errors.invalid("apiVersion", &*owner.api_version, "version must not be empty");
            }
            for (field, value) in [("kind", &owner.kind), ("name", &owner.name), ("uid", &owner.uid)] {
                if value.is_empty() {
                    errors.invalid(field, "", "must not be empty");
                }
            }
            if (group, version, &*owner.kind) == ("", "v1", "Event") {
                errors.invalid("", json!(owner), "/v1, Kind=Event is disallowed from being an owner");
            }
            if owner.controller == Some(true) {
                let name = format!("{}/{}", owner.kind, owner.name);
                if let Some(first) = &controller {
                    let why = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} \
                         and {name}"
                    );
                    errors.invalid("", json!(owners), &why);
                } else {
                    controller = Some(name);
                }
            }
        });
    }
}

fn finalizers(metadata: &ObjectMeta, errors: &mut Errors) {
    let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
    for (index, name) in finalizers.iter().enumerate() {
        let place = format!("finalizers[{index}]");
        errors.at_told_as("finalizers", &place, |errors| {
            errors.name("", name, names::qualified)
        });
    }
    let has = |wanted: &str| finalizers.iter().any(|name| name == wanted);
    if has("orphan") && has("foregroundDeletion") {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.invalid("finalizers", json!(finalizers), why);
    }
    errors.each("finalizers", finalizers, |name, errors| {
        errors.name("", name, names::finalizer)
    });
}

pub(super) fn labels_and_annotations(metadata: &ObjectMeta, errors: &mut Errors) {
    labels("labels", metadata.labels.as_ref(), errors);
    annotations(metadata.annotations.as_ref(), errors);
}

fn annotations(annotations: Option<&BTreeMap<String, String>>, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in annotations.into_iter().flatten() {
        errors.at_told_as("annotations", &format!("annotations[{key}]"), |errors| {
            errors.name("", key, |key| names::qualified(&key.to_lowercase()));
        });
        size += key.len() + value.len();
    }
    if size > ANNOTATIONS {
        errors.too_long("annotations", ANNOTATIONS);
    }
}
