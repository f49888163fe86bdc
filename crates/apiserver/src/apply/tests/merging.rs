//! What objects become, and what is in conflict.

use super::*;

const KIND: Kind = Kind::Deployment;

fn containers(object: &Value) -> Vec<String> {
    let containers = object["spec"]["template"]["spec"]["containers"].as_array();
    let name = |container: &Value| {
        let text = |field: &str| container[field].as_str().unwrap_or_default();
        format!("{} {}", text("name"), text("image"))
    };
    containers.into_iter().flatten().map(name).collect()
}

fn with_containers(containers: Value) -> Value {
    deployment(json!({"template": {"spec": {"containers": containers}}}))
}

#[test]
fn an_object_that_is_applied_twice_is_the_same() {
    let first = applied_by("kubectl", None, KIND, deployment(json!({"replicas": 2}))).unwrap();
    let applied = object(KIND, deployment(json!({"replicas": 2})));
    let again = apply(Some(&first), &applied, KIND, &manager("kubectl"), false, at(9)).unwrap();
    assert_eq!(again, first);
}

#[test]
fn replicas_are_handed_to_an_autoscaler() {
    let live = applied_by("kubectl", None, KIND, deployment(json!({"replicas": 3}))).unwrap();
    let autoscaler = at_subresource("kube-controller-manager", "scale");
    let scaled = change(&live, json!({"spec": {"replicas": 5}}));
    let scaled = written_by(&autoscaler, Some(&live), KIND, &scaled);
    let applied = applied_by("kubectl", Some(&scaled), KIND, deployment(json!({"replicas": 3})));
    let conflict = "Apply failed with 1 conflict: conflict with \"kube-controller-manager\" with subresource \
                    \"scale\" using apps/v1: .spec.replicas";
    assert_eq!(applied, Err(conflict.to_owned()));
    // Who leaves the replicas out gives them up.
    let left = applied_by("kubectl", Some(&scaled), KIND, deployment(json!({}))).unwrap();
    assert_eq!(left["spec"]["replicas"], 5);
    assert_eq!(
        owned_by("kube-controller-manager Update/scale", &left),
        json!({"f:spec": {"f:replicas": {}}})
    );
}

#[test]
fn a_field_is_given_up_to_another_applier_without_being_lost() {
    // The documentation's way: another manager applies the same value first.
    let live = applied_by("kubectl", None, KIND, deployment(json!({"replicas": 3}))).unwrap();
    let both = applied_by(
        "handover-to-hpa",
        Some(&live),
        KIND,
        json!({"spec": {"replicas": 3}}),
    )
    .unwrap();
    assert_eq!(
        owned_by("handover-to-hpa Apply", &both),
        json!({"f:spec": {"f:replicas": {}}})
    );
    assert_eq!(
        owned_by("kubectl Apply", &both)["f:spec"]["f:replicas"],
        json!({})
    );
    let one = applied_by("kubectl", Some(&both), KIND, deployment(json!({}))).unwrap();
    assert_eq!(one["spec"]["replicas"], 3);
    assert_eq!(owned_by("kubectl Apply", &one)["f:spec"].get("f:replicas"), None);
    // And what nobody applies any more is gone, which makes it the default.
    let none = applied_by("handover-to-hpa", Some(&one), KIND, json!({})).unwrap();
    assert_eq!(none["spec"]["replicas"], 1);
    assert_eq!(owned_by("handover-to-hpa Apply", &none), Value::Null);
}

#[test]
fn others_fields_are_in_conflict_unless_they_are_taken_by_force() {
    let kind = Kind::ConfigMap;
    let live = applied_by("first", None, kind, json!({"data": {"a": "1", "b": "1"}})).unwrap();
    let live = change(&live, json!({"data": {"c": "1"}}));
    let live = written_by(&manager("second"), Some(&live), kind, &live);
    let changed = json!({"data": {"a": "2", "b": "1", "c": "1"}});
    assert_eq!(
        applied_by("third", Some(&live), kind, changed.clone()),
        Err("Apply failed with 1 conflict: conflict with \"first\": .data.a".to_owned())
    );
    let applied = object(kind, changed);
    let forced = apply(Some(&live), &applied, kind, &manager("third"), true, at(3)).unwrap();
    assert_eq!(forced["data"], json!({"a": "2", "b": "1", "c": "1"}));
    assert_eq!(owned_by("first Apply", &forced), json!({"f:data": {"f:b": {}}}));
    assert_eq!(
        owned_by("third Apply", &forced),
        json!({"f:data": {"f:a": {}, "f:b": {}, "f:c": {}}})
    );
}

