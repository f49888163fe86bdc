//! Creating, updating, patching and deleting, and what becomes of two who do it at once.

use super::*;

#[tokio::test]
async fn an_update_of_an_old_version_is_a_conflict() {
    let lab = Lab::new();
    let mut map = lab.map("a", "x").await;
    let uri = format!("{MAPS}/a");
    lab.patch(&uri, MERGE, &json!({"data": {"key": "first"}})).await;
    map["data"]["key"] = json!("second");
    let (code, status) = lab.ask("PUT", &uri, "application/json", &map).await;
    assert_eq!(code, 409);
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to \
         the latest version and try again"
    );
    assert_eq!(status["details"], json!({"name": "a", "kind": "configmaps"}));
    map["metadata"]["resourceVersion"] = Value::Null;
    let (code, updated) = lab.ask("PUT", &uri, "application/json", &map).await;
    assert_eq!((code, &updated["data"]["key"]), (200, &json!("second")));
    assert_eq!(updated["metadata"]["uid"], map["metadata"]["uid"]);
}

#[tokio::test]
async fn nothing_is_lost_when_many_patch_at_once() {
    let lab = Arc::new(Lab::new());
    lab.map("a", "x").await;
    let writers = (0..16).map(|writer| {
        let lab = lab.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                let key = format!("{writer}-{number}");
                let (code, _) = lab
                    .patch(&format!("{MAPS}/a"), MERGE, &json!({"data": {key: "x"}}))
                    .await;
                assert_eq!(code, 200);
            }
        })
    });
    for joined in futures::future::join_all(writers).await {
        joined.unwrap();
    }
    let (_, map) = lab.get(&format!("{MAPS}/a")).await;
    assert_eq!(map["data"].as_object().unwrap().len(), 16 * 20 + 1);
}

#[tokio::test]
async fn a_dry_run_answers_as_if_and_changes_nothing() {
    let lab = Lab::new();
    lab.map("a", "x").await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}});
    let services = "/api/v1/namespaces/default/services?dryRun=All".to_owned();
    let before = lab.registry.store().revision();
    for (method, uri, content_type, body) in [
        (
            "POST",
            format!("{MAPS}?dryRun=All"),
            "application/json",
            json!({"metadata": {"name": "b"}}),
        ),
        ("POST", services, "application/json", service),
        (
            "PATCH",
            format!("{MAPS}/a?dryRun=All"),
            MERGE,
            json!({"data": {"key": "new"}}),
        ),
        (
            "DELETE",
            format!("{MAPS}/a?dryRun=All"),
            "application/json",
            Value::Null,
        ),
    ] {
        let (code, answer) = lab.ask(method, &uri, content_type, &body).await;
        assert!([200, 201].contains(&code), "{method} {uri}: {answer}");
        if method == "PATCH" {
            assert_eq!(answer["data"]["key"], "new");
        }
    }
    assert_eq!(lab.registry.store().revision(), before);
    let (code, status) = lab
        .post(
            &format!("{MAPS}?dryRun=Some"),
            &json!({"metadata": {"name": "b"}}),
        )
        .await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
}

#[tokio::test]
async fn a_status_is_written_apart_from_the_rest() {
    let lab = Lab::new();
    let (_, mut web) = lab.post(DEPLOYMENTS, &deployment()).await;
    web["status"] = json!({"replicas": 2});
    web["spec"]["replicas"] = json!(7);
    let uri = format!("{DEPLOYMENTS}/web");
    let (_, status) = lab
        .ask("PUT", &format!("{uri}/status"), "application/json", &web)
        .await;
    assert_eq!(
        (&status["spec"]["replicas"], &status["status"]["replicas"]),
        (&json!(2), &json!(2))
    );
    web["metadata"]["resourceVersion"] = status["metadata"]["resourceVersion"].clone();
    web["status"] = json!({"replicas": 9});
    let (_, updated) = lab.ask("PUT", &uri, "application/json", &web).await;
    assert_eq!(
        (&updated["spec"]["replicas"], &updated["status"]["replicas"]),
        (&json!(7), &json!(2))
    );
    assert_eq!(
        (&web["metadata"]["generation"], &updated["metadata"]["generation"]),
        (&json!(1), &json!(2))
    );
    let (_, patched) = lab
        .patch(
            &format!("{uri}/status"),
            MERGE,
            &json!({"status": {"replicas": 3}}),
        )
        .await;
    assert_eq!(
        (&patched["status"]["replicas"], &patched["metadata"]["generation"]),
        (&json!(3), &json!(2))
    );
}

