//! NetworkPolicies: ranges of addresses that one would write otherwise.

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer};

use super::{Warnings, addresses};

pub(super) fn warn(policy: &NetworkPolicy, warnings: &mut Warnings) {
    let Some(spec) = &policy.spec else { return };
    for (index, rule) in spec.ingress.iter().flatten().enumerate() {
        warn_of_peers(
            &format!("spec.ingress[{index}].from"),
            rule.from.as_deref(),
            warnings,
        );
    }
    for (index, rule) in spec.egress.iter().flatten().enumerate() {
        warn_of_peers(&format!("spec.egress[{index}].to"), rule.to.as_deref(), warnings);
    }
}

fn warn_of_peers(path: &str, peers: Option<&[NetworkPolicyPeer]>, warnings: &mut Warnings) {
    for (index, peer) in peers.unwrap_or_default().iter().enumerate() {
        let Some(block) = &peer.ip_block else { continue };
        let path = format!("{path}[{index}].ipBlock");
        addresses::cidr(&format!("{path}.cidr"), &block.cidr, warnings);
        for (index, range) in block.except.iter().flatten().enumerate() {
            addresses::cidr(&format!("{path}.except[{index}]"), range, warnings);
        }
    }
}
