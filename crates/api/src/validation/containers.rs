//! Containers.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, EnvVar};

use super::{Errors, names, probes};

/// What a container is to its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs before the others, or beside them from before on if its restart policy is `Always`.
    Init,
    Main,
}

pub(super) fn validate(container: &Container, role: Role, volumes: &BTreeSet<String>, errors: &mut Errors) {
    if container.name.is_empty() {
        errors.required("name", "");
    } else {
        errors.name("name", &container.name, names::label);
    }
    match container.image.as_deref() {
        None | Some("") => errors.required("image", ""),
        Some(image) if image.trim() != image => {
            errors.invalid("image", image, "must not have leading or trailing whitespace");
        }
        Some(_) => {}
    }
    errors.one_of(
        "imagePullPolicy",
        container.image_pull_policy.as_deref(),
        &["Always", "IfNotPresent", "Never"],
    );
    validate_restart_policy(container, role, errors);
    validate_ports(container, errors);
    errors.each("env", container.env.iter().flatten(), validate_variable);
    validate_mounts(container, volumes, errors);
    if let Some(context) = &container.security_context {
        errors.at("securityContext", |errors| {
            user("runAsUser", context.run_as_user, errors);
            user("runAsGroup", context.run_as_group, errors);
        });
    }
    let once = role == Role::Init && container.restart_policy.as_deref() != Some("Always");
    for (field, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        let Some(probe) = probe else { continue };
        if once {
            errors.forbidden(
                field,
                "may not be set for init containers without restartPolicy=Always",
            );
        } else {
            errors.at(field, |errors| probes::validate(probe, field, errors));
        }
    }
}

fn validate_restart_policy(container: &Container, role: Role, errors: &mut Errors) {
    let Some(policy) = container.restart_policy.as_deref() else {
        return;
    };
    if role == Role::Main {
        errors.forbidden("restartPolicy", "may not be set for non-init containers");
    } else {
        errors.one_of("restartPolicy", Some(policy), &["Always"]);
    }
}

fn validate_ports(container: &Container, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    errors.each("ports", container.ports.iter().flatten(), |port, errors| {
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            errors.name("name", name, names::port_name);
            if !seen.insert(name) {
                errors.duplicate("name", name);
            }
        }
        if port.container_port == 0 {
            errors.required("containerPort", "");
        } else {
            errors.port("containerPort", port.container_port);
        }
        if let Some(host_port) = port.host_port.filter(|port| *port != 0) {
            errors.port("hostPort", host_port);
        }
        errors.one_of("protocol", port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
    });
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
    let sources = serde_json::to_value(source).unwrap_or_default();
    match sources.as_object().map_or(0, serde_json::Map::len) {
        0 => errors.invalid("valueFrom", "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"),
        1 => {}
        _ => errors.invalid("valueFrom", "", "may not have more than one field specified at a time"),
    }
    if variable.value.as_deref().is_some_and(|value| !value.is_empty()) {
        errors.invalid("valueFrom", "", "may not be specified when `value` is not empty");
    }
    if let Some(field) = &source.field_ref {
        errors.at("valueFrom.fieldRef.fieldPath", |errors| {
            validate_field_path(&field.field_path, errors)
        });
    }
}

/// The fields that the downward API has.
fn validate_field_path(path: &str, errors: &mut Errors) {
    let fields = [
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
    if path.is_empty() {
        errors.required("", "");
    } else if !(path.starts_with("metadata.labels['") || path.starts_with("metadata.annotations['"))
        || !path.ends_with("']")
    {
        errors.one_of("", Some(path), &fields);
    }
}

fn validate_mounts(container: &Container, volumes: &BTreeSet<String>, errors: &mut Errors) {
    let mut paths = BTreeSet::new();
    errors.each(
        "volumeMounts",
        container.volume_mounts.iter().flatten(),
        |mount, errors| {
            if mount.name.is_empty() {
                errors.required("name", "");
            } else if !volumes.contains(&mount.name) {
                errors.add("name", super::FieldReason::NotFound, format!("{:?}", mount.name));
            }
            if mount.mount_path.is_empty() {
                errors.required("mountPath", "");
            } else if !paths.insert(&mount.mount_path) {
                errors.invalid("mountPath", mount.mount_path.as_str(), "must be unique");
            }
        },
    );
}

/// A number of a user or a group.
pub(super) fn user(field: &str, id: Option<i64>, errors: &mut Errors) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        errors.invalid(field, id, "must be between 0 and 2147483647, inclusive");
    }
}
