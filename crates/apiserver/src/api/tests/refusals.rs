//! Requests that make no sense: each is answered with the right Status, and changes nothing.

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::limits::Unenforced;

use super::*;

#[tokio::test]
async fn bad_requests_change_nothing() {
    let lab = Lab::new();
    lab.map("a", "x").await;
    let before = lab.registry.store().revision();
    let a = format!("{MAPS}/a");
    let b = format!("{MAPS}/b");
    let nowhere = "/api/v1/namespaces/nowhere/configmaps";
    let json = "application/json";
    let merge = "application/merge-patch+json";
    let operations = "application/json-patch+json";
    for (method, uri, content_type, body, code, reason) in [
        ("POST", MAPS, json, "{", 400, "BadRequest"),
        ("POST", MAPS, json, "", 400, "BadRequest"),
        ("POST", MAPS, json, "null", 422, "Invalid"),
        ("POST", MAPS, json, "[]", 400, "BadRequest"),
        ("POST", MAPS, json, "\u{0}\u{1}", 400, "BadRequest"),
        (
            "POST",
            MAPS,
            json,
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"b"}}"#,
            400,
            "BadRequest",
        ),
        (
            "POST",
            MAPS,
            json,
            r#"{"metadata":{"name":5}}"#,
            400,
            "BadRequest",
        ),
        (
            "POST",
            MAPS,
            json,
            r#"{"metadata":{"name":"b","namespace":"other"}}"#,
            400,
            "BadRequest",
        ),
        (
            "POST",
            MAPS,
            json,
            r#"{"metadata":{"name":"a"}}"#,
            409,
            "AlreadyExists",
        ),
        (
            "POST",
            MAPS,
            json,
            r#"{"metadata":{"name":"A b"}}"#,
            422,
            "Invalid",
        ),
        ("POST", MAPS, json, r#"{"metadata":{}}"#, 422, "Invalid"),
        ("POST", MAPS, "application/yaml", ": [", 400, "BadRequest"),
        (
            "POST",
            MAPS,
            "application/vnd.kubernetes.protobuf",
            "k8s",
            400,
            "BadRequest",
        ),
        ("POST", MAPS, "text/plain", "{}", 415, "UnsupportedMediaType"),
        ("POST", &a, json, "{}", 405, "MethodNotAllowed"),
        ("PUT", MAPS, json, "{}", 405, "MethodNotAllowed"),
        ("PUT", &a, json, r#"{"metadata":{"name":"b"}}"#, 400, "BadRequest"),
        ("PUT", &b, json, r#"{"metadata":{"name":"b"}}"#, 404, "NotFound"),
        ("PUT", &format!("{a}/nothing"), json, "{}", 404, "NotFound"),
        (
            "PATCH",
            &a,
            operations,
            r#"[{"op":"remove","path":"/data/no"}]"#,
            422,
            "Invalid",
        ),
        ("PATCH", &a, operations, "{}", 400, "BadRequest"),
        ("PATCH", &a, merge, "[", 400, "BadRequest"),
        ("PATCH", &a, merge, r#"{"data":5}"#, 422, "Invalid"),
        ("PATCH", &format!("{a}?force=true"), merge, "{}", 422, "Invalid"),
        ("PATCH", &b, merge, "{}", 404, "NotFound"),
        ("DELETE", &b, json, "", 404, "NotFound"),
        ("DELETE", &a, json, "{", 400, "BadRequest"),
        ("TRACE", &a, "", "", 405, "MethodNotAllowed"),
        ("GET", &b, "", "", 404, "NotFound"),
        (
            "GET",
            &format!("{MAPS}?labelSelector=a%26b"),
            "",
            "",
            400,
            "BadRequest",
        ),
        (
            "GET",
            &format!("{MAPS}?fieldSelector=data.key%3Dx"),
            "",
            "",
            400,
            "BadRequest",
        ),
        ("GET", &format!("{MAPS}?limit=many"), "", "", 400, "BadRequest"),
        (
            "GET",
            &format!("{MAPS}?continue=nonsense"),
            "",
            "",
            400,
            "BadRequest",
        ),
        (
            "GET",
            &format!("{MAPS}?resourceVersion=x"),
            "",
            "",
            422,
            "Invalid",
        ),
        (
            "GET",
            &format!("{MAPS}?resourceVersionMatch=Exact"),
            "",
            "",
            422,
            "Invalid",
        ),
        (
            "GET",
            "/api/v1/namespaces/default/widgets",
            "",
            "",
            404,
            "NotFound",
        ),
        ("GET", "/api/v1/namespaces/default/nodes", "", "", 404, "NotFound"),
        (
            "POST",
            nowhere,
            json,
            r#"{"metadata":{"name":"b"}}"#,
            404,
            "NotFound",
        ),
    ] {
        let headers = [("content-type", content_type)];
        let (got, status) = taken(lab.send(method, uri, &headers, body.to_owned()).await).await;
        let shown = format!("{method} {uri} {body}: {status}");
        assert_eq!((got, status["reason"].as_str()), (code, Some(reason)), "{shown}");
        assert_eq!(
            (status["kind"].as_str(), status["status"].as_str()),
            (Some("Status"), Some("Failure")),
            "{shown}"
        );
        assert_eq!(status["code"], code, "{shown}");
    }
    assert_eq!(lab.registry.store().revision(), before);
}

#[tokio::test]
async fn fields_that_dont_exist_are_refused_warned_of_or_passed_over() {
    let lab = Lab::new();
    let send = async |validation: &str, name: &str| {
        let map = json!({"metadata": {"name": name}, "dat": {"key": "value"}});
        let uri = format!("{MAPS}?fieldValidation={validation}");
        lab.send(
            "POST",
            &uri,
            &[("content-type", "application/json")],
            map.to_string(),
        )
        .await
    };
    let (code, status) = taken(send("Strict", "a").await).await;
    assert_eq!(code, 400);
    let message = status["message"].as_str().unwrap();
    assert!(
        message.ends_with("strict decoding error: unknown field \"dat\""),
        "{message}"
    );
    let response = send("Warn", "a").await;
    assert_eq!(response.status(), 201);
    assert_eq!(
        response.headers()["warning"],
        "299 - \"unknown field \\\"dat\\\"\""
    );
    let response = send("Ignore", "b").await;
    assert_eq!(
        (response.status().as_u16(), response.headers().get("warning")),
        (201, None)
    );
}

#[tokio::test]
async fn what_a_node_cant_enforce_is_warned_of() {
    let lab = Lab::new();
    let warning = async |name: &str| {
        let resources = json!({"limits": {"memory": "1Gi"}});
        let pod = json!({
            "metadata": {"name": name},
            "spec": {"containers": [{"name": "web", "image": "web", "resources": resources}]},
        });
        let uri = "/api/v1/namespaces/default/pods";
        let headers = [(CONTENT_TYPE.as_str(), "application/json")];
        let response = lab.send("POST", uri, &headers, pod.to_string()).await;
        assert_eq!(response.status(), 201);
        let warning = response.headers().get("warning");
        warning.map(|warning| warning.to_str().unwrap().to_owned())
    };
    assert_eq!(warning("a").await, None);
    let why = [("memory".to_owned(), "cgroup v1 has it".to_owned())];
    let node = Node {
        metadata: ObjectMeta {
            name: Some("node-1".into()),
            annotations: Some(Unenforced::from_iter(why).annotations()),
            ..ObjectMeta::default()
        },
        ..Node::default()
    };
    lab.registry.store().create(node).unwrap();
    assert_eq!(
        warning("b").await.unwrap(),
        "299 - \"spec.containers[0].resources.limits: podlab can't enforce limits of memory here, and containers take \
         what this machine has: cgroup v1 has it\""
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let lab = Lab::new();
    let headers = [("content-type", "application/json")];
    let (code, status) = taken(
        lab.send("POST", MAPS, &headers, vec![b' '; 4 * 1024 * 1024])
            .await,
    )
    .await;
    assert_eq!((code, &status["reason"]), (413, &json!("RequestEntityTooLarge")));
}

#[tokio::test]
async fn as_many_warnings_are_told_as_headers_have_room_for() {
    let lab = Lab::new();
    let ports = vec![json!({"containerPort": 80}); 40_000];
    let pod = json!({
        "metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "web", "ports": ports}]},
    });
    let headers = [(CONTENT_TYPE.as_str(), "application/json")];
    let answer = lab
        .send(
            "POST",
            "/api/v1/namespaces/default/pods",
            &headers,
            pod.to_string(),
        )
        .await;
    assert_eq!(answer.status(), 201);
    let warnings = answer
        .headers()
        .get_all(axum::http::header::WARNING)
        .iter()
        .count();
    assert!((10..100).contains(&warnings), "{warnings}");
}