#[test]
fn elements_of_others_stay_and_those_that_are_left_out_go() {
    let web = json!({"name": "web", "image": "nginx:1"});
    let live = applied_by("kubectl", None, KIND, with_containers(json!([web]))).unwrap();
    // Somebody adds a container in front, and another at the end.
    let sidecar =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "proxy:1"}]}}}});
    let live = applied_by("mesh", Some(&live), KIND, sidecar).unwrap();
    assert_eq!(containers(&live), ["web nginx:1", "proxy proxy:1"]);
    let log = json!({"name": "log", "image": "log:1"});
    let changed = json!([{"name": "web", "image": "nginx:2"}, log]);
    let live = applied_by("kubectl", Some(&live), KIND, with_containers(changed)).unwrap();
    assert_eq!(containers(&live), ["web nginx:2", "proxy proxy:1", "log log:1"]);
    let live = applied_by("kubectl", Some(&live), KIND, with_containers(json!([log]))).unwrap();
    assert_eq!(containers(&live), ["proxy proxy:1", "log log:1"]);
}

#[test]
fn an_element_goes_with_its_applier_though_others_own_fields_in_it() {
    let both = json!([{"name": "web", "image": "nginx:1"}, {"name": "log", "image": "log:1"}]);
    let live = applied_by("kubectl", None, KIND, with_containers(both)).unwrap();
    let mut changed = live.clone();
    changed["spec"]["template"]["spec"]["containers"][1]["image"] = json!("log:2");
    let changed = written_by(&manager("kubectl-set"), Some(&live), KIND, &changed);
    let web = json!([{"name": "web", "image": "nginx:1"}]);
    let live = applied_by("kubectl", Some(&changed), KIND, with_containers(web)).unwrap();
    assert_eq!(containers(&live), ["web nginx:1"]);
    assert_eq!(owned_by("kubectl-set Update", &live), Value::Null);
}

#[test]
fn the_order_of_elements_is_that_of_who_applies_them() {
    let named = |names: &str| -> Value {
        names
            .chars()
            .map(|name| json!({"name": name.to_string(), "image": "i"}))
            .collect()
    };
    for (live, applied, expected) in [
        ("abc", "abc", "abc"),
        ("abc", "cba", "cba"),
        ("abc", "b", "abc"),
        ("abc", "dbe", "adbce"),
        ("abc", "ca", "bca"),
        ("axby", "ba", "xbya"),
        ("", "ba", "ba"),
    ] {
        let node = Node::of(KIND);
        let with = |names: &str| object(KIND, with_containers(named(names)));
        let merged = merge(&with(live), &with(applied), node);
        let names: String = containers(&merged).iter().map(|name| &name[..1]).collect();
        assert_eq!(names, expected, "{live} {applied}");
    }
}

#[test]
fn elements_that_cannot_be_told_apart_are_replaced_by_the_one_that_is_applied() {
    let env = |env: Value| with_containers(json!([{"name": "web", "image": "nginx:1", "env": env}]));
    let live = object(
        KIND,
        env(json!([{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}])),
    );
    let applied = object(KIND, env(json!([{"name": "A", "valueFrom": {}}])));
    let merged = merge(&live, &applied, Node::of(KIND));
    assert_eq!(
        merged["spec"]["template"]["spec"]["containers"][0]["env"],
        json!([{"name": "A", "valueFrom": {}}, {"name": "B"}])
    );
}

