//! Names, namespaces, labels and annotations of all kinds.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::labels::labels;
use super::{Errors, FieldReason, names};
use crate::object::{Kind, Object};

/// How much all annotations of an object may weigh together.
const ANNOTATIONS: usize = 256 * 1024;

pub(super) fn validate(object: &Object, errors: &mut Errors) {
    let (kind, metadata) = (object.kind(), object.metadata());
    errors.at("metadata", |errors| {
        let rule = match kind {
            Kind::Service => names::label_1035,
            Kind::Namespace => names::label,
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
        labels_and_annotations(metadata, errors);
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
        errors.add(
            "annotations",
            FieldReason::TooLong,
            format!("may not be more than {ANNOTATIONS} bytes"),
        );
    }
}
