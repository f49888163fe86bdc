//! The volumes of a pod.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Volume;

use crate::validation::{Errors, names};

/// The kinds of volumes in the order in which Kubernetes looks for them, as far as it matters.
const KINDS: &[&str] = &[
    "emptyDir",
    "hostPath",
    "secret",
    "nfs",
    "persistentVolumeClaim",
    "downwardAPI",
    "configMap",
    "projected",
    "csi",
    "ephemeral",
    "image",
];

/// The names of the volumes that containers can mount: those with nothing wrong.
pub(super) fn validate(volumes: &[Volume], errors: &mut Errors) -> BTreeSet<String> {
    let mut valid = BTreeSet::new();
    errors.each("volumes", volumes, |volume, errors| {
        let before = errors.found.len();
        validate_kind(volume, errors);
        if volume.name.is_empty() {
            errors.required("name", "");
        } else {
            errors.name("name", &volume.name, names::label);
        }
        if valid.contains(&volume.name) {
            errors.duplicate("name", volume.name.as_str());
        }
        if errors.found.len() == before {
            valid.insert(volume.name.clone());
        }
    });
    valid
}

/// Each kind of volume is a field of its own beside the name.
fn validate_kind(volume: &Volume, errors: &mut Errors) {
    let fields = serde_json::to_value(volume).unwrap_or_default();
    let fields = fields.as_object().into_iter().flat_map(|fields| fields.keys());
    let mut kinds: Vec<&str> = fields
        .map(String::as_str)
        .filter(|field| *field != "name")
        .collect();
    kinds.sort_by_key(|kind| {
        KINDS
            .iter()
            .position(|known| known == kind)
            .unwrap_or(KINDS.len())
    });
    if kinds.is_empty() {
        errors.required("", "must specify a volume type");
    }
    if kinds.first() == Some(&"hostPath") {
        let path = volume.host_path.as_ref().map(|host| host.path.as_str());
        validate_host_path(path.unwrap_or_default(), errors);
    }
    for more in kinds.iter().skip(1) {
        errors.forbidden(more, "may not specify more than 1 volume type");
    }
}

fn validate_host_path(path: &str, errors: &mut Errors) {
    if path.is_empty() {
        errors.required("hostPath.path", "");
    } else if path.split('/').any(|part| part == "..") {
        errors.invalid("hostPath.path", path, "must not contain '..'");
    }
}
