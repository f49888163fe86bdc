//! Containers.

mod environment;
mod mounts;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Container;

use super::{Errors, names, probes};

/// What a container is to its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs before the others, or beside them from before on if its restart policy is `Always`.
    Init,
    Main,
}

/// What holds for a container whatever it is to its pod. `volumes` are the names of those that it can mount.
pub(super) fn validate(container: &Container, volumes: &BTreeSet<String>, errors: &mut Errors) {
    if container.name.is_empty() {
        errors.required("name", "");
    } else {
        errors.name("name", &container.name, names::label);
    }
    if container.image.as_deref().is_none_or(str::is_empty) {
        errors.required("image", "");
    }
    errors.one_of(
        "terminationMessagePolicy",
        container.termination_message_policy.as_deref(),
        &["File", "FallbackToLogsOnError"],
    );
    validate_ports(container, errors);
    environment::validate(container, errors);
    mounts::validate(container, volumes, errors);
    errors.one_of(
        "imagePullPolicy",
        container.image_pull_policy.as_deref(),
        &["Always", "IfNotPresent", "Never"],
    );
    if let Some(context) = &container.security_context {
        errors.at("securityContext", |errors| {
            user("runAsUser", context.run_as_user, errors);
            user("runAsGroup", context.run_as_group, errors);
        });
    }
}

/// What depends on what a container is to its pod. `grace` is how many seconds the pod has to stop.
pub(super) fn validate_role(container: &Container, role: Role, grace: Option<i64>, errors: &mut Errors) {
    if role == Role::Init {
        errors.one_of("restartPolicy", container.restart_policy.as_deref(), &["Always"]);
    }
    if role == Role::Init && container.restart_policy.as_deref() != Some("Always") {
        forbid_what_runs_on(container, errors);
    } else {
        validate_hooks(container, grace, errors);
        for (field, probe) in probes::of(container) {
            errors.at(field, |errors| probes::validate(probe, field, errors));
        }
    }
    if role == Role::Main && container.restart_policy.is_some() {
        errors.forbidden("restartPolicy", "may not be set for non-init containers");
    }
}

fn forbid_what_runs_on(container: &Container, errors: &mut Errors) {
    let hooks = container.lifecycle.iter().map(|_| "lifecycle");
    for field in hooks.chain(probes::of(container).map(|(field, _)| field)) {
        errors.forbidden(
            field,
            "may not be set for init containers without restartPolicy=Always",
        );
    }
}

fn validate_hooks(container: &Container, grace: Option<i64>, errors: &mut Errors) {
    let Some(hooks) = &container.lifecycle else { return };
    for (field, hook) in [("postStart", &hooks.post_start), ("preStop", &hooks.pre_stop)] {
        if let Some(hook) = hook {
            errors.at(&format!("lifecycle.{field}"), |errors| {
                probes::validate_hook(hook, grace, errors);
            });
        }
    }
}

fn validate_ports(container: &Container, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    errors.each("ports", container.ports.iter().flatten(), |port, errors| {
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            if !names::port_name(name).is_empty() {
                errors.name("name", name, names::port_name);
            } else if !seen.insert(name) {
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

/// A number of a user or a group.
pub(super) fn user(field: &str, id: Option<i64>, errors: &mut Errors) {
    if let Some(id) = id.filter(|id| !(0..=i64::from(i32::MAX)).contains(id)) {
        errors.invalid(field, id, "must be between 0 and 2147483647, inclusive");
    }
}