#[tokio::test]
async fn patches_of_every_sort() {
    let lab = Lab::new();
    lab.post(DEPLOYMENTS, &deployment()).await;
    let uri = format!("{DEPLOYMENTS}/web");
    let container = json!({"name": "proxy", "image": "podlab/pause"});
    let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    let containers = |patched: &Value| {
        patched["spec"]["template"]["spec"]["containers"]
            .as_array()
            .unwrap()
            .len()
    };
    let (_, patched) = lab.patch(&uri, STRATEGIC, &patch).await;
    assert_eq!(containers(&patched), 2);
    let (_, patched) = lab.patch(&uri, MERGE, &patch).await;
    assert_eq!(containers(&patched), 1);
    let patch = json!([{"op": "replace", "path": "/spec/replicas", "value": 4}]);
    let (_, patched) = lab.patch(&uri, "application/json-patch+json", &patch).await;
    assert_eq!(patched["spec"]["replicas"], 4);
    let (code, status) = lab
        .patch(&uri, MERGE, &json!({"metadata": {"name": "other"}}))
        .await;
    assert_eq!((code, &status["reason"]), (400, &json!("BadRequest")), "{status}");
    assert_eq!(lab.patch(&uri, "text/plain", &json!({})).await.0, 415);
}

#[tokio::test]
async fn deletions_have_conditions_and_wait_for_finalizers() {
    let lab = Lab::new();
    let map = lab.map("a", "x").await;
    let uri = format!("{MAPS}/a");
    let delete = async |body: Value| lab.ask("DELETE", &uri, "application/json", &body).await;
    let (code, status) = delete(json!({"preconditions": {"uid": "other"}})).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    let (code, status) = delete(json!({"propagationPolicy": "Never"})).await;
    assert_eq!(code, 422, "{status}");
    lab.patch(
        &uri,
        MERGE,
        &json!({"metadata": {"finalizers": ["podlab.dev/wait"]}}),
    )
    .await;
    let (code, marked) = delete(json!({})).await;
    assert_eq!((code, &marked["kind"]), (200, &json!("ConfigMap")));
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(lab.get(&uri).await.0, 200);
    lab.patch(&uri, MERGE, &json!({"metadata": {"finalizers": null}}))
        .await;
    assert_eq!(lab.get(&uri).await.0, 404);

    let again = lab.map("a", "x").await;
    assert_ne!(again["metadata"]["uid"], map["metadata"]["uid"]);
    let (_, status) = delete(Value::Null).await;
    assert_eq!(
        (&status["kind"], &status["status"]),
        (&json!("Status"), &json!("Success"))
    );
    assert_eq!(status["details"]["uid"], again["metadata"]["uid"]);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let lab = Lab::new();
    for (name, tier) in [("a", "x"), ("b", "y"), ("c", "y")] {
        lab.map(name, tier).await;
    }
    let uri = format!("{MAPS}?labelSelector=tier%3Dy");
    let (code, deleted) = lab.ask("DELETE", &uri, "", &Value::Null).await;
    assert_eq!((code, names(&deleted)), (200, vec!["b", "c"]));
    let (_, list) = lab.get(MAPS).await;
    assert_eq!(names(&list), ["a"]);
}

#[tokio::test]
async fn an_apply_creates_changes_and_takes_back() {
    let lab = Lab::new();
    let apply = async |query: &str, data: Value| {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
        lab.patch(&format!("{MAPS}/a{query}"), APPLY, &map).await
    };
    let (code, _) = apply("?fieldManager=me", json!({"one": "1", "two": "2"})).await;
    assert_eq!(code, 201);
    let (code, applied) = apply("?fieldManager=me", json!({"two": "3"})).await;
    assert_eq!((code, &applied["data"]), (200, &json!({"two": "3"})));
    let (code, status) = apply("?fieldManager=you", json!({"two": "4"})).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")));
    assert_eq!(
        status["message"],
        "Apply failed with 1 conflict: conflict with \"me\": .data.two"
    );
    let (code, forced) = apply("?fieldManager=you&force=true", json!({"two": "4"})).await;
    assert_eq!((code, &forced["data"]["two"]), (200, &json!("4")));
    let (_, again) = apply("?fieldManager=you", json!({"two": "4"})).await;
    assert_eq!(again, forced);
    let (code, status) = apply("?fieldManager=you", json!({"two": 4})).await;
    assert_eq!((code, status.get("reason")), (500, None));
    assert_eq!(
        status["message"],
        "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .data.two: expected string, got \
         &value.valueUnstructured{Value:4}"
    );
    let (code, status) = apply("", json!({})).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")), "{status}");
}
