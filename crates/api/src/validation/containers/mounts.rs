//! Where a container mounts the volumes of its pod.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Container;

use crate::validation::Errors;

pub(super) fn validate(container: &Container, volumes: &BTreeSet<String>, errors: &mut Errors) {
    let mut paths = BTreeSet::new();
    let mounts = container.volume_mounts.as_deref().unwrap_or_default();
    errors.each("volumeMounts", mounts, |mount, errors| {
        if mount.name.is_empty() {
            errors.required("name", "");
        }
        if !volumes.contains(&mount.name) {
            errors.not_found("name", &mount.name);
        }
        if mount.mount_path.is_empty() {
            errors.required("mountPath", "");
        }
        if !paths.insert(&mount.mount_path) {
            errors.invalid("mountPath", mount.mount_path.as_str(), "must be unique");
        }
    });
    for (index, mount) in mounts.iter().enumerate() {
        validate_sub_path(index, "subPath", mount.sub_path.as_deref(), errors);
        validate_sub_path(index, "subPathExpr", mount.sub_path_expr.as_deref(), errors);
    }
}

/// A path below the volume, which Kubernetes tells without the number of the mount.
fn validate_sub_path(index: usize, field: &str, path: Option<&str>, errors: &mut Errors) {
    let Some(path) = path else { return };
    let told = format!("volumeMounts.{field}");
    errors.at_told_as(&told, &format!("volumeMounts[{index}].{field}"), |errors| {
        if path.starts_with('/') {
            errors.invalid("", path, "must be a relative path");
        }
        if path.split('/').any(|part| part == "..") {
            errors.invalid("", path, "must not contain '..'");
        }
    });
}
