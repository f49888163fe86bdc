//! What Kubernetes' own end-to-end tests ask of the API of services, slices and address ranges.

use super::*;
use crate::discovery;

const SERVICES: &str = "/api/v1/namespaces/default/services";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const RANGES: &str = "/apis/networking.k8s.io/v1/servicecidrs";

/// Creates, reads, lists, patches, updates and deletes objects like `object`, which gets the names `a`, `b` and `c`.
async fn operations(lab: &Lab, collection: &str, object: &Value) {
    let labels = json!({"special": "x"});
    for name in ["a", "b", "c"] {
        let mut object = object.clone();
        object["metadata"] = json!({"name": name, "labels": labels});
        let (code, created) = lab.post(collection, &object).await;
        assert_eq!(code, 201, "{created}");
    }
    let selected = format!("{collection}?labelSelector=special%3Dx");
    assert_eq!(names(&lab.get(&selected).await.1), ["a", "b", "c"]);
    let a = format!("{collection}/a");
    let patch = json!({"metadata": {"annotations": {"patched": "true"}}});
    let (code, patched) = lab.patch(&a, MERGE, &patch).await;
    assert_eq!(
        (code, &patched["metadata"]["annotations"]["patched"]),
        (200, &json!("true"))
    );
    let (_, mut read) = lab.get(&a).await;
    read["metadata"]["annotations"]["updated"] = json!("true");
    let (code, updated) = lab.ask("PUT", &a, "application/json", &read).await;
    assert_eq!(
        (code, &updated["metadata"]["annotations"]["updated"]),
        (200, &json!("true"))
    );
    let (code, _) = lab.ask("DELETE", &a, "", &Value::Null).await;
    assert_eq!((code, lab.get(&a).await.0), (200, 404));
    let (code, _) = lab.ask("DELETE", &selected, "", &Value::Null).await;
    assert_eq!(code, 200);
    assert!(names(&lab.get(&selected).await.1).is_empty());
}

/// The group's document lists the resource.
fn is_discovered(api_version: &str, resource: &str) {
    let resources = discovery::resources(api_version).unwrap();
    let mut resources = resources["resources"].as_array().unwrap().iter();
    assert!(resources.any(|found| found["name"] == resource), "{resource}");
}

#[tokio::test]
async fn endpoint_slices_have_all_operations() {
    is_discovered("discovery.k8s.io/v1", "endpointslices");
    let slice =
        json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.244.0.9"]}], "ports": [{"port": 80}]});
    let lab = Lab::new();
    operations(&lab, SLICES, &slice).await;
    lab.post(
        SLICES,
        &json!({"metadata": {"name": "one"}, "addressType": "IPv4", "endpoints": []}),
    )
    .await;
    let (_, all) = lab.get("/apis/discovery.k8s.io/v1/endpointslices").await;
    assert_eq!(names(&all), ["one"]);
}

#[tokio::test]
async fn address_ranges_have_all_operations() {
    is_discovered("networking.k8s.io/v1", "servicecidrs");
    let lab = Lab::new();
    operations(&lab, RANGES, &json!({"spec": {"cidrs": ["10.99.0.0/16"]}})).await;
    lab.post(
        RANGES,
        &json!({"metadata": {"name": "more"}, "spec": {"cidrs": ["10.99.0.0/16"]}}),
    )
    .await;
    let status = format!("{RANGES}/more/status");
    let (_, mut range) = lab.get(&status).await;
    let condition = |reason: &str| json!({"type": "StatusUpdate", "status": "True", "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    range["status"]["conditions"] = json!([condition("Update")]);
    let (code, updated) = lab.ask("PUT", &status, "application/json", &range).await;
    assert_eq!(
        (code, &updated["status"]["conditions"][0]["reason"]),
        (200, &json!("Update")),
        "{updated}"
    );
    let (code, patched) = lab
        .patch(
            &status,
            MERGE,
            &json!({"status": {"conditions": [condition("Patch")]}}),
        )
        .await;
    assert_eq!(
        (code, &patched["status"]["conditions"][0]["reason"]),
        (200, &json!("Patch")),
        "{patched}"
    );
}

#[tokio::test]
async fn a_services_status_is_read_patched_and_updated() {
    let lab = Lab::new();
    let service = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}});
    lab.post(SERVICES, &service).await;
    let status = format!("{SERVICES}/web/status");
    let ingress = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}});
    let (code, patched) = lab.patch(&status, MERGE, &ingress).await;
    assert_eq!(
        (code, &patched["status"]["loadBalancer"]),
        (200, &ingress["status"]["loadBalancer"]),
        "{patched}"
    );
    let (_, mut read) = lab.get(&status).await;
    let condition = json!({
        "type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set by a test",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    read["status"]["conditions"] = json!([condition]);
    let (code, updated) = lab.ask("PUT", &status, "application/json", &read).await;
    assert_eq!(
        (code, &updated["status"]["conditions"][0]["reason"]),
        (200, &json!("E2E")),
        "{updated}"
    );
    let labelled = json!({"metadata": {"labels": {"kept": "true"}}});
    let (_, patched) = lab.patch(&format!("{SERVICES}/web"), STRATEGIC, &labelled).await;
    assert_eq!(patched["status"], updated["status"]);
    lab.ask("DELETE", &format!("{SERVICES}/web"), "", &Value::Null)
        .await;
    assert_eq!(lab.get(&status).await.0, 404);
}

#[tokio::test]
async fn a_collection_of_services_is_deleted_and_their_addresses_are_free() {
    let lab = Lab::new();
    for (name, label) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let address = format!("10.96.0.{}", 50 + name.as_bytes()[0] - b'a');
        let spec = json!({"clusterIP": address, "ports": [{"port": 80}]});
        lab.post(
            SERVICES,
            &json!({"metadata": {"name": name, "labels": {"set": label}}, "spec": spec}),
        )
        .await;
    }
    let (code, _) = lab
        .ask(
            "DELETE",
            &format!("{SERVICES}?labelSelector=set%3Dx"),
            "",
            &Value::Null,
        )
        .await;
    assert_eq!(code, 200);
    assert_eq!(
        names(&lab.get(&format!("{SERVICES}?labelSelector=set")).await.1),
        ["c"]
    );
    for (name, address, expected) in [
        ("d", "10.96.0.50", 201),
        ("e", "10.96.0.51", 201),
        ("f", "10.96.0.52", 422),
    ] {
        let spec = json!({"clusterIP": address, "ports": [{"port": 80}]});
        let (code, answer) = lab
            .post(SERVICES, &json!({"metadata": {"name": name}, "spec": spec}))
            .await;
        assert_eq!(code, expected, "{answer}");
    }
}
