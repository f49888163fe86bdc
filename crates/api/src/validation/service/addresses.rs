//! The addresses of a service, and their families.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ServiceSpec;
use serde_json::json;

use crate::validation::Errors;
use crate::validation::addresses::{endpoint_ip, ip};

pub(super) fn validate(spec: &ServiceSpec, errors: &mut Errors) {
    if super::kind(spec) != "ExternalName" {
        validate_cluster_ips(spec, errors);
    }
    errors.each(
        "externalIPs",
        spec.external_ips.iter().flatten(),
        |address, errors| {
            endpoint_ip("", address, errors);
        },
    );
}

fn validate_cluster_ips(spec: &ServiceSpec, errors: &mut Errors) {
    let addresses = spec.cluster_ips.as_deref().unwrap_or_default();
    let first = spec.cluster_ip.as_deref().unwrap_or_default();
    match addresses.first() {
        Some(_) if first.is_empty() => {
            let rule = "must be empty when `clusterIP` is not specified";
            errors.invalid("clusterIPs", json!(addresses), rule);
        }
        Some(address) if address != first => {
            errors.invalid(
                "clusterIPs",
                json!(addresses),
                "first value must match `clusterIP`",
            );
        }
        _ => {}
    }
    validate_families(spec, errors);
    if validate_each(addresses, errors) && addresses.len() > 1 && !is_dual_stack(addresses) {
        let rule = "may specify no more than one IP for each IP family";
        errors.invalid("clusterIPs", json!(addresses), rule);
    }
    for (index, (address, family)) in addresses
        .iter()
        .zip(spec.ip_families.iter().flatten())
        .enumerate()
    {
        let other = match family.as_str() {
            "IPv4" => address.contains(':'),
            "IPv6" => address.contains('.'),
            _ => false,
        };
        if other {
            let rule = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            errors.invalid(&format!("clusterIPs[{index}]"), address.as_str(), &rule);
        }
    }
}

fn validate_families(spec: &ServiceSpec, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    errors.each(
        "ipFamilies",
        spec.ip_families.iter().flatten(),
        |family, errors| {
            errors.one_of("", Some(family), &["IPv4", "IPv6"]);
            if !seen.insert(family) {
                errors.duplicate("", family.as_str());
            }
        },
    );
    errors.one_of(
        "ipFamilyPolicy",
        spec.ip_family_policy.as_deref(),
        &["PreferDualStack", "RequireDualStack", "SingleStack"],
    );
}

/// Whether each is an address, or none is wanted.
fn validate_each(addresses: &[String], errors: &mut Errors) -> bool {
    let mut valid = true;
    for (index, address) in addresses.iter().enumerate() {
        if index > 0 || address != "None" {
            valid &= ip(&format!("clusterIPs[{index}]"), address, errors);
        } else if addresses.len() > 1 {
            errors.invalid(
                "clusterIPs",
                json!(addresses),
                "'None' must be the first and only value",
            );
            valid = false;
        }
    }
    if addresses.len() > 2 {
        errors.invalid("clusterIPs", json!(addresses), "may only hold up to 2 values");
    }
    valid
}

fn is_dual_stack(addresses: &[String]) -> bool {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.iter().partition(|address| address.contains(':'));
    !v4.is_empty() && !v6.is_empty()
}