#[test]
fn ports_are_told_apart_by_number_and_protocol() {
    let ports = |ports: Value| json!({"spec": {"ports": ports}});
    let kind = Kind::Service;
    let dns = json!([{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]);
    let live = applied_by("kubectl", None, kind, ports(dns)).unwrap();
    let other = json!([{"name": "renamed", "port": 53, "protocol": "TCP"}]);
    assert_eq!(
        applied_by("other", Some(&live), kind, ports(other)),
        Err("Apply failed with 1 conflict: conflict with \"kubectl\": \
             .spec.ports[port=53,protocol=\"TCP\"].name"
            .to_owned())
    );
    // Another number is another port; the old one goes.
    let moved = json!([{"name": "dns", "port": 5353, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]);
    let live = applied_by("kubectl", Some(&live), kind, ports(moved)).unwrap();
    let numbers: Vec<_> = live["spec"]["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| &port["port"])
        .collect();
    assert_eq!(numbers, [&json!(5353), &json!(53)]);
}

#[test]
fn sets_are_merged_and_atomic_values_are_replaced() {
    let kind = Kind::Service;
    let fields = |finalizer: &str, app: &str| json!({"metadata": {"finalizers": [finalizer]}, "spec": {"selector": {app: "web"}, "ports": [{"port": 80}]}});
    let live = applied_by("a", None, kind, fields("example.com/a", "app")).unwrap();
    let error = applied_by("b", Some(&live), kind, fields("example.com/b", "tier")).unwrap_err();
    assert_eq!(
        error,
        "Apply failed with 1 conflict: conflict with \"a\": .spec.selector"
    );
    let applied = object(kind, fields("example.com/b", "tier"));
    let live = apply(Some(&live), &applied, kind, &manager("b"), true, at(3)).unwrap();
    assert_eq!(
        live["metadata"]["finalizers"],
        json!(["example.com/a", "example.com/b"])
    );
    assert_eq!(live["spec"]["selector"], json!({"tier": "web"}));
    assert_eq!(
        owned_by("b Apply", &live)["f:metadata"],
        json!({"f:finalizers": {"v:\"example.com/b\"": {}}})
    );
}

#[test]
fn an_object_that_is_left_out_goes_with_what_nobody_owns_in_it() {
    let probe = json!({"httpGet": {"path": "/", "port": 80}});
    let web = |more: Value| {
        let mut web = json!({"name": "web", "image": "nginx:1"});
        json_patch::merge(&mut web, &more);
        with_containers(json!([web]))
    };
    let live = applied_by("kubectl", None, KIND, web(json!({"readinessProbe": probe}))).unwrap();
    let container = |object: &Value| object["spec"]["template"]["spec"]["containers"][0].clone();
    assert_eq!(container(&live)["readinessProbe"]["periodSeconds"], 10);
    let without = applied_by("kubectl", Some(&live), KIND, web(json!({}))).unwrap();
    assert_eq!(container(&without).get("readinessProbe"), None);
    // But not if somebody else owns some of it.
    let period = json!([{"name": "web", "readinessProbe": {"periodSeconds": 5}}]);
    let period = json!({"spec": {"template": {"spec": {"containers": period}}}});
    let applied = object(KIND, period);
    let shared = apply(Some(&live), &applied, KIND, &manager("other"), true, at(3)).unwrap();
    let shared = stored(KIND, &shared);
    let rest = applied_by("kubectl", Some(&shared), KIND, web(json!({}))).unwrap();
    assert_eq!(container(&rest)["readinessProbe"]["periodSeconds"], 5);
    assert_eq!(container(&rest)["readinessProbe"].get("httpGet"), None);
}

#[test]
fn null_and_empty_values_are_told_apart() {
    let kind = Kind::ConfigMap;
    let live = applied_by("a", None, kind, json!({"data": {}})).unwrap();
    assert_eq!(owned_by("a Apply", &live), json!({"f:data": {}}));
    let live = applied_by("a", Some(&live), kind, json!({"data": {"k": "1"}})).unwrap();
    assert_eq!(live["data"], json!({"k": "1"}));
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": null});
    let nulled = apply(Some(&live), &applied, kind, &manager("c"), false, at(3)).unwrap();
    assert_eq!(nulled["data"], json!({"k": "1"}));
}
