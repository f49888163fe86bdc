//! The families of a service's addresses, of which a cluster has one: IPv4.

use k8s_openapi::api::core::v1::ServiceSpec;
use podlab_api::validation::FieldError;
use serde_json::json;

const FAMILY: &str = "IPv4";
const POLICY: &str = "spec.ipFamilyPolicy";

/// Fills in policy and families, and says what this cluster can't have.
pub(super) fn fill(spec: &mut ServiceSpec, stored: Option<&ServiceSpec>) -> Vec<FieldError> {
    if spec.type_.as_deref() == Some("ExternalName") {
        return Vec::new();
    }
    let has_selector = spec
        .selector
        .as_ref()
        .is_some_and(|selector| !selector.is_empty());
    // Its author writes its endpoints, and can write those of any family.
    let is_free = spec.cluster_ip.as_deref() == Some("None") && !has_selector;
    let policy = spec.ip_family_policy.get_or_insert_with(|| {
        let before = stored.and_then(|stored| stored.ip_family_policy.clone());
        before.unwrap_or_else(|| {
            if is_free {
                "RequireDualStack"
            } else {
                "SingleStack"
            }
            .to_owned()
        })
    });
    let is_single = policy == "SingleStack";
    let mut errors = single_stack(spec, is_single);
    errors.extend(infer(spec));
    if !errors.is_empty() {
        return errors;
    }
    if !is_free {
        errors = not_configured(spec);
    }
    let families = spec.ip_families.get_or_insert_default();
    if families.is_empty() {
        families.push(FAMILY.to_owned());
    }
    if is_free && !is_single && families.len() == 1 {
        let other = if families[0] == FAMILY { "IPv6" } else { FAMILY };
        families.push(other.to_owned());
    }
    errors
}

fn single_stack(spec: &ServiceSpec, is_single: bool) -> Vec<FieldError> {
    let counts = [
        ("cluster IPs", spec.cluster_ips.as_ref().map_or(0, Vec::len)),
        ("IP families", spec.ip_families.as_ref().map_or(0, Vec::len)),
    ];
    let several = counts.into_iter().filter(|(_, count)| is_single && *count == 2);
    several
        .map(|(what, _)| {
            let why =
                format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            FieldError::invalid(POLICY, "SingleStack", &why)
        })
        .collect()
}

/// The families of addresses that are asked for.
fn infer(spec: &mut ServiceSpec) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let families = spec.ip_families.get_or_insert_default();
    let addresses = spec.cluster_ips.as_deref().unwrap_or_default();
    for (index, address) in addresses.iter().enumerate().skip(families.len()) {
        if address.contains(':') {
            let path = format!("spec.clusterIPs[{index}]");
            errors.push(FieldError::invalid(
                &path,
                json!(addresses),
                "IPv6 is not configured on this cluster",
            ));
        } else if address != "None" {
            families.push(FAMILY.to_owned());
        }
    }
    errors
}

fn not_configured(spec: &ServiceSpec) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Some(policy @ "RequireDualStack") = spec.ip_family_policy.as_deref() {
        let why = "this cluster is not configured for dual-stack services";
        errors.push(FieldError::invalid(POLICY, policy, why));
    }
    for (index, family) in spec.ip_families.iter().flatten().enumerate() {
        if family != FAMILY {
            let path = format!("spec.ipFamilies[{index}]");
            errors.push(FieldError::invalid(
                &path,
                family.as_str(),
                "not configured on this cluster",
            ));
        }
    }
    errors
}
