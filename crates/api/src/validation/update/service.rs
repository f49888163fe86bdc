//! Services: what they have been given stays theirs.

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use serde_json::json;

use crate::validation::Errors;
use crate::validation::service::{is_headless, kind};

const ONCE: &str = "may not change once set";

pub(super) fn validate(new: &Service, old: &Service, errors: &mut Errors) {
    let (Some(new), Some(old)) = (&new.spec, &old.spec) else {
        return;
    };
    errors.at("spec", |errors| {
        if kind(new) != "ExternalName" && kind(old) != "ExternalName" {
            validate_addresses(new, old, errors);
            validate_families(new, old, errors);
        }
        validate_load_balancer(new, old, errors);
    });
}

fn validate_addresses(new: &ServiceSpec, old: &ServiceSpec, errors: &mut Errors) {
    if is_headless(new) && is_headless(old) {
        return;
    }
    let (told, new_ips) = (
        json!(new.cluster_ips),
        new.cluster_ips.as_deref().unwrap_or_default(),
    );
    let old_ips = old.cluster_ips.as_deref().unwrap_or_default();
    if new_ips.is_empty() && !old_ips.is_empty() {
        return errors.invalid("clusterIPs[0]", json!([]), "primary clusterIP can not be unset");
    }
    // When an address is released or joins, the first one is what has to stay.
    let kept = if new_ips.len() == old_ips.len() {
        old_ips.len()
    } else {
        1
    };
    for (index, (new, old)) in new_ips.iter().zip(old_ips).take(kept).enumerate() {
        if new != old {
            errors.invalid(&format!("clusterIPs[{index}]"), told.clone(), ONCE);
        }
    }
    let single = new.ip_family_policy.as_deref() == Some("SingleStack");
    if new_ips.len() == 1 && old_ips.len() > 1 && !single {
        let rule = "must be set to 'SingleStack' when releasing the secondary clusterIP";
        errors.invalid("ipFamilyPolicy", json!(new.ip_family_policy), rule);
    }
}

/// Families that aren't told follow the addresses.
fn validate_families(new: &ServiceSpec, old: &ServiceSpec, errors: &mut Errors) {
    if is_headless(new) || is_headless(old) {
        return;
    }
    let told = json!(new.ip_families);
    let pairs = new
        .ip_families
        .iter()
        .flatten()
        .zip(old.ip_families.iter().flatten());
    for _ in pairs.filter(|(new, old)| new != old) {
        errors.invalid("ipFamilies[0]", told.clone(), ONCE);
    }
}

fn validate_load_balancer(new: &ServiceSpec, old: &ServiceSpec, errors: &mut Errors) {
    let both = |holds: fn(&ServiceSpec) -> bool| holds(new) && holds(old);
    if both(|spec| kind(spec) == "LoadBalancer") && new.load_balancer_class != old.load_balancer_class {
        errors.invalid("loadBalancerClass", json!(new.load_balancer_class), ONCE);
    }
    let is_checked = |spec: &ServiceSpec| {
        kind(spec) == "LoadBalancer" && spec.external_traffic_policy.as_deref() == Some("Local")
    };
    if both(is_checked) && new.health_check_node_port != old.health_check_node_port {
        errors.forbidden("healthCheckNodePort", "field is immutable");
    }
}
