//! Nodes: what they were once given stays theirs.

use k8s_openapi::api::core::v1::Node;

use crate::validation::Errors;

pub(super) fn validate(new: &Node, old: &Node, errors: &mut Errors) {
    let addresses = new.status.as_ref().and_then(|status| status.addresses.as_deref());
    let addresses = addresses.unwrap_or_default();
    for (index, address) in addresses.iter().enumerate() {
        if addresses[..index].contains(address) {
            // Kubernetes tells the address by the names of its program's fields.
            let value = serde_json::json!({ "Type": address.type_, "Address": address.address });
            errors.duplicate(&format!("status.addresses[{index}]"), value);
        }
    }
    let (new, old) = (
        new.spec.clone().unwrap_or_default(),
        old.spec.clone().unwrap_or_default(),
    );
    let had_ranges = old.pod_cidrs.as_ref().is_some_and(|ranges| !ranges.is_empty());
    if had_ranges && new.pod_cidrs != old.pod_cidrs {
        let why = "node updates may not change podCIDR except from \"\" to valid";
        errors.forbidden("spec.podCIDRs", why);
    }
    let had_provider = old
        .provider_id
        .as_ref()
        .is_some_and(|provider| !provider.is_empty());
    if had_provider && new.provider_id != old.provider_id {
        let why = "node updates may not change providerID except from \"\" to valid";
        errors.forbidden("spec.providerID", why);
    }
    if new.external_id != old.external_id {
        errors.forbidden("spec.externalID", "may not be updated");
    }
}
