//! Names, owners and finalizers, and what updates may not change of metadata.

use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace};

use super::*;
use crate::validation::validate_update;

fn map(metadata: Value) -> Value {
    let mut object = json!({ "metadata": { "name": "web" } });
    let all = object["metadata"].as_object_mut().unwrap();
    all.extend(metadata.as_object().unwrap().clone());
    object
}

#[test]
fn names_are_as_their_kind_has_them() {
    let named = |name: &str| json!({ "metadata": { "name": name } });
    let event = |name: &str| errors::<Event>(named(name));
    assert_eq!(event("Web_1.17f3"), [""; 0]);
    assert_eq!(
        event(".."),
        ["metadata.name: Invalid value: \"..\": may not be '..'"]
    );
    assert_eq!(
        event("a/b%"),
        [
            "metadata.name: Invalid value: \"a/b%\": may not contain '/'",
            "metadata.name: Invalid value: \"a/b%\": may not contain '%'"
        ]
    );
    assert_eq!(errors::<ConfigMap>(named("kube-root-ca.crt")), [""; 0]);
    assert!(errors::<ConfigMap>(named("Web"))[0].contains("a lowercase RFC 1123 subdomain must consist of"));
    assert_eq!(
        errors::<Namespace>(named("a.b")),
        ["metadata.name: Invalid value: \"a.b\": must not contain dots"]
    );
}

#[test]
fn owners() {
    let owner = |fields: Value| {
        let mut owner = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "a", "uid": "1" });
        owner
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        owner
    };
    let controller = |name: &str| owner(json!({ "name": name, "controller": true }));
    let cases = [
        (vec![controller("a"), owner(json!({}))], ""),
        (
            vec![owner(json!({ "apiVersion": "" }))],
            "metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty",
        ),
        (
            vec![owner(json!({ "kind": "" }))],
            "metadata.ownerReferences.kind: Invalid value: \"\": must not be empty",
        ),
        (
            vec![owner(json!({ "name": "" }))],
            "metadata.ownerReferences.name: Invalid value: \"\": must not be empty",
        ),
        (
            vec![owner(json!({ "uid": "" }))],
            "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty",
        ),
        (
            vec![owner(json!({ "apiVersion": "v1", "kind": "Event" }))],
            "metadata.ownerReferences: Invalid value: {\"apiVersion\":\"v1\",\"kind\":\"Event\",\"name\":\"a\",\"uid\":\"1\"}: \
             /v1, Kind=Event is disallowed from being an owner",
        ),
    ];
    for (owners, expected) in cases {
        let found = errors::<ConfigMap>(map(json!({ "ownerReferences": owners })));
        assert_eq!(found.join("\n"), expected);
    }
    let found = validate(&object::<ConfigMap>(map(
        json!({ "ownerReferences": [controller("a"), controller("b")] }),
    )));
    assert!(found[0].to_string().ends_with(
        ": Only one reference can have Controller set to true. Found \"true\" in references for ReplicaSet/a and ReplicaSet/b"
    ));
    assert_eq!(found[0].place, "metadata.ownerReferences[1]");
}

#[test]
fn finalizers() {
    let cases = [
        (vec!["kubernetes", "foregroundDeletion", "example.com/a"], ""),
        (
            vec!["example.com/a", "mine"],
            "metadata.finalizers[1]: Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully \
             qualified",
        ),
        (
            vec!["orphan", "foregroundDeletion"],
            "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan and \
             foregroundDeletion cannot be both set",
        ),
    ];
    for (finalizers, expected) in cases {
        let found = errors::<ConfigMap>(map(json!({ "finalizers": finalizers })));
        assert_eq!(found.join("\n"), expected);
    }
    let namespace =
        json!({ "metadata": { "name": "shop" }, "spec": { "finalizers": ["kubernetes", "mine"] } });
    assert_eq!(
        errors::<Namespace>(namespace),
        [
            "spec.finalizers: Invalid value: \"mine\": name is neither a standard finalizer name nor is it fully qualified"
        ]
    );
}

#[test]
fn updates_keep_who_an_object_is() {
    let old = json!({
        "uid": "1", "creationTimestamp": "2024-01-31T23:59:59Z", "generation": 2,
        "deletionTimestamp": "2024-02-01T00:00:00Z", "deletionGracePeriodSeconds": 30, "finalizers": ["a.io/a", "a.io/b"],
    });
    let cases = [
        (json!({}), vec![]),
        (
            json!({ "finalizers": ["a.io/b"], "labels": { "a": "b" } }),
            vec![],
        ),
        (
            json!({ "finalizers": ["a.io/b", "a.io/c", "a.io/d"] }),
            vec![
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new \
                 finalizers []string{\"a.io/c\", \"a.io/d\"}",
            ],
        ),
        (
            json!({ "generation": 1 }),
            vec!["metadata.generation: Invalid value: 1: must not be decremented"],
        ),
        (
            json!({ "uid": "2" }),
            vec!["metadata.uid: Invalid value: \"2\": field is immutable"],
        ),
        (
            json!({ "name": "api", "namespace": "shop" }),
            vec![
                "metadata.name: Invalid value: \"api\": field is immutable",
                "metadata.namespace: Invalid value: \"shop\": field is immutable",
            ],
        ),
        (
            json!({ "creationTimestamp": "2024-01-31T00:00:00Z" }),
            vec!["metadata.creationTimestamp: Invalid value: \"2024-01-31T00:00:00Z\": field is immutable"],
        ),
        (
            json!({ "deletionTimestamp": null, "deletionGracePeriodSeconds": 1 }),
            vec![
                "metadata.deletionTimestamp: Invalid value: null: field is immutable",
                "metadata.deletionGracePeriodSeconds: Invalid value: 1: field is immutable",
            ],
        ),
    ];
    for (changes, expected) in cases {
        let mut new = old.clone();
        new.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let (new, old) = (
            object::<ConfigMap>(map(new)),
            object::<ConfigMap>(map(old.clone())),
        );
        assert_eq!(said(&validate_update(&new, &old)), expected, "{changes}");
    }
}
