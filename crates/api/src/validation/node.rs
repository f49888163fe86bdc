//! Nodes: taints, and where the addresses of their pods come from.

use k8s_openapi::api::core::v1::{Node, Taint};
use serde_json::json;

use super::addresses::cidr;
use super::{Errors, FieldReason, names};

pub(super) fn validate(node: &Node, errors: &mut Errors) {
    let Some(spec) = &node.spec else { return };
    let taints = spec.taints.as_deref().unwrap_or_default();
    for (index, taint) in taints.iter().enumerate() {
        // Kubernetes takes them for metadata.
        let (told, place) = (
            format!("metadata.taints[{index}]"),
            format!("spec.taints[{index}]"),
        );
        errors.at_told_as(&told, &place, |errors| {
            validate_taint(taint, &taints[..index], errors)
        });
    }
    let ranges = spec.pod_cidrs.as_deref().unwrap_or_default();
    errors.each("spec.podCIDRs", ranges, |range, errors| cidr("", range, errors));
    let [first, rest @ ..] = ranges else { return };
    let is_v6 = |range: &String| range.contains(':');
    if !rest.is_empty() && (rest.len() > 1 || is_v6(first) == is_v6(&rest[0])) {
        let why = "may specify no more than one CIDR for each IP family";
        errors.invalid("spec.podCIDRs", json!(ranges), why);
    }
}

fn validate_taint(taint: &Taint, before: &[Taint], errors: &mut Errors) {
    let value = taint.value.as_deref().unwrap_or_default();
    errors.name("key", &taint.key, names::qualified);
    let broken = names::label_value(value);
    if !broken.is_empty() {
        errors.invalid("value", value, &broken.join(";"));
    }
    if taint.effect.is_empty() {
        errors.required("effect", "");
    } else {
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        errors.one_of("effect", Some(&taint.effect), &effects);
    }
    if before
        .iter()
        .any(|other| (&other.key, &other.effect) == (&taint.key, &taint.effect))
    {
        // Kubernetes tells the taint by the names of its program's fields.
        let told = format!(
            "{{\"Key\":{},\"Value\":{},\"Effect\":{},\"TimeAdded\":{}}}",
            json!(taint.key),
            json!(value),
            json!(taint.effect),
            json!(taint.time_added)
        );
        let why = "taints must be unique by key and effect pair";
        errors.add("", FieldReason::Duplicate, format!("{told}: {why}"));
    }
}
