//! What pods and templates of pods have in common: everything but the containers themselves.

use std::collections::BTreeSet;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};

use super::containers::{self, Role};
use super::{Errors, FieldReason, names};

pub(super) fn validate(spec: &PodSpec, errors: &mut Errors) {
    let volumes = validate_volumes(spec.volumes.as_deref().unwrap_or_default(), errors);
    validate_containers(spec, &volumes, errors);
    errors.one_of(
        "restartPolicy",
        spec.restart_policy.as_deref(),
        &["Always", "OnFailure", "Never"],
    );
    errors.one_of(
        "dnsPolicy",
        spec.dns_policy.as_deref(),
        &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    );
    if spec.dns_policy.as_deref() == Some("None")
        && spec
            .dns_config
            .as_ref()
            .and_then(|config| config.nameservers.as_ref())
            .is_none_or(Vec::is_empty)
    {
        errors.required(
            "dnsConfig.nameservers",
            "must provide at least one DNS nameserver when `dnsPolicy` is None",
        );
    }
    errors.not_negative(
        "terminationGracePeriodSeconds",
        spec.termination_grace_period_seconds,
    );
    if let Some(name) = spec.hostname.as_deref().filter(|name| !name.is_empty()) {
        errors.name("hostname", name, names::label);
    }
    if let Some(name) = spec.subdomain.as_deref().filter(|name| !name.is_empty()) {
        errors.name("subdomain", name, names::label);
    }
    super::labels::labels("nodeSelector", spec.node_selector.as_ref(), errors);
    errors.each(
        "hostAliases",
        spec.host_aliases.iter().flatten(),
        |alias, errors| {
            if alias.ip.parse::<IpAddr>().is_err() {
                errors.invalid(
                    "ip",
                    alias.ip.as_str(),
                    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                );
            }
            errors.each("hostnames", alias.hostnames.iter().flatten(), |name, errors| {
                errors.name("", name, names::subdomain);
            });
        },
    );
    if let Some(context) = &spec.security_context {
        errors.at("securityContext", |errors| {
            containers::user("runAsUser", context.run_as_user, errors);
            containers::user("runAsGroup", context.run_as_group, errors);
        });
    }
}

/// The names of the volumes.
fn validate_volumes(volumes: &[Volume], errors: &mut Errors) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    errors.each("volumes", volumes, |volume, errors| {
        if volume.name.is_empty() {
            errors.required("name", "");
        } else {
            errors.name("name", &volume.name, names::label);
            if !seen.insert(volume.name.clone()) {
                errors.duplicate("name", volume.name.as_str());
            }
        }
        // Each kind of volume is a field of its own beside the name.
        let fields = serde_json::to_value(volume).unwrap_or_default();
        match fields.as_object().map_or(0, |fields| fields.len() - 1) {
            0 => errors.required("", "must specify a volume type"),
            1 => {}
            _ => errors.forbidden("", "may not specify more than 1 volume type"),
        }
        if volume
            .host_path
            .as_ref()
            .is_some_and(|host_path| host_path.path.is_empty())
        {
            errors.required("hostPath.path", "");
        }
    });
    seen
}

fn validate_containers(spec: &PodSpec, volumes: &BTreeSet<String>, errors: &mut Errors) {
    if spec.containers.is_empty() {
        errors.required("containers", "");
    }
    let mut names = BTreeSet::new();
    let mut unique = |container: &Container, errors: &mut Errors| {
        if !container.name.is_empty() && !names.insert(container.name.clone()) {
            errors.duplicate("name", container.name.as_str());
        }
    };
    errors.each(
        "initContainers",
        spec.init_containers.iter().flatten(),
        |container, errors| {
            unique(container, errors);
            containers::validate(container, Role::Init, volumes, errors);
        },
    );
    errors.each("containers", &spec.containers, |container, errors| {
        unique(container, errors);
        containers::validate(container, Role::Main, volumes, errors);
    });
    let mut host_ports = BTreeSet::new();
    for (index, container) in spec.containers.iter().enumerate() {
        for (number, port) in container.ports.iter().flatten().enumerate() {
            let Some(host_port) = port.host_port.filter(|port| *port != 0) else {
                continue;
            };
            if !host_ports.insert((port.protocol.clone(), port.host_ip.clone(), host_port)) {
                let field = format!("containers[{index}].ports[{number}].hostPort");
                errors.add(&field, FieldReason::Duplicate, host_port.to_string());
            }
        }
    }
}
