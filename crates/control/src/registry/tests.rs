//! What the registry fills in, keeps and refuses, beyond what the objects alone say.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::*;

fn registry() -> Registry {
    let store = Store::new(Arc::new(|| Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH)));
    let service_cidr = "10.96.0.0/12".parse().unwrap();
    Registry::new(store, RegistryOptions { service_cidr }).unwrap()
}

fn apply(registry: &Registry, object: Object) -> Result<Applied, String> {
    registry.apply(object).map_err(|error| error.to_string())
}

fn apply_service(registry: &Registry, spec: Value) -> Result<Applied, String> {
    let service = json!({ "metadata": { "name": "web" }, "spec": spec });
    apply(
        registry,
        Object::Service(serde_json::from_value(service).unwrap()),
    )
}

fn apply_pod(registry: &Registry, spec: Value) -> Result<Applied, String> {
    let pod = json!({ "metadata": { "name": "web" }, "spec": spec });
    apply(registry, Object::Pod(serde_json::from_value(pod).unwrap()))
}

fn web() -> NamespacedName {
    NamespacedName {
        namespace: "default".to_owned(),
        name: "web".to_owned(),
    }
}

fn service(registry: &Registry) -> Value {
    json!(registry.store().get::<Service>(&web()).unwrap().spec)
}

fn pod(more: Value) -> Value {
    let mut spec = json!({ "containers": [{ "name": "web", "image": "podlab/echo" }] });
    spec.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    spec
}

#[test]
fn families_are_what_the_cluster_has() {
    let ports = json!([{ "port": 80 }]);
    for (fields, families, policy) in [
        (json!({}), json!(["IPv4"]), "SingleStack"),
        (
            json!({ "ipFamilyPolicy": "PreferDualStack" }),
            json!(["IPv4"]),
            "PreferDualStack",
        ),
        (
            json!({ "clusterIP": "None", "selector": { "app": "web" } }),
            json!(["IPv4"]),
            "SingleStack",
        ),
        (
            json!({ "clusterIP": "None" }),
            json!(["IPv4", "IPv6"]),
            "RequireDualStack",
        ),
        (
            json!({ "clusterIP": "None", "ipFamilies": ["IPv6"] }),
            json!(["IPv6", "IPv4"]),
            "RequireDualStack",
        ),
    ] {
        let registry = registry();
        let mut spec = fields;
        spec["ports"] = ports.clone();
        assert_eq!(apply_service(&registry, spec.clone()), Ok(Applied::Created));
        let stored = service(&registry);
        assert_eq!(
            (&stored["ipFamilies"], stored["ipFamilyPolicy"].as_str()),
            (&families, Some(policy))
        );
        assert_eq!(apply_service(&registry, spec), Ok(Applied::Unchanged));
    }
}

#[test]
fn families_that_the_cluster_has_not_are_refused() {
    for (fields, expected) in [
        (
            json!({ "ipFamilyPolicy": "RequireDualStack" }),
            "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack \
             services",
        ),
        (
            json!({ "ipFamilies": ["IPv6"] }),
            "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster",
        ),
        (
            json!({ "clusterIP": "2001:db8::1" }),
            "spec.clusterIPs[0]: Invalid value: [\"2001:db8::1\"]: IPv6 is not configured on this cluster",
        ),
        (
            json!({ "ipFamilies": ["IPv4", "IPv6"] }),
            "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when \
             multiple IP families are specified",
        ),
    ] {
        let mut spec = fields;
        spec["ports"] = json!([{ "port": 80 }]);
        let expected = format!("Service \"web\" is invalid: {expected}");
        assert_eq!(apply_service(&registry(), spec), Err(expected));
    }
}

#[test]
fn an_update_keeps_what_was_given_and_drops_what_its_type_has_no_use_for() {
    let registry = registry();
    let ports = |node_port: Value| json!([{ "port": 80, "nodePort": node_port }]);
    apply_service(
        &registry,
        json!({ "type": "NodePort", "ports": ports(json!(30080)) }),
    )
    .unwrap();
    let given = service(&registry);
    let node_port = json!({ "type": "NodePort", "ports": ports(json!(null)) });
    assert_eq!(apply_service(&registry, node_port), Ok(Applied::Unchanged));

    // The manifest repeats the number of the old type, and its policy.
    let repeated =
        json!({ "type": "ClusterIP", "externalTrafficPolicy": "Cluster", "ports": ports(json!(30080)) });
    assert_eq!(apply_service(&registry, repeated), Ok(Applied::Configured));
    let kept = service(&registry);
    assert_eq!(kept["clusterIPs"], given["clusterIPs"]);
    assert_eq!(kept["ports"][0]["nodePort"], json!(null));
    assert_eq!(kept["externalTrafficPolicy"], json!(null));

    let external =
        json!({ "type": "ExternalName", "externalName": "example.com", "clusterIP": given["clusterIP"] });
    assert_eq!(apply_service(&registry, external), Ok(Applied::Configured));
    assert_eq!(service(&registry)["clusterIPs"], json!(null));
    assert_eq!(service(&registry)["ipFamilyPolicy"], json!(null));
    let other = json!({ "type": "ExternalName", "externalName": "example.com", "clusterIP": "10.96.0.9" });
    assert_eq!(
        apply_service(&registry, other).unwrap_err(),
        "Service \"web\" is invalid: spec.clusterIPs: Forbidden: may not be set for ExternalName services"
    );
}

