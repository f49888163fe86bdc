//! ConfigMaps and Secrets: what is immutable stays, and so does the type of a Secret.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::json;

use super::immutable;
use crate::validation::Errors;

const ONCE_IMMUTABLE: &str = "field is immutable when `immutable` is set";

pub(super) fn validate_config_map(new: &ConfigMap, old: &ConfigMap, errors: &mut Errors) {
    if old.immutable != Some(true) {
        return;
    }
    for (field, changed) in [
        ("immutable", new.immutable != Some(true)),
        ("data", new.data != old.data),
        ("binaryData", new.binary_data != old.binary_data),
    ] {
        if changed {
            errors.forbidden(field, ONCE_IMMUTABLE);
        }
    }
}

pub(super) fn validate_secret(new: &Secret, old: &Secret, errors: &mut Errors) {
    immutable("type", json!(new.type_), json!(old.type_), errors);
    if old.immutable != Some(true) {
        return;
    }
    for (field, changed) in [
        ("immutable", new.immutable != Some(true)),
        ("data", new.data != old.data),
    ] {
        if changed {
            errors.forbidden(field, ONCE_IMMUTABLE);
        }
    }
}
