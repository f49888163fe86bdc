//! Requests whose bodies are protobuf.

use super::*;
use crate::protobuf::MEDIA_TYPE;
use crate::protobuf::tests::{body, bytes, enveloped, number};

async fn send(lab: &Lab, method: &str, uri: &str, body: Vec<u8>) -> (u16, Value) {
    let headers = [(CONTENT_TYPE.as_str(), MEDIA_TYPE)];
    taken(lab.send(method, uri, &headers, body).await).await
}

#[tokio::test]
async fn a_deployment_is_created_as_from_json_scaled_and_deleted() {
    let (lab, other) = (Lab::new(), Lab::new());
    let dump = body(include_str!("../../protobuf/tests/deployment.hex"));
    let (code, mut created) = send(&lab, "POST", DEPLOYMENTS, dump).await;
    assert_eq!(code, 201, "{created}");
    let printed = include_str!("../../protobuf/tests/deployment.json");
    let (_, mut expected) = other
        .post(DEPLOYMENTS, &serde_json::from_str(printed).unwrap())
        .await;
    for object in [&mut created, &mut expected] {
        object["metadata"]["uid"].take();
        object["metadata"]["managedFields"][0]["time"].take();
    }
    assert_eq!(created, expected);

    let name = created["metadata"]["name"].as_str().unwrap();
    let uri = format!("{DEPLOYMENTS}/{name}");
    let raw = [
        bytes(1, [bytes(1, name), bytes(3, "default")].concat()),
        bytes(2, number(1, 3)),
    ]
    .concat();
    let scale = enveloped("autoscaling/v1", "Scale", &raw);
    let (code, scale) = send(&lab, "PUT", &format!("{uri}/scale"), scale).await;
    assert_eq!((code, &scale["spec"]["replicas"]), (200, &json!(3)), "{scale}");

    let of_another = enveloped("v1", "DeleteOptions", &bytes(2, bytes(1, "another")));
    let (code, status) = send(&lab, "DELETE", &uri, of_another).await;
    assert_eq!((code, &status["reason"]), (409, &json!("Conflict")), "{status}");
    let options = body(include_str!("../../protobuf/tests/deleteoptions.hex"));
    let (code, status) = send(&lab, "DELETE", &uri, options).await;
    assert_eq!(code, 200, "{status}");
    assert_eq!(lab.get(&uri).await.0, 404);
}

#[tokio::test]
async fn what_is_something_else_is_refused() {
    let lab = Lab::new();
    lab.map("a", "x").await;
    let namespace = body(include_str!("../../protobuf/tests/namespace.hex"));
    for (method, uri, expected) in [
        (
            "POST",
            MAPS,
            "Namespace in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Namespace) to \
             (core.ConfigMap): unknown conversion",
        ),
        (
            "DELETE",
            &format!("{MAPS}/a"),
            "decoded object cannot be converted to DeleteOptions",
        ),
    ] {
        let (code, status) = send(&lab, method, uri, namespace.clone()).await;
        assert_eq!((code, status["message"].as_str()), (400, Some(expected)));
    }
    assert_eq!(lab.get(&format!("{MAPS}/a")).await.0, 200);
}
