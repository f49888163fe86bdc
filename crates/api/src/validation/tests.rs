//! What is said of objects with mistakes, word for word, in the order in which Kubernetes says it.

mod config;
mod endpoints;
mod housekeeping;
mod metadata;
mod network_policy;
mod pod;
mod service;
mod update;
mod workload;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{FieldError, validate};
use crate::defaults::default_object;
use crate::object::{Object, Resource};

fn object<T: Resource + DeserializeOwned>(value: Value) -> Object {
    let object: T = serde_json::from_value(value).unwrap();
    let mut object = object.into_object();
    default_object(&mut object);
    object
}

fn said(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// What is said of an object.
fn errors<T: Resource + DeserializeOwned>(value: Value) -> Vec<String> {
    said(&validate(&object::<T>(value)))
}

fn service(spec: Value) -> Value {
    json!({ "metadata": { "name": "web" }, "spec": spec })
}

/// A pod whose container has more fields.
fn container(fields: Value) -> Value {
    let mut container = json!({ "name": "web", "image": "podlab/echo" });
    container
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    pod(json!({ "containers": [container] }))
}

/// A pod with more fields.
fn pod(fields: Value) -> Value {
    let mut spec = json!({ "containers": [{ "name": "web", "image": "podlab/echo" }] });
    spec.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({ "metadata": { "name": "web" }, "spec": spec })
}

/// A deployment with more fields.
fn deployment(fields: Value) -> Value {
    let mut spec = json!({
        "selector": { "matchLabels": { "app": "web" } },
        "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "web", "image": "podlab/echo" }] },
        },
    });
    spec.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({ "metadata": { "name": "web" }, "spec": spec })
}

#[test]
fn what_is_right_is_passed_over_in_silence() {
    let nothing: [&str; 0] = [];
    assert_eq!(
        errors::<Service>(service(json!({ "ports": [{ "port": 80 }] }))),
        nothing
    );
    assert_eq!(errors::<Pod>(pod(json!({}))), nothing);
    assert_eq!(errors::<Deployment>(deployment(json!({}))), nothing);
}

#[test]
fn labels_are_told_together_and_found_one_by_one() {
    let broken = json!({ "metadata": { "name": "web", "labels": { "app": "a b" } }, "spec": { "ports": [{ "port": 80 }] } });
    let found = validate(&object::<Service>(broken));
    assert!(said(&found)[0].starts_with("metadata.labels: Invalid value: \"a b\": a valid label must be"));
    assert_eq!(found[0].place, "metadata.labels[app]");
}
