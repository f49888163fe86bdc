//! Labels, and the selectors that look for them.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Errors, names};
use crate::selector;

/// Kubernetes tells the path of all labels, not that of the one.
pub(super) fn labels(field: &str, labels: Option<&BTreeMap<String, String>>, errors: &mut Errors) {
    for (key, value) in labels.into_iter().flatten() {
        errors.at_told_as(field, &format!("{field}[{key}]"), |errors| {
            errors.name("", key, names::qualified);
            errors.name("", value, names::label_value);
        });
    }
}

pub(super) fn selector(selector: &LabelSelector, errors: &mut Errors) {
    labels("matchLabels", selector.match_labels.as_ref(), errors);
    errors.each(
        "matchExpressions",
        selector.match_expressions.iter().flatten(),
        |requirement, errors| {
            let values = requirement.values.as_deref().unwrap_or_default();
            match requirement.operator.as_str() {
                "In" | "NotIn" if values.is_empty() => {
                    errors.required("values", "must be specified when `operator` is 'In' or 'NotIn'");
                }
                "Exists" | "DoesNotExist" if !values.is_empty() => {
                    errors.forbidden(
                        "values",
                        "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                    );
                }
                "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
                operator => errors.invalid("operator", operator, "not a valid selector operator"),
            }
            errors.name("key", &requirement.key, names::qualified);
            errors.each("values", values, |value, errors| {
                errors.name("", value, names::label_value)
            });
        },
    );
}

pub(super) fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

pub(super) fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    selector::LabelSelector::try_from(selector).is_ok_and(|selector| selector.matches(labels))
}
