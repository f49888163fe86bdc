//! What pods and templates of pods have in common: everything but the containers themselves.

mod dns;
mod volumes;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSecurityContext, PodSpec};

use super::addresses::ip;
use super::containers::{self, Role};
use super::{Errors, names};

/// Whether a specification is a pod's own or that of pods to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Pod,
    Template,
}

pub(super) fn validate(spec: &PodSpec, of: Of, errors: &mut Errors) {
    let volumes = volumes::validate(spec.volumes.as_deref().unwrap_or_default(), errors);
    validate_containers(spec, &volumes, errors);
    validate_host_network(spec, of, errors);
    errors.one_of(
        "restartPolicy",
        spec.restart_policy.as_deref(),
        &["Always", "OnFailure", "Never"],
    );
    errors.one_of(
        "dnsPolicy",
        spec.dns_policy.as_deref(),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    );
    super::labels::labels("nodeSelector", spec.node_selector.as_ref(), errors);
    if let Some(context) = &spec.security_context {
        errors.at("securityContext", |errors| validate_context(context, errors));
    }
    dns::validate(spec, errors);
    errors.each(
        "readinessGates",
        spec.readiness_gates.iter().flatten(),
        |gate, errors| {
            errors.name("conditionType", &gate.condition_type, names::qualified);
        },
    );
    given(
        "serviceAccountName",
        spec.service_account_name.as_deref(),
        names::subdomain,
        errors,
    );
    given("nodeName", spec.node_name.as_deref(), names::subdomain, errors);
    if let Some(seconds) = spec.active_deadline_seconds {
        errors.between("activeDeadlineSeconds", seconds, 1, i32::MAX.into());
    }
    given("hostname", spec.hostname.as_deref(), names::label, errors);
    given("subdomain", spec.subdomain.as_deref(), names::label, errors);
    errors.each(
        "hostAliases",
        spec.host_aliases.iter().flatten(),
        |alias, errors| {
            ip("ip", &alias.ip, errors);
            errors.each("hostnames", alias.hostnames.iter().flatten(), |name, errors| {
                errors.name("", name, names::subdomain);
            });
        },
    );
    if of == Of::Pod {
        validate_images(spec, errors);
    }
    if spec
        .ephemeral_containers
        .as_ref()
        .is_some_and(|containers| !containers.is_empty())
    {
        let why = match of {
            Of::Pod => "cannot be set on create",
            Of::Template => "ephemeral containers not allowed in pod template",
        };
        errors.forbidden("ephemeralContainers", why);
    }
}

/// A name that may be missing.
fn given(field: &str, name: Option<&str>, rule: fn(&str) -> Vec<String>, errors: &mut Errors) {
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        errors.name(field, name, rule);
    }
}

fn validate_containers(spec: &PodSpec, volumes: &BTreeSet<String>, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    let mut unique = |container: &Container, errors: &mut Errors| {
        if !container.name.is_empty() && !names.insert(container.name.clone()) {
            errors.duplicate("name", container.name.as_str());
        }
    };
    let grace = spec.termination_grace_period_seconds;
    if spec.containers.is_empty() {
        errors.required("containers", "");
    }
    errors.each("containers", &spec.containers, |container, errors| {
        containers::validate(container, volumes, errors);
        unique(container, errors);
        containers::validate_role(container, Role::Main, grace, errors);
    });
    let mut taken = BTreeSet::new();
    errors.each("containers", &spec.containers, |container, errors| {
        validate_host_ports(container, &mut taken, errors);
    });
    errors.each(
        "initContainers",
        spec.init_containers.iter().flatten(),
        |container, errors| {
            containers::validate(container, volumes, errors);
            unique(container, errors);
            // They run one after the other, so that each may have the port of another.
            validate_host_ports(container, &mut BTreeSet::new(), errors);
            containers::validate_role(container, Role::Init, grace, errors);
        },
    );
}

fn validate_host_ports(container: &Container, taken: &mut BTreeSet<String>, errors: &mut Errors) {
    errors.each("ports", container.ports.iter().flatten(), |port, errors| {
        let Some(number) = port.host_port.filter(|number| *number != 0) else {
            return;
        };
        let protocol = port.protocol.as_deref().unwrap_or_default();
        let port = format!(
            "{protocol}/{}/{number}",
            port.host_ip.as_deref().unwrap_or_default()
        );
        if !taken.insert(port.clone()) {
            errors.duplicate("hostPort", port);
        }
    });
}

/// In the network of the host, a port is the host's.
fn validate_host_network(spec: &PodSpec, of: Of, errors: &mut Errors) {
    if spec.host_network != Some(true) {
        return;
    }
    errors.each("containers", &spec.containers, |container, errors| {
        errors.each("ports", container.ports.iter().flatten(), |port, errors| {
            let host_port = port.host_port.unwrap_or(0);
            if host_port != port.container_port && (of == Of::Pod || host_port != 0) {
                let rule = "must match `containerPort` when `hostNetwork` is true";
                errors.invalid("hostPort", host_port, rule);
            }
        });
    });
}

fn validate_context(context: &PodSecurityContext, errors: &mut Errors) {
    containers::user("fsGroup", context.fs_group, errors);
    containers::user("runAsUser", context.run_as_user, errors);
    containers::user("runAsGroup", context.run_as_group, errors);
    errors.each(
        "supplementalGroups",
        context.supplemental_groups.iter().flatten(),
        |group, errors| {
            containers::user("", Some(*group), errors);
        },
    );
}

fn validate_images(spec: &PodSpec, errors: &mut Errors) {
    let padded = |container: &Container, errors: &mut Errors| {
        if let Some(image) = container.image.as_deref().filter(|image| image.trim() != *image) {
            errors.invalid("image", image, "must not have leading or trailing whitespace");
        }
    };
    errors.each("containers", &spec.containers, padded);
    errors.each("initContainers", spec.init_containers.iter().flatten(), padded);
}
