//! Services.

mod addresses;
mod ports;
mod traffic;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use super::labels::labels;
use super::{Errors, names};

pub(super) fn validate(service: &Service, errors: &mut Errors) {
    let Some(spec) = &service.spec else {
        return errors.required("spec.ports", "");
    };
    errors.at("spec", |errors| {
        let kind = kind(spec);
        if is_empty(&spec.ports) && !is_headless(spec) && kind != "ExternalName" {
            errors.required("ports", "");
        }
        match kind {
            "LoadBalancer" | "NodePort" if is_headless(spec) => {
                let rule = format!("may not be set to 'None' for {kind} services");
                errors.invalid("clusterIPs[0]", "None", &rule);
            }
            "ExternalName" => validate_external_name(spec, errors),
            _ => {}
        }
        ports::validate(spec, errors);
        labels("selector", spec.selector.as_ref(), errors);
        traffic::validate_affinity(spec, errors);
        addresses::validate(spec, errors);
        errors.one_of(
            "type",
            Some(kind),
            &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
        );
        ports::validate_node_ports(spec, errors);
        ports::validate_unique(spec, errors);
    });
    traffic::validate(service, errors);
}

pub(super) fn kind(spec: &ServiceSpec) -> &str {
    spec.type_.as_deref().unwrap_or_default()
}

pub(super) fn is_headless(spec: &ServiceSpec) -> bool {
    spec.cluster_ips.as_deref() == Some(&["None".to_owned()])
}

fn is_empty<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_none_or(Vec::is_empty)
}

/// The name of a host elsewhere: such a service has nothing of its own.
fn validate_external_name(spec: &ServiceSpec, errors: &mut Errors) {
    for (field, given) in [
        ("clusterIPs", !is_empty(&spec.cluster_ips)),
        ("ipFamilies", !is_empty(&spec.ip_families)),
        ("ipFamilyPolicy", spec.ip_family_policy.is_some()),
    ] {
        if given {
            errors.forbidden(field, "may not be set for ExternalName services");
        }
    }
    let name = spec.external_name.as_deref().unwrap_or_default();
    match name.strip_suffix('.').unwrap_or(name) {
        "" => errors.required("externalName", ""),
        name => errors.name("externalName", name, names::subdomain),
    }
}