#[test]
fn a_node_port_is_of_their_range() {
    let service = |port: i32| json!({ "type": "NodePort", "ports": [{ "port": 80, "nodePort": port }] });
    for port in [30000, 32767] {
        assert_eq!(apply_service(&registry(), service(port)), Ok(Applied::Created));
    }
    for port in [80, 29999, 32768] {
        let expected = format!(
            "Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: {port}: provided port is not in the valid \
             range. The range of valid ports is 30000-32767"
        );
        assert_eq!(apply_service(&registry(), service(port)), Err(expected));
    }
}

#[test]
fn a_pod_keeps_its_node_and_its_images() {
    let registry = registry();
    let tolerated = pod(json!({ "tolerations": [{ "operator": "Exists" }] }));
    apply_pod(&registry, pod(json!({}))).unwrap();
    let schedule = |pod: &mut Pod| pod.spec.get_or_insert_default().node_name = Some("node-1".to_owned());
    registry.store().modify(&web(), schedule).unwrap();
    assert_eq!(apply_pod(&registry, pod(json!({}))), Ok(Applied::Unchanged));
    assert_eq!(apply_pod(&registry, tolerated.clone()), Ok(Applied::Configured));
    let stored = registry.store().get::<Pod>(&web()).unwrap();
    assert_eq!(stored.spec.as_ref().unwrap().node_name.as_deref(), Some("node-1"));

    let mut other = tolerated;
    other["containers"][0]["image"] = json!("podlab/pause");
    assert_eq!(
        apply_pod(&registry, other).unwrap_err(),
        "Pod \"web\" is invalid: spec.containers[0].image: Forbidden: podlab doesn't change the image of a pod that is \
         there: delete the pod first"
    );
}

#[test]
fn a_grace_period_below_zero_is_a_second() {
    let registry = registry();
    apply_pod(
        &registry,
        pod(json!({ "nodeName": "node-1", "terminationGracePeriodSeconds": -5 })),
    )
    .unwrap();
    registry.delete(Kind::Pod, &web()).unwrap();
    let stored = registry.store().get::<Pod>(&web()).unwrap();
    assert_eq!(stored.metadata.deletion_grace_period_seconds, Some(1));
}

#[test]
fn the_same_is_said_once() {
    let selector = json!({ "a": "x y", "b": "x y" });
    let said = apply_service(
        &registry(),
        json!({ "selector": selector, "ports": [{ "port": 80 }] }),
    );
    assert_eq!(said.unwrap_err().matches("Invalid value").count(), 1);
}

/// Objects of every kind, as for `kubectl create`.
#[test]
fn a_name_is_made_of_what_it_is_to_begin_with() {
    let registry = registry();
    let long = "a".repeat(60);
    let cases = [
        (json!({ "generateName": "web-" }), "web-"),
        (json!({ "name": "", "generateName": "api-" }), "api-"),
        (json!({ "generateName": long }), &long[..58]),
    ];
    for (metadata, start) in cases {
        let service = json!({ "metadata": metadata, "spec": { "ports": [{ "port": 80 }] } });
        let service = Object::Service(serde_json::from_value(service).unwrap());
        apply(&registry, service).unwrap();
        let of_it = |service: &Service| {
            let name = service.metadata.name.clone().unwrap_or_default();
            name.starts_with(start) && name.len() == start.len() + 5
        };
        let stored = registry.store().list::<Service>();
        let names = stored.iter().filter(|service| of_it(service)).count();
        assert_eq!(names, 1, "{metadata}");
    }
}

#[test]
fn an_object_was_created_when_it_was() {
    let registry = registry();
    let map = |created: Value| {
        let map =
            json!({ "metadata": { "name": "web", "namespace": "default", "creationTimestamp": created } });
        Object::ConfigMap(serde_json::from_value(map).unwrap())
    };
    registry.create(map(json!(null)), Mode::Commit).unwrap();
    let later = map(json!("2024-01-31T23:59:59Z"));
    let updated = registry.update(later, Part::Object, Mode::Commit).unwrap();
    assert_eq!(
        json!(updated.metadata().creation_timestamp),
        json!("1970-01-01T00:00:00Z")
    );
}
