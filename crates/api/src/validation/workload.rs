//! Deployments and ReplicaSets: a selector, and a template of pods that it must match.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy, ReplicaSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Errors, labels, metadata, pod};

pub(super) fn validate_deployment(deployment: &Deployment, errors: &mut Errors) {
    errors.at("spec", |errors| {
        let Some(spec) = &deployment.spec else {
            errors.required("selector", "");
            return errors.required("template", "");
        };
        errors.not_negative("replicas", spec.replicas);
        errors.not_negative("minReadySeconds", spec.min_ready_seconds);
        errors.not_negative("revisionHistoryLimit", spec.revision_history_limit);
        errors.not_negative("progressDeadlineSeconds", spec.progress_deadline_seconds);
        if spec
            .progress_deadline_seconds
            .is_some_and(|limit| limit <= spec.min_ready_seconds.unwrap_or(0))
        {
            let value = spec.progress_deadline_seconds.unwrap_or(0);
            errors.invalid(
                "progressDeadlineSeconds",
                value,
                "must be greater than minReadySeconds",
            );
        }
        if let Some(strategy) = &spec.strategy {
            errors.at("strategy", |errors| validate_strategy(strategy, errors));
        }
        validate_selector(&spec.selector, errors);
        errors.at("template", |errors| {
            validate_template(&spec.template, &spec.selector, errors)
        });
    });
}

pub(super) fn validate_replica_set(replica_set: &ReplicaSet, errors: &mut Errors) {
    errors.at("spec", |errors| {
        let Some(spec) = &replica_set.spec else {
            errors.required("selector", "");
            return errors.required("template", "");
        };
        errors.not_negative("replicas", spec.replicas);
        errors.not_negative("minReadySeconds", spec.min_ready_seconds);
        validate_selector(&spec.selector, errors);
        match &spec.template {
            Some(template) => errors.at("template", |errors| {
                validate_template(template, &spec.selector, errors)
            }),
            None => errors.required("template", ""),
        }
    });
}

fn validate_selector(selector: &LabelSelector, errors: &mut Errors) {
    errors.at("selector", |errors| {
        if labels::is_empty(selector) {
            errors.invalid(
                "",
                serde_json::json!({}),
                "empty selector is invalid for deployment",
            );
        }
        labels::selector(selector, errors);
    });
}

fn validate_template(template: &PodTemplateSpec, selector: &LabelSelector, errors: &mut Errors) {
    let found = template
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.labels.clone())
        .unwrap_or_default();
    if !labels::is_empty(selector) && !labels::matches(selector, &found) {
        let value = serde_json::to_value(&found).unwrap_or_default();
        errors.invalid(
            "metadata.labels",
            value,
            "`selector` does not match template `labels`",
        );
    }
    if let Some(metadata) = &template.metadata {
        errors.at("metadata", |errors| {
            metadata::labels_and_annotations(metadata, errors)
        });
    }
    errors.at("spec", |errors| {
        let Some(spec) = &template.spec else {
            return errors.required("containers", "");
        };
        if spec
            .restart_policy
            .as_deref()
            .is_some_and(|policy| matches!(policy, "OnFailure" | "Never"))
        {
            errors.one_of("restartPolicy", spec.restart_policy.as_deref(), &["Always"]);
        }
        if spec.active_deadline_seconds.is_some() {
            errors.forbidden(
                "activeDeadlineSeconds",
                "activeDeadlineSeconds in ReplicaSet is not Supported",
            );
        }
        pod::validate(spec, errors);
    });
}

fn validate_strategy(strategy: &DeploymentStrategy, errors: &mut Errors) {
    errors.one_of("type", strategy.type_.as_deref(), &["Recreate", "RollingUpdate"]);
    let Some(rolling) = &strategy.rolling_update else {
        return;
    };
    if strategy.type_.as_deref() == Some("Recreate") {
        return errors.forbidden(
            "rollingUpdate",
            "may not be specified when strategy `type` is 'Recreate'",
        );
    }
    errors.at("rollingUpdate", |errors| {
        let surge = validate_amount("maxSurge", rolling.max_surge.as_ref(), errors);
        let unavailable = validate_amount("maxUnavailable", rolling.max_unavailable.as_ref(), errors);
        if (surge, unavailable) == (Some(0), Some(0)) {
            errors.invalid("maxUnavailable", 0, "may not be 0 when `maxSurge` is 0");
        }
    });
}

/// A number, or a percentage as its number.
fn validate_amount(field: &str, amount: Option<&IntOrString>, errors: &mut Errors) -> Option<i32> {
    match amount? {
        IntOrString::Int(number) => {
            errors.not_negative(field, Some(*number));
            Some(*number)
        }
        IntOrString::String(text) => {
            let number = text
                .strip_suffix('%')
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let number = number.and_then(|digits| digits.parse().ok());
            if number.is_none() {
                let rule = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                            '93%', regex used for validation is '[0-9]+%')";
                errors.invalid(field, text.as_str(), rule);
            }
            number
        }
    }
}
