//! Which traffic a service takes, and where it sends it.

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use super::{is_empty, kind};
use crate::validation::addresses::cidr;
use crate::validation::{Errors, names};

const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";
const ONLY_LOAD_BALANCERS: &str = "may only be used when `type` is 'LoadBalancer'";

pub(super) fn validate(service: &Service, errors: &mut Errors) {
    let Some(spec) = &service.spec else { return };
    validate_source_ranges(service, spec, errors);
    errors.at("spec", |errors| {
        validate_load_balancer(spec, errors);
        validate_external_policy(spec, errors);
        errors.one_of(
            "internalTrafficPolicy",
            spec.internal_traffic_policy.as_deref(),
            &["Cluster", "Local"],
        );
        errors.one_of(
            "trafficDistribution",
            spec.traffic_distribution.as_deref(),
            &["PreferClose", "PreferSameNode", "PreferSameZone"],
        );
    });
}

pub(super) fn validate_affinity(spec: &ServiceSpec, errors: &mut Errors) {
    errors.one_of(
        "sessionAffinity",
        spec.session_affinity.as_deref(),
        &["ClientIP", "None"],
    );
    let config = spec.session_affinity_config.as_ref();
    let timeout = config
        .and_then(|config| config.client_ip.as_ref())
        .and_then(|client_ip| client_ip.timeout_seconds);
    if let Some(timeout) = timeout.filter(|timeout| !(1..=86_400).contains(timeout)) {
        let field = "sessionAffinityConfig.clientIP.timeoutSeconds";
        errors.invalid(field, timeout, "must be greater than 0 and less than 86400");
    }
}

/// A field that Kubernetes writes with a capital, or the annotation that was there before it.
fn validate_source_ranges(service: &Service, spec: &ServiceSpec, errors: &mut Errors) {
    let is_load_balancer = kind(spec) == "LoadBalancer";
    if !is_empty(&spec.load_balancer_source_ranges) {
        let (told, field) = ("spec.LoadBalancerSourceRanges", "spec.loadBalancerSourceRanges");
        return errors.at_told_as(told, field, |errors| {
            if !is_load_balancer {
                errors.forbidden("", ONLY_LOAD_BALANCERS);
            }
            errors.each(
                "",
                spec.load_balancer_source_ranges.iter().flatten(),
                |range, errors| {
                    cidr("", range.trim(), errors);
                },
            );
        });
    }
    let annotations = service.metadata.annotations.as_ref();
    let Some(ranges) = annotations.and_then(|annotations| annotations.get(SOURCE_RANGES)) else {
        return;
    };
    errors.at(&format!("metadata.annotations[{SOURCE_RANGES}]"), |errors| {
        if !is_load_balancer {
            errors.forbidden("", ONLY_LOAD_BALANCERS);
        }
        for range in ranges.split(',').filter(|_| !ranges.trim().is_empty()) {
            cidr("", range.trim(), errors);
        }
    });
}

fn validate_load_balancer(spec: &ServiceSpec, errors: &mut Errors) {
    let is_load_balancer = kind(spec) == "LoadBalancer";
    if spec.allocate_load_balancer_node_ports.is_some() && !is_load_balancer {
        errors.forbidden("allocateLoadBalancerNodePorts", ONLY_LOAD_BALANCERS);
    }
    match spec.load_balancer_class.as_deref() {
        Some(_) if !is_load_balancer => errors.forbidden("loadBalancerClass", ONLY_LOAD_BALANCERS),
        Some(class) => errors.name("loadBalancerClass", class, names::qualified),
        None => {}
    }
}

fn validate_external_policy(spec: &ServiceSpec, errors: &mut Errors) {
    let policy = spec.external_traffic_policy.as_deref().unwrap_or_default();
    if is_externally_accessible(spec) {
        errors.one_of("externalTrafficPolicy", Some(policy), &["Cluster", "Local"]);
    } else if !policy.is_empty() {
        let rule = "may only be set for externally-accessible services";
        errors.invalid("externalTrafficPolicy", policy, rule);
    }
    if let Some(port) = spec.health_check_node_port.filter(|port| *port != 0) {
        if kind(spec) == "LoadBalancer" && policy == "Local" {
            errors.port("healthCheckNodePort", port);
        } else {
            let rule = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
            errors.invalid("healthCheckNodePort", port, rule);
        }
    }
}

fn is_externally_accessible(spec: &ServiceSpec) -> bool {
    match kind(spec) {
        "NodePort" | "LoadBalancer" => true,
        "ClusterIP" => !is_empty(&spec.external_ips),
        _ => false,
    }
}
