//! Deployments and ReplicaSets: a selector, and a template of pods that it must match.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy, ReplicaSet, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::json;

use super::pod::{self, Of};
use super::{Errors, labels, metadata};

const STRATEGIES: &[&str] = &["Recreate", "RollingUpdate"];

pub(super) fn validate_deployment(deployment: &Deployment, errors: &mut Errors) {
    errors.at("spec", |errors| {
        let Some(spec) = &deployment.spec else {
            errors.required("selector", "");
            return errors.required("template", "");
        };
        errors.not_negative("replicas", spec.replicas);
        validate_selector(&spec.selector, errors);
        errors.at("template", |errors| {
            validate_template(&spec.template, &spec.selector, errors)
        });
        if let Some(strategy) = &spec.strategy {
            errors.at("strategy", |errors| validate_strategy(strategy, errors));
        }
        errors.not_negative("minReadySeconds", spec.min_ready_seconds);
        errors.not_negative("revisionHistoryLimit", spec.revision_history_limit);
        errors.not_negative("progressDeadlineSeconds", spec.progress_deadline_seconds);
        if let Some(limit) = spec
            .progress_deadline_seconds
            .filter(|limit| *limit <= spec.min_ready_seconds.unwrap_or(0))
        {
            errors.invalid(
                "progressDeadlineSeconds",
                limit,
                "must be greater than minReadySeconds",
            );
        }
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
        // One that isn't there has nothing that it needs.
        let template = spec.template.clone().unwrap_or_default();
        errors.at("template", |errors| {
            validate_template(&template, &spec.selector, errors)
        });
    });
}

fn validate_selector(selector: &LabelSelector, errors: &mut Errors) {
    errors.at("selector", |errors| {
        let before = errors.found.len();
        labels::selector(selector, errors);
        if errors.found.len() > before {
            errors.invalid("", json!(selector), "invalid label selector");
        }
        if labels::is_empty(selector) {
            errors.invalid("", json!({}), "empty selector is invalid for deployment");
        }
    });
}

fn validate_template(template: &PodTemplateSpec, selector: &LabelSelector, errors: &mut Errors) {
    let metadata = template.metadata.as_ref();
    let found = metadata.and_then(|metadata| metadata.labels.as_ref());
    if !labels::is_empty(selector) && !labels::matches(selector, found.unwrap_or(&BTreeMap::new())) {
        errors.invalid(
            "metadata.labels",
            json!(found),
            "`selector` does not match template `labels`",
        );
    }
    if let Some(metadata) = metadata {
        // Kubernetes' path leaves `metadata` out.
        errors.at_told_as("", "metadata", |errors| {
            metadata::labels_and_annotations(metadata, errors)
        });
    }
    errors.at("spec", |errors| {
        let Some(spec) = &template.spec else {
            return errors.required("containers", "");
        };
        pod::validate(spec, Of::Template, errors);
        errors.one_of("restartPolicy", spec.restart_policy.as_deref(), &["Always"]);
        if spec.active_deadline_seconds.is_some() {
            errors.forbidden(
                "activeDeadlineSeconds",
                "activeDeadlineSeconds in ReplicaSet is not Supported",
            );
        }
    });
}

fn validate_strategy(strategy: &DeploymentStrategy, errors: &mut Errors) {
    match (strategy.type_.as_deref(), &strategy.rolling_update) {
        (Some("RollingUpdate"), Some(rolling)) => {
            errors.at("rollingUpdate", |errors| validate_rolling_update(rolling, errors));
        }
        (Some("RollingUpdate"), None) | (Some("Recreate"), None) => {}
        (Some("Recreate"), Some(_)) => errors.forbidden(
            "rollingUpdate",
            "may not be specified when strategy `type` is 'Recreate'",
        ),
        _ => errors.at_told_as("", "type", |errors| {
            errors.unsupported("", told(strategy), strategy.type_.as_deref(), STRATEGIES);
        }),
    }
}

/// The whole strategy, which Kubernetes tells by the names of its program's fields.
fn told(strategy: &DeploymentStrategy) -> String {
    let amount = |amount: &Option<IntOrString>| json!(amount.clone().unwrap_or(IntOrString::Int(0)));
    let rolling = strategy.rolling_update.as_ref().map(|rolling| {
        let (unavailable, surge) = (amount(&rolling.max_unavailable), amount(&rolling.max_surge));
        format!("{{\"MaxUnavailable\":{unavailable},\"MaxSurge\":{surge}}}")
    });
    let kind = strategy.type_.as_deref().unwrap_or_default();
    let rolling = rolling.unwrap_or("null".to_owned());
    format!("{{\"Type\":{kind:?},\"RollingUpdate\":{rolling}}}")
}

fn validate_rolling_update(rolling: &RollingUpdateDeployment, errors: &mut Errors) {
    let unavailable = validate_amount("maxUnavailable", rolling.max_unavailable.as_ref(), errors);
    let surge = validate_amount("maxSurge", rolling.max_surge.as_ref(), errors);
    let value = json!(rolling.max_unavailable);
    if (surge, unavailable) == (Some(0), Some(0)) {
        errors.invalid(
            "maxUnavailable",
            value.clone(),
            "may not be 0 when `maxSurge` is 0",
        );
    }
    if value.is_string() && unavailable.is_some_and(|percent| percent > 100) {
        errors.invalid("maxUnavailable", value, "must not be greater than 100%");
    }
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
