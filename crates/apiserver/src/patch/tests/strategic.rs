//! Strategic merge patches.

use super::*;

/// Expects that a patch makes of `live` what is `expected`.
fn check(kind: Kind, live: Value, patch: Value, expected: Value) {
    assert_eq!(strategic(&live, &patch, kind), Ok(expected), "{patch} on {live}");
}

fn refused(kind: Kind, live: Value, patch: Value) -> (i32, String, String) {
    answer(&strategic(&live, &patch, kind).unwrap_err())
}

/// A pod with these containers.
fn pod(containers: Value) -> Value {
    json!({"spec": {"containers": containers}})
}

fn finalizers(names: &[&str]) -> Value {
    json!({"metadata": {"finalizers": names}})
}

#[test]
fn objects_are_merged_and_null_removes() {
    check(
        Kind::Deployment,
        json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"replicas": 1, "paused": true}}),
        json!({"metadata": {"labels": {"a": null, "c": "3"}}, "spec": {"replicas": 2, "paused": null}}),
        json!({"metadata": {"labels": {"b": "2", "c": "3"}}, "spec": {"replicas": 2}}),
    );
    // What isn't there yet is taken as it is, without what only removes.
    check(
        Kind::Pod,
        json!({}),
        json!({"metadata": {"labels": {"a": "1", "b": null}, "annotations": {"$patch": "delete"}}}),
        json!({"metadata": {"labels": {"a": "1"}}}),
    );
    check(
        Kind::Pod,
        json!({"metadata": {}}),
        json!(null),
        json!({"metadata": {}}),
    );
}

#[test]
fn lists_with_a_merge_key_are_merged_by_it() {
    check(
        Kind::Pod,
        pod(json!([{"name": "web", "image": "nginx:1"}, {"name": "log", "image": "log"}])),
        pod(json!([{"name": "web", "image": "nginx:2"}])),
        pod(json!([{"name": "web", "image": "nginx:2"}, {"name": "log", "image": "log"}])),
    );
    // The documentation's example: a second container comes to be the first.
    check(
        Kind::Deployment,
        json!({"spec": {"template": {"spec": {"containers": [{"name": "patch-demo-ctr", "image": "nginx"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "patch-demo-ctr-2", "image": "redis"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [
            {"name": "patch-demo-ctr-2", "image": "redis"},
            {"name": "patch-demo-ctr", "image": "nginx"},
        ]}}}}),
    );
    check(
        Kind::Service,
        json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 443}]}}),
        json!({"spec": {"ports": [{"port": 80, "targetPort": 9090}]}}),
        json!({"spec": {"ports": [{"port": 80, "targetPort": 9090}, {"port": 443}]}}),
    );
    // Within elements as well.
    check(
        Kind::Pod,
        pod(json!([{"name": "web", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}])),
        pod(json!([{"name": "web", "env": [{"name": "B", "value": null}, {"name": "C", "value": "3"}]}])),
        pod(json!([{"name": "web", "env": [
            {"name": "A", "value": "1"}, {"name": "B"}, {"name": "C", "value": "3"},
        ]}])),
    );
}

#[test]
fn lists_without_a_strategy_are_replaced() {
    // The documentation's example: tolerations.
    let pod = |tolerations: Value| json!({"spec": {"tolerations": tolerations}});
    check(
        Kind::Pod,
        pod(json!([{"key": "dedicated", "value": "test-team", "effect": "NoSchedule"}])),
        pod(json!([{"key": "disktype", "value": "ssd", "effect": "NoSchedule"}])),
        pod(json!([{"key": "disktype", "value": "ssd", "effect": "NoSchedule"}])),
    );
    check(
        Kind::Pod,
        json!({"spec": {"containers": [{"name": "web", "args": ["a", "b"]}]}}),
        json!({"spec": {"containers": [{"name": "web", "args": ["c"]}]}}),
        json!({"spec": {"containers": [{"name": "web", "args": ["c"]}]}}),
    );
}

#[test]
fn lists_of_scalars_are_merged_by_value() {
    for (live, patch, expected) in [
        (
            &["a", "b"][..],
            json!({"finalizers": ["c", "a"]}),
            &["c", "a", "b"][..],
        ),
        (&["a"], json!({"finalizers": ["a"]}), &["a"]),
        (
            &["a", "b"],
            json!({"$deleteFromPrimitiveList/finalizers": ["a"]}),
            &["b"],
        ),
        (
            &["a", "b"],
            json!({"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}),
            &["c", "b"],
        ),
        (
            &["a", "b", "c"],
            json!({"$setElementOrder/finalizers": ["c", "a"], "finalizers": ["a"]}),
            &["b", "c", "a"],
        ),
        (
            &["a", "b"],
            json!({"$setElementOrder/finalizers": ["b", "a"]}),
            &["b", "a"],
        ),
    ] {
        check(
            Kind::Pod,
            finalizers(live),
            json!({"metadata": patch}),
            finalizers(expected),
        );
    }
    check(
        Kind::Pod,
        json!({"metadata": {}}),
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}),
        json!({"metadata": {}}),
    );
}

