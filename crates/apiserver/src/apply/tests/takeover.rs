//! Objects that kubectl has applied by itself before.

use super::*;

const KIND: Kind = Kind::Deployment;

/// A Deployment as `kubectl apply` without `--server-side` creates it.
fn applied_by_client(fields: Value) -> Value {
    let applied = object(KIND, fields);
    let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": format!("{applied}\n")});
    let created = change(&applied, json!({"metadata": {"annotations": annotations}}));
    written_by(&manager("kubectl-client-side-apply"), None, KIND, &created)
}

#[test]
fn another_manager_is_in_conflict_with_kubectl() {
    let live = applied_by_client(deployment(json!({"replicas": 2})));
    assert_eq!(
        applied_by("argocd", Some(&live), KIND, json!({"spec": {"replicas": 3}})),
        Err(
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using apps/v1: \
             .spec.replicas"
                .to_owned()
        )
    );
}

#[test]
fn kubectl_takes_over_what_it_has_applied_and_nobody_has_changed_since() {
    let live = applied_by_client(deployment(json!({"replicas": 2})));
    // The annotation doesn't tell of itself.
    let annotation = &live["metadata"]["annotations"];
    let fields = change(
        &deployment(json!({"replicas": 3})),
        json!({"metadata": {"annotations": annotation}}),
    );
    let taken = applied_by("kubectl", Some(&live), KIND, fields).unwrap();
    assert_eq!(taken["spec"]["replicas"], 3);
    assert_eq!(
        owned_by("kubectl-client-side-apply Update", &taken)["f:spec"].get("f:replicas"),
        None
    );
    let annotation = &taken["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"];
    let last: Value = serde_json::from_str(annotation.as_str().unwrap()).unwrap();
    let expected = change(
        &deployment(json!({"replicas": 3})),
        json!({"metadata": {"annotations": {}}}),
    );
    assert_eq!(last, object(KIND, expected));

    let scaled = change(&live, json!({"spec": {"replicas": 5}}));
    let scaled = written_by(&manager("autoscaler"), Some(&live), KIND, &scaled);
    assert_eq!(
        applied_by("kubectl", Some(&scaled), KIND, deployment(json!({"replicas": 3}))),
        Err(
            "Apply failed with 1 conflict: conflict with \"autoscaler\" using apps/v1: .spec.replicas"
                .to_owned()
        )
    );
}

#[test]
fn kubectl_migrates_the_entry_itself_and_then_removes_what_it_leaves_out() {
    // kubectl writes its old entry as an Apply of its new name, with a patch of managedFields.
    let live = applied_by_client(deployment(json!({"paused": true})));
    let migrated = change(
        &managed_fields(&live)[0],
        json!({"manager": "kubectl", "operation": "Apply"}),
    );
    let migrated = change(&live, json!({"metadata": {"managedFields": [migrated]}}));
    let migrated = written_by(&manager("kubectl"), Some(&live), KIND, &migrated);
    let names: Vec<_> = owners(&migrated).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["kubectl Apply"]);
    let applied = applied_by("kubectl", Some(&migrated), KIND, deployment(json!({}))).unwrap();
    assert_eq!(applied["spec"].get("paused"), None);
}

#[test]
fn the_annotation_goes_when_there_is_no_place_for_it() {
    let kind = Kind::ConfigMap;
    let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"});
    let live = object(kind, json!({"metadata": {"annotations": annotations}}));
    let applied = json!({"data": {"a": "x".repeat(300_000)}});
    let applied = applied_by("kubectl", Some(&live), kind, applied).unwrap();
    assert_eq!(
        applied["metadata"]["annotations"].get("kubectl.kubernetes.io/last-applied-configuration"),
        None
    );
}
