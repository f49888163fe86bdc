//! What a cluster keeps for itself: Events, Leases, Nodes, ServiceAccounts.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Event, Node, ServiceAccount};

use super::*;
use crate::validation::validate_update;

fn spec(spec: Value) -> Value {
    json!({ "metadata": { "name": "web" }, "spec": spec })
}

#[test]
fn events_are_where_what_they_are_about_is() {
    let event = |namespace: &str, about: Value, fields: Value| {
        let mut event =
            json!({ "metadata": { "name": "web.1", "namespace": namespace }, "involvedObject": about });
        event
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        errors::<Event>(event)
    };
    let elsewhere = |namespace: &str| {
        vec![format!(
            "involvedObject.namespace: Invalid value: {namespace:?}: does not match event.namespace"
        )]
    };
    let nothing = Vec::<String>::new();
    let newer = json!({
        "eventTime": "2024-01-31T23:59:59.000000Z", "reportingComponent": "example.com/me", "reportingInstance": "me-1",
        "action": "Starting", "reason": "Started",
    });
    let about = |namespace: &str| json!({ "kind": "Pod", "name": "web", "namespace": namespace });
    let cases = [
        ("shop", about("shop"), json!({}), nothing.clone()),
        ("shop", about("default"), json!({}), elsewhere("default")),
        ("shop", json!({}), json!({}), elsewhere("")),
        ("default", json!({ "kind": "Node" }), json!({}), nothing.clone()),
        ("shop", about("shop"), newer.clone(), nothing.clone()),
        ("kube-system", json!({}), newer.clone(), nothing),
        ("shop", json!({}), newer, elsewhere("")),
    ];
    for (namespace, about, fields, expected) in cases {
        assert_eq!(
            event(namespace, about.clone(), fields),
            expected,
            "{namespace} {about}"
        );
    }
    let bare = event(
        "shop",
        about("shop"),
        json!({ "eventTime": "2024-01-31T23:59:59.000000Z" }),
    );
    let fields: Vec<&str> = bare
        .iter()
        .filter_map(|why| why.strip_suffix(": Required value"))
        .collect();
    assert_eq!(
        fields,
        ["reportingController", "reportingInstance", "action", "reason"]
    );
    assert!(bare[1].starts_with("reportingController: Invalid value: \"\": name part must be non-empty"));
}

#[test]
fn leases() {
    assert_eq!(
        errors::<Lease>(spec(
            json!({ "leaseDurationSeconds": 15, "leaseTransitions": 0, "holderIdentity": "a" })
        )),
        [""; 0]
    );
    assert_eq!(
        errors::<Lease>(spec(json!({ "leaseDurationSeconds": 0, "leaseTransitions": -1 }))),
        [
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
            "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"
        ]
    );
}

#[test]
fn nodes() {
    let taint = |key: &str, effect: &str| json!({ "key": key, "effect": effect });
    let cases = [
        (
            json!({ "taints": [taint("a", "NoSchedule"), taint("a", "NoExecute")], "podCIDRs": ["10.244.0.0/24", "fd00::/64"] }),
            vec![],
        ),
        (
            json!({ "taints": [taint("a", "NoSchedule"), taint("a", "NoSchedule")] }),
            vec![
                "metadata.taints[1]: Duplicate value: {\"Key\":\"a\",\"Value\":\"\",\"Effect\":\"NoSchedule\",\
                 \"TimeAdded\":null}: taints must be unique by key and effect pair",
            ],
        ),
        (
            json!({ "taints": [taint("a", ""), taint("b", "Never")] }),
            vec![
                "metadata.taints[0].effect: Required value",
                "metadata.taints[1].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \
                 \"PreferNoSchedule\", \"NoExecute\"",
            ],
        ),
        (
            json!({ "podCIDRs": ["10.244.0.0/24", "10.245.0.0/24"] }),
            vec![
                "spec.podCIDRs: Invalid value: [\"10.244.0.0/24\",\"10.245.0.0/24\"]: may specify no more than one CIDR for \
                 each IP family",
            ],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(errors::<Node>(spec(fields.clone())), expected, "{fields}");
    }
}

#[test]
fn what_nodes_were_given_stays_theirs() {
    let update = |old: Value, new: Value| {
        said(&validate_update(
            &object::<Node>(spec(new)),
            &object::<Node>(spec(old)),
        ))
    };
    let given = json!({ "podCIDR": "10.244.0.0/24", "providerID": "podlab://a" });
    assert_eq!(update(json!({}), given.clone()), [""; 0]);
    let cordoned = json!({ "podCIDR": "10.244.0.0/24", "providerID": "podlab://a", "unschedulable": true });
    assert_eq!(update(given.clone(), cordoned), [""; 0]);
    assert_eq!(
        update(given, json!({ "podCIDR": "10.245.0.0/24" })),
        [
            "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid",
            "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid"
        ]
    );
}

#[test]
fn service_accounts_name_their_secrets_only() {
    let account = json!({ "metadata": { "name": "web" }, "secrets": [{ "name": "a", "namespace": "b", "kind": "Secret" }] });
    let account = object::<ServiceAccount>(account).to_json().unwrap();
    assert_eq!(account["secrets"], json!([{ "name": "a" }]));
}
