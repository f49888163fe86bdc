//! Deployments and ReplicaSets.

use k8s_openapi::api::apps::v1::ReplicaSet;

use super::*;

#[test]
fn strategies() {
    let rolling = |unavailable: Value, surge: Value| json!({ "rollingUpdate": { "maxUnavailable": unavailable, "maxSurge": surge } });
    for (strategy, expected) in [
        (
            json!({ "type": "Rolling" }),
            "spec.strategy: Unsupported value: {\"Type\":\"Rolling\",\"RollingUpdate\":null}: supported values: \
             \"Recreate\", \"RollingUpdate\"",
        ),
        (
            json!({ "type": "Recreate", "rollingUpdate": {} }),
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        (
            rolling(json!("0%"), json!(0)),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0",
        ),
        (
            rolling(json!("101%"), json!(0)),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%",
        ),
        (
            rolling(json!(1), json!(-1)),
            "spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0",
        ),
    ] {
        assert_eq!(
            errors::<Deployment>(deployment(json!({ "strategy": strategy }))),
            [expected]
        );
    }
}

#[test]
fn selectors_and_templates() {
    let spec = json!({ "containers": [{ "name": "web", "image": "podlab/echo" }] });
    let never =
        json!({ "containers": spec["containers"], "restartPolicy": "Never", "activeDeadlineSeconds": 5 });
    let labels = json!({ "labels": { "app": "web" } });
    for (fields, expected) in [
        (
            json!({ "selector": {} }),
            vec!["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
        ),
        (
            json!({ "template": { "spec": spec } }),
            vec![
                "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
            ],
        ),
        (
            json!({ "template": { "metadata": labels, "spec": never } }),
            vec![
                "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
                "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not \
                 Supported",
            ],
        ),
        (
            json!({ "minReadySeconds": 600 }),
            vec!["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"],
        ),
    ] {
        assert_eq!(errors::<Deployment>(deployment(fields)), expected);
    }
}

#[test]
fn a_selector_that_says_nothing_is_invalid_as_a_whole_too() {
    let selector = json!({ "matchExpressions": [{ "key": "app", "operator": "In" }] });
    let found = errors::<Deployment>(deployment(json!({ "selector": selector })));
    assert_eq!(
        found[..2],
        [
            "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or \
             'NotIn'",
            "spec.selector: Invalid value: {\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\"}]}: invalid \
             label selector",
        ]
    );
}

#[test]
fn labels_of_a_template_are_told_without_its_metadata() {
    let template =
        json!({ "metadata": { "labels": { "app": "web", "tier": "a b" } }, "spec": { "containers": [] } });
    let selector = json!({ "matchLabels": { "app": "web" } });
    let set =
        json!({ "metadata": { "name": "web" }, "spec": { "selector": selector, "template": template } });
    let found = validate(&object::<ReplicaSet>(set));
    assert!(said(&found)[0].starts_with("spec.template.labels: Invalid value: \"a b\""));
    assert_eq!(found[0].place, "spec.template.metadata.labels[tier]");
    assert_eq!(
        said(&found)[1..],
        ["spec.template.spec.containers: Required value"]
    );
}

#[test]
fn a_replica_set_without_a_template_lacks_what_is_in_it() {
    let spec = json!({ "selector": { "matchLabels": { "app": "web" } } });
    assert_eq!(
        errors::<ReplicaSet>(json!({ "metadata": { "name": "web" }, "spec": spec })),
        [
            "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
            "spec.template.spec.containers: Required value",
        ]
    );
}