#[test]
fn directives_delete_and_replace_objects_and_elements() {
    let strategy = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    check(
        Kind::Deployment,
        strategy.clone(),
        json!({"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}}),
        json!({"spec": {"strategy": {"type": "Recreate"}}}),
    );
    check(
        Kind::Deployment,
        strategy,
        json!({"spec": {"strategy": {"rollingUpdate": {"$patch": "delete"}}}}),
        json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
    );
    let live = pod(json!([{"name": "web", "image": "nginx"}, {"name": "log", "image": "log"}]));
    check(
        Kind::Pod,
        live.clone(),
        pod(json!([{"name": "web", "$patch": "delete"}])),
        pod(json!([{"name": "log", "image": "log"}])),
    );
    check(
        Kind::Pod,
        live.clone(),
        pod(json!([{"$patch": "replace"}, {"name": "new", "image": "new", "command": null}])),
        pod(json!([{"name": "new", "image": "new"}])),
    );
    check(Kind::Pod, live, json!({"$patch": "delete"}), json!({}));
}

#[test]
fn only_retained_keys_are_left() {
    // The documentation's example: a Deployment's strategy.
    check(
        Kind::Deployment,
        json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}),
        json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        json!({"spec": {"strategy": {"type": "Recreate"}}}),
    );
    check(
        Kind::Pod,
        json!({"spec": {"volumes": [{"name": "data", "emptyDir": {}}]}}),
        json!({"spec": {"volumes": [
            {"name": "data", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}, "emptyDir": null},
        ]}}),
        json!({"spec": {"volumes": [{"name": "data", "configMap": {"name": "c"}}]}}),
    );
}

#[test]
fn the_order_of_elements_is_the_patchs_where_it_says_so() {
    let names = |names: &[&str]| -> Value { names.iter().map(|name| json!({"name": name})).collect() };
    for (live, order, patch, expected) in [
        (
            &["a", "b", "c"][..],
            &["c", "b", "a"][..],
            &[][..],
            &["c", "b", "a"][..],
        ),
        (&["a", "b", "c"], &["c", "a"], &["a"], &["b", "c", "a"]),
        (&["x", "a", "y", "b"], &["b", "a"], &[], &["x", "y", "b", "a"]),
        (&["a", "b"], &["n", "a", "b"], &["n"], &["n", "a", "b"]),
        (&["a", "b"], &["a", "n", "b"], &["n"], &["a", "n", "b"]),
        (&["a", "server"], &["a", "n"], &["n"], &["a", "n", "server"]),
        (&[], &["b", "a"], &["b", "a"], &["b", "a"]),
    ] {
        let patch =
            json!({"spec": {"$setElementOrder/containers": names(order), "containers": names(patch)}});
        check(Kind::Pod, pod(names(live)), patch, pod(names(expected)));
    }
    // What kubectl sends when a container goes and another stays.
    check(
        Kind::Pod,
        pod(names(&["a", "b"])),
        json!({"spec": {
            "$setElementOrder/containers": [{"name": "b"}],
            "containers": [{"name": "a", "$patch": "delete"}],
        }}),
        pod(names(&["b"])),
    );
    check(
        Kind::Pod,
        json!({"spec": {}}),
        json!({"spec": {"$setElementOrder/containers": [{"name": "b"}]}}),
        json!({"spec": {}}),
    );
}

#[test]
fn patches_that_cannot_be_done_are_refused_in_kubernetes_words() {
    let web = || pod(json!([{"name": "web"}]));
    for (live, patch, code, reason, message) in [
        (
            json!({}),
            json!([]),
            400,
            "BadRequest",
            "json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (
            finalizers(&["a"]),
            json!({"metadata": {"$deleteFromPrimitiveList": ["a"]}}),
            400,
            "BadRequest",
            "invalid patch format of primitive list",
        ),
        (
            json!({"metadata": {"name": "a"}}),
            json!({"metadata": {"$retainKeys": {}}}),
            400,
            "BadRequest",
            "invalid patch format of retainKeys",
        ),
        (
            json!({"metadata": {"name": "a"}}),
            json!({"metadata": {"$retainKeys": ["name"], "labels": {}}}),
            400,
            "BadRequest",
            "invalid patch format of retainKeys",
        ),
        (
            web(),
            json!({"spec": {"$setElementOrder": [{"name": "web"}]}}),
            400,
            "BadRequest",
            "invalid patch format of setElementOrder list",
        ),
        (
            finalizers(&["a"]),
            json!({"metadata": {"finalizers": [["a"]]}}),
            500,
            "",
            "list element types are not identical: [[a] [[a]]]",
        ),
        (
            web(),
            pod(json!([{"image": "nginx"}])),
            500,
            "",
            "map: map[image:nginx] does not contain declared merge key: name",
        ),
        (
            web(),
            pod(json!([{"name": "web", "$patch": "merge"}])),
            500,
            "",
            "merging lists cannot yet be specified in the patch",
        ),
        (
            web(),
            pod(json!([{"name": "web", "$patch": "remove"}])),
            500,
            "",
            "unknown patch type: remove in map: map[$patch:remove name:web]",
        ),
        (
            web(),
            json!({"spec": {"$patch": "merge"}}),
            500,
            "",
            "unknown patch type: merge in map: map[$patch:merge]",
        ),
        (
            web(),
            json!({"spec": {"$setElementOrder/containers": "web"}}),
            500,
            "",
            "expected a []interface {}, but received a string",
        ),
        (
            web(),
            json!({"spec": {"$setElementOrder/none": []}}),
            500,
            "",
            "unable to find api field in struct PodSpec for the json field \"none\"",
        ),
        (
            web(),
            json!({"spec": {
                "$setElementOrder/containers": [{"name": "web"}],
                "containers": [{"name": "new"}],
            }}),
            500,
            "",
            "The order in patch list:\n[map[name:new]]\n doesn't match $setElementOrder list:\n[map[name:web]]\n",
        ),
    ] {
        let expected = (code, reason.to_owned(), message.to_owned());
        assert_eq!(refused(Kind::Pod, live, patch), expected);
    }
    let lists = json!({"metadata": {"finalizers": [["a"]]}});
    let (code, reason, _) = refused(Kind::Pod, lists.clone(), lists);
    assert_eq!((code, &*reason), (422, "Invalid"));
}
