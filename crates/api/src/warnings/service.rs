//! Services.

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use super::{Warnings, addresses};

const TOPOLOGY_AWARE_HINTS: &str = "service.kubernetes.io/topology-aware-hints";

pub(super) fn warn(service: &Service, warnings: &mut Warnings) {
    let annotations = service.metadata.annotations.as_ref();
    if annotations.is_some_and(|annotations| annotations.contains_key(TOPOLOGY_AWARE_HINTS)) {
        let message = format!(
            "annotation {TOPOLOGY_AWARE_HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead"
        );
        warnings.say(&format!("metadata.annotations[{TOPOLOGY_AWARE_HINTS}]"), message);
    }
    let Some(spec) = &service.spec else { return };
    warn_of_addresses(spec, warnings);
    warn_of_ignored(spec, warnings);
    if spec.traffic_distribution.as_deref() == Some("PreferClose") {
        let message = "\"PreferClose\" is deprecated; use \"PreferSameZone\"";
        warnings.add("spec.trafficDistribution", message);
    }
}

fn warn_of_addresses(spec: &ServiceSpec, warnings: &mut Warnings) {
    for (index, address) in spec.cluster_ips.iter().flatten().enumerate() {
        addresses::ip(&format!("spec.clusterIPs[{index}]"), address, warnings);
    }
    for (index, address) in spec.external_ips.iter().flatten().enumerate() {
        addresses::ip(&format!("spec.externalIPs[{index}]"), address, warnings);
    }
    if let Some(address) = spec.load_balancer_ip.as_deref() {
        addresses::ip("spec.loadBalancerIP", address, warnings);
    }
    for (index, range) in spec.load_balancer_source_ranges.iter().flatten().enumerate() {
        addresses::cidr(
            &format!("spec.loadBalancerSourceRanges[{index}]"),
            range,
            warnings,
        );
    }
}

fn warn_of_ignored(spec: &ServiceSpec, warnings: &mut Warnings) {
    let kind = spec.type_.as_deref().unwrap_or_default();
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    let external_ips = spec
        .external_ips
        .as_ref()
        .is_some_and(|addresses| !addresses.is_empty());
    if kind == "ClusterIP" && spec.cluster_ip.as_deref() == Some("None") {
        let affinity = spec.session_affinity.as_deref() != Some("None");
        for (field, told, is_given) in [
            ("loadBalancerIP", "loadBalancerIP", given(&spec.load_balancer_ip)),
            ("externalIPs", "externalIPs", external_ips),
            ("sessionAffinity", "SessionAffinity", affinity),
        ] {
            if is_given {
                let message = format!("spec.{told} is ignored for headless services");
                warnings.say(&format!("spec.{field}"), message);
            }
        }
    }
    if kind == "ExternalName" && external_ips {
        let message = "spec.externalIPs is ignored when spec.type is \"ExternalName\"";
        warnings.say("spec.externalIPs", message);
    }
    if kind != "ExternalName" && given(&spec.external_name) {
        let message = "spec.externalName is ignored when spec.type is not \"ExternalName\"";
        warnings.say("spec.externalName", message);
    }
}
