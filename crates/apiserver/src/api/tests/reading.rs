//! Lists, whole and in parts, and the forms of answers.

use super::*;

#[tokio::test]
async fn lists_are_selected_by_labels_and_fields() {
    let lab = Lab::new();
    for (name, tier) in [("a", "front"), ("b", "back"), ("c", "back")] {
        lab.map(name, tier).await;
    }
    for (query, expected) in [
        ("", vec!["a", "b", "c"]),
        ("?labelSelector=tier%3Dback", vec!["b", "c"]),
        ("?labelSelector=tier+notin+(back)", vec!["a"]),
        ("?fieldSelector=metadata.name%3Db", vec!["b"]),
        (
            "?labelSelector=tier%3Dback&fieldSelector=metadata.name!%3Db",
            vec!["c"],
        ),
        ("?resourceVersion=0", vec!["a", "b", "c"]),
    ] {
        let (code, list) = lab.get(&format!("{MAPS}{query}")).await;
        assert_eq!((code, names(&list)), (200, expected), "{query}");
        assert_eq!(
            (&list["kind"], &list["apiVersion"]),
            (&json!("ConfigMapList"), &json!("v1"))
        );
        assert_eq!(
            list["metadata"]["resourceVersion"],
            lab.registry.store().revision().to_string()
        );
    }
}

#[tokio::test]
async fn a_list_in_parts_is_one_list_whatever_happens_in_between() {
    let lab = Lab::new();
    for name in ["a", "b", "c", "d", "e"] {
        lab.map(name, "x").await;
    }
    let (_, first) = lab.get(&format!("{MAPS}?limit=2")).await;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    lab.ask("DELETE", &format!("{MAPS}/c"), "", &Value::Null).await;
    lab.map("bb", "x").await;
    lab.patch(&format!("{MAPS}/d"), MERGE, &json!({"data": {"key": "later"}}))
        .await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, rest) = lab.get(&format!("{MAPS}?limit=9&continue={token}")).await;
    assert_eq!(names(&rest), ["c", "d", "e"]);
    assert_eq!(rest["items"][1]["data"]["key"], "value");
    assert_eq!(
        rest["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    assert_eq!(rest["metadata"]["continue"], Value::Null);
}

#[tokio::test]
async fn a_list_that_is_continued_too_late_can_be_continued_as_it_is_now() {
    let lab = Lab::new();
    for name in ["a", "b", "c"] {
        lab.map(name, "x").await;
    }
    let (_, first) = lab.get(&format!("{MAPS}?limit=1")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    lab.forget().await;
    let (code, expired) = lab.get(&format!("{MAPS}?limit=1&continue={token}")).await;
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
    let token = expired["metadata"]["continue"].as_str().unwrap();
    let (code, rest) = lab.get(&format!("{MAPS}?continue={token}")).await;
    assert_eq!((code, names(&rest)), (200, vec!["b", "c"]));
    let old = first["metadata"]["resourceVersion"].as_str().unwrap();
    let exact = format!("{MAPS}?resourceVersion={old}&resourceVersionMatch=Exact");
    assert_eq!(lab.get(&exact).await.0, 410);
}

#[tokio::test]
async fn a_list_can_be_as_it_was() {
    let lab = Lab::new();
    let a = lab.map("a", "x").await;
    let then = a["metadata"]["resourceVersion"].as_str().unwrap();
    lab.map("b", "x").await;
    lab.ask("DELETE", &format!("{MAPS}/a"), "", &Value::Null).await;
    let matching = |how: &str| format!("{MAPS}?resourceVersion={then}&resourceVersionMatch={how}");
    let (_, list) = lab.get(&matching("Exact")).await;
    assert_eq!(
        (names(&list), &list["metadata"]["resourceVersion"]),
        (vec!["a"], &json!(then))
    );
    let (_, list) = lab.get(&matching("NotOlderThan")).await;
    assert_eq!(names(&list), ["b"]);
    let (code, status) = lab.get(&format!("{MAPS}?resourceVersion=99999")).await;
    assert_eq!((code, &status["reason"]), (504, &json!("Timeout")));
}

#[tokio::test]
async fn answers_have_the_form_that_is_asked_for() {
    let lab = Lab::new();
    lab.map("a", "x").await;
    let table = lab.table(MAPS).await;
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["rows"][0]["cells"][0], "a");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let table = lab.table(&format!("{MAPS}/a?includeObject=Object")).await;
    assert_eq!(table["rows"][0]["object"]["data"]["key"], "value");

    let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let (_, list) = taken(lab.send("GET", MAPS, &[("accept", metadata)], "").await).await;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(names(&list), ["a"]);
    assert!(list["items"][0]["data"].is_null());

    let (_, map) = lab.get(&format!("{MAPS}/a")).await;
    assert_eq!(
        (&map["kind"], &map["apiVersion"]),
        (&json!("ConfigMap"), &json!("v1"))
    );
}

#[tokio::test]
async fn a_scale_is_read_and_written() {
    let lab = Lab::new();
    lab.post(DEPLOYMENTS, &deployment()).await;
    let scale = format!("{DEPLOYMENTS}/web/scale");
    let (_, read) = lab.get(&scale).await;
    assert_eq!(
        (&read["kind"], &read["apiVersion"]),
        (&json!("Scale"), &json!("autoscaling/v1"))
    );
    assert_eq!(
        (&read["spec"]["replicas"], &read["status"]["selector"]),
        (&json!(2), &json!("app=web"))
    );
    let (code, patched) = lab.patch(&scale, MERGE, &json!({"spec": {"replicas": 5}})).await;
    assert_eq!((code, &patched["spec"]["replicas"]), (200, &json!(5)));
    let (_, deployment) = lab.get(&format!("{DEPLOYMENTS}/web")).await;
    assert_eq!(
        (
            &deployment["spec"]["replicas"],
            &deployment["metadata"]["generation"]
        ),
        (&json!(5), &json!(2))
    );
    let (code, stale) = lab.ask("PUT", &scale, "application/json", &read).await;
    assert_eq!((code, &stale["reason"]), (409, &json!("Conflict")));
    let (code, refused) = lab.patch(&scale, MERGE, &json!({"spec": {"replicas": -1}})).await;
    assert_eq!(code, 422, "{refused}");
    assert_eq!(lab.get(&format!("{MAPS}/a/scale")).await.0, 404);
}
