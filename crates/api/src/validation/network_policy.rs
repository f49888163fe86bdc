//! NetworkPolicies: ports, and peers that are either pods or a range of addresses.

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::addresses::cidr;
use super::labels::selector;
use super::{Errors, names};

pub(super) fn validate(policy: &NetworkPolicy, errors: &mut Errors) {
    let Some(spec) = &policy.spec else { return };
    errors.at("spec", |errors| {
        if let Some(pods) = &spec.pod_selector {
            errors.at("podSelector", |errors| selector(pods, errors));
        }
        errors.each("ingress", spec.ingress.iter().flatten(), |rule, errors| {
            errors.each("ports", rule.ports.iter().flatten(), validate_port);
            errors.each("from", rule.from.iter().flatten(), validate_peer);
        });
        errors.each("egress", spec.egress.iter().flatten(), |rule, errors| {
            errors.each("ports", rule.ports.iter().flatten(), validate_port);
            errors.each("to", rule.to.iter().flatten(), validate_peer);
        });
        let types = spec.policy_types.as_deref().unwrap_or_default();
        if types.len() > 2 {
            let why = "may not specify more than two policyTypes";
            return errors.invalid("policyTypes", json!(types), why);
        }
        errors.each("policyTypes", types, |policy_type, errors| {
            errors.one_of("", Some(policy_type), &["Ingress", "Egress"]);
        });
    });
}

fn validate_port(port: &NetworkPolicyPort, errors: &mut Errors) {
    errors.one_of("protocol", port.protocol.as_deref(), &["TCP", "UDP", "SCTP"]);
    let mut refuse_end = |why: &str| {
        if let Some(end) = port.end_port {
            errors.invalid("endPort", end, why);
        }
    };
    match &port.port {
        None => refuse_end("may not be specified when `port` is not specified"),
        Some(IntOrString::String(name)) => {
            refuse_end("may not be specified when `port` is non-numeric");
            errors.name("port", name, names::port_name);
        }
        Some(IntOrString::Int(number)) => {
            errors.port("port", *number);
            if let Some(end) = port.end_port {
                if end < *number {
                    errors.invalid("endPort", end, "must be greater than or equal to `port`");
                }
                errors.port("endPort", end);
            }
        }
    }
}

fn validate_peer(peer: &NetworkPolicyPeer, errors: &mut Errors) {
    let selectors = [
        ("podSelector", &peer.pod_selector),
        ("namespaceSelector", &peer.namespace_selector),
    ];
    let mut selects = false;
    for (field, found) in selectors {
        if let Some(found) = found {
            selects = true;
            errors.at(field, |errors| selector(found, errors));
        }
    }
    match &peer.ip_block {
        Some(block) => {
            errors.at("ipBlock", |errors| validate_block(block, errors));
            if selects {
                errors.forbidden("", "may not specify both ipBlock and another peer");
            }
        }
        None if !selects => errors.required("", "must specify a peer"),
        None => {}
    }
}

fn validate_block(block: &IPBlock, errors: &mut Errors) {
    if block.cidr.is_empty() {
        return errors.required("cidr", "");
    }
    cidr("cidr", &block.cidr, errors);
    let Ok(whole) = block.cidr.parse::<IpNet>() else {
        return;
    };
    errors.each("except", block.except.iter().flatten(), |range, errors| {
        cidr("", range, errors);
        let Ok(part) = range.parse::<IpNet>() else { return };
        if !whole.contains(&part.network()) || whole.prefix_len() >= part.prefix_len() {
            errors.invalid("", &**range, "must be a strict subset of `cidr`");
        }
    });
}
