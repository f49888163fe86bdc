//! Services.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::addresses::ip;
use super::labels::labels;
use super::{Errors, FieldReason, names};

pub(super) fn validate(service: &Service, errors: &mut Errors) {
    let Some(spec) = &service.spec else {
        return errors.required("spec.ports", "");
    };
    errors.at("spec", |errors| {
        let kind = spec.type_.as_deref().unwrap_or_default();
        errors.one_of(
            "type",
            Some(kind),
            &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
        );
        validate_ports(spec, errors);
        labels("selector", spec.selector.as_ref(), errors);
        validate_addresses(spec, kind, errors);
        errors.one_of(
            "sessionAffinity",
            spec.session_affinity.as_deref(),
            &["ClientIP", "None"],
        );
        validate_affinity(spec, errors);
        let scopes = ["Cluster", "Local"];
        errors.one_of(
            "internalTrafficPolicy",
            spec.internal_traffic_policy.as_deref(),
            &scopes,
        );
        if matches!(kind, "NodePort" | "LoadBalancer") {
            errors.one_of(
                "externalTrafficPolicy",
                spec.external_traffic_policy.as_deref(),
                &scopes,
            );
        } else if let Some(policy) = spec
            .external_traffic_policy
            .as_deref()
            .filter(|policy| !policy.is_empty())
        {
            errors.invalid(
                "externalTrafficPolicy",
                policy,
                "may only be set for externally-accessible services",
            );
        }
        let families = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        errors.one_of("ipFamilyPolicy", spec.ip_family_policy.as_deref(), &families);
        errors.each(
            "ipFamilies",
            spec.ip_families.iter().flatten(),
            |family, errors| {
                errors.one_of("", Some(family), &["IPv4", "IPv6"]);
            },
        );
        errors.each(
            "externalIPs",
            spec.external_ips.iter().flatten(),
            |address, errors| ip("", address, errors),
        );
    });
}

fn validate_ports(spec: &ServiceSpec, errors: &mut Errors) {
    let ports = spec.ports.as_deref().unwrap_or_default();
    let headless = spec.cluster_ip.as_deref() == Some("None");
    if ports.is_empty() && !headless && spec.type_.as_deref() != Some("ExternalName") {
        errors.required("ports", "");
    }
    let mut seen: Vec<&ServicePort> = Vec::new();
    errors.each("ports", ports, |port, errors| {
        validate_port(port, ports.len() > 1, errors);
        let same_name = |other: &&&ServicePort| other.name == port.name && port.name.is_some();
        if let (Some(name), true) = (&port.name, seen.iter().any(|other| same_name(&other))) {
            errors.duplicate("name", name.as_str());
        }
        let key = |port: &ServicePort| (port.protocol.clone(), port.port);
        if seen.iter().any(|other| key(other) == key(port)) {
            let value = serde_json::json!({"port": port.port, "protocol": port.protocol});
            errors.duplicate("", value);
        }
        if let Some(node_port) = port.node_port.filter(|port| *port != 0) {
            let taken =
                |other: &&ServicePort| other.node_port == Some(node_port) && other.protocol == port.protocol;
            if seen.iter().any(taken) {
                errors.duplicate("nodePort", node_port);
            }
            if matches!(spec.type_.as_deref(), Some("ClusterIP")) {
                errors.forbidden("nodePort", "may not be used when `type` is 'ClusterIP'");
            }
        }
        seen.push(port);
    });
}

fn validate_port(port: &ServicePort, several: bool, errors: &mut Errors) {
    match port.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => errors.name("name", name, names::label),
        None if several => {
            let help = "each port of a service with several ports has a name".to_owned();
            errors.add_with_help("name", FieldReason::Required, String::new(), Some(help));
        }
        None => {}
    }
    errors.port("port", port.port);
    errors.one_of("protocol", port.protocol.as_deref(), &["SCTP", "TCP", "UDP"]);
    match &port.target_port {
        // It is the port when nobody says otherwise, and that is told already.
        Some(IntOrString::Int(number)) if *number != port.port => errors.port("targetPort", *number),
        Some(IntOrString::String(name)) => errors.name("targetPort", name, names::port_name),
        Some(IntOrString::Int(_)) | None => {}
    }
    if let Some(node_port) = port.node_port.filter(|port| *port != 0) {
        errors.port("nodePort", node_port);
    }
    if let Some(protocol) = port.app_protocol.as_deref() {
        errors.name("appProtocol", protocol, names::qualified);
    }
}

fn validate_addresses(spec: &ServiceSpec, kind: &str, errors: &mut Errors) {
    let cluster_ip = spec.cluster_ip.as_deref().filter(|address| !address.is_empty());
    if kind == "ExternalName" {
        if let Some(address) = cluster_ip {
            errors.invalid("clusterIP", address, "may not be set for ExternalName services");
        }
        match spec
            .external_name
            .as_deref()
            .map(|name| name.trim_end_matches('.'))
            .filter(|name| !name.is_empty())
        {
            Some(name) => errors.name("externalName", name, names::subdomain),
            None => errors.required("externalName", ""),
        }
        return;
    }
    match cluster_ip {
        Some("None") if matches!(kind, "NodePort" | "LoadBalancer") => {
            let rule = format!("may not be set to 'None' for {kind} services");
            errors.invalid("clusterIP", "None", &rule);
        }
        Some("None") | None => {}
        Some(address) => ip("clusterIP", address, errors),
    }
    for (index, address) in spec.cluster_ips.iter().flatten().enumerate() {
        let field = format!("clusterIPs[{index}]");
        if index == 0 && spec.cluster_ip.as_deref() != Some(address) {
            let rule = "first value must match `clusterIP`";
            errors.invalid("clusterIPs", serde_json::json!(spec.cluster_ips), rule);
        } else if index > 0 && address == "None" {
            errors.invalid(
                &field,
                address.as_str(),
                "'None' must be the first and only value",
            );
        } else if index > 0 {
            ip(&field, address, errors);
        }
    }
}

fn validate_affinity(spec: &ServiceSpec, errors: &mut Errors) {
    let Some(config) = &spec.session_affinity_config else {
        return;
    };
    if spec.session_affinity.as_deref() == Some("None") {
        let why = "must not be set when session affinity is None";
        return errors.forbidden("sessionAffinityConfig", why);
    }
    let timeout = config
        .client_ip
        .as_ref()
        .and_then(|client_ip| client_ip.timeout_seconds);
    if let Some(timeout) = timeout.filter(|timeout| !(1..=86_400).contains(timeout)) {
        let field = "sessionAffinityConfig.clientIP.timeoutSeconds";
        errors.invalid(
            field,
            timeout,
            "must be greater than 0 and less than or equal to 86400",
        );
    }
}
