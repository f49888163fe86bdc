//! What is answered to configurations that can't be applied.

use super::*;

fn answer(live: Option<&Value>, applied: &Value, kind: Kind) -> (i32, String, String) {
    let error = apply(live, applied, kind, &manager("kubectl"), false, at(1)).unwrap_err();
    let status = error.status();
    let message = status.message.unwrap_or_default();
    (
        status.code.unwrap_or_default(),
        status.reason.unwrap_or_default(),
        message,
    )
}

#[test]
fn configurations_that_are_none_are_refused_in_kubernetes_words() {
    let malformed = |what: &str| {
        let message =
            format!("failed to create typed patch object (default/web; apps/v1, Kind=Deployment): {what}");
        (500, String::new(), message)
    };
    let bad = |message: &str| (400, "BadRequest".to_owned(), message.to_owned());
    let kind = Kind::Deployment;
    let with = |fields: Value| object(kind, fields);
    let containers = |containers: Value| {
        with(deployment(
            json!({"template": {"spec": {"containers": containers}}}),
        ))
    };
    for (applied, expected) in [
        (
            json!([]),
            bad(
                "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array \
                 into Go value of type map[string]interface {}",
            ),
        ),
        (json!(null), bad("invalid object type: /, Kind=")),
        (
            with(json!({"kind": "Pod"})),
            bad("invalid object type: apps/v1, Kind=Pod"),
        ),
        (
            with(json!({"apiVersion": "v1"})),
            bad("invalid object type: /v1, Kind=Deployment"),
        ),
        (
            with(json!({"metadata": {"managedFields": []}})),
            bad("metadata.managedFields must be nil"),
        ),
        (
            with(json!({"spec": {"replica": 1}})),
            malformed(".spec.replica: field not declared in schema"),
        ),
        (
            with(json!({"spec": {"replicas": "1", "paused": "yes"}})),
            malformed(
                "errors:\n  .spec.paused: expected boolean, got &{yes}\n  .spec.replicas: expected numeric (int \
                       or float), got string",
            ),
        ),
        (
            with(json!({"spec": 1})),
            malformed(".spec: expected map, got &{1}"),
        ),
        (
            containers(json!({"name": "web"})),
            malformed(".spec.template.spec.containers: expected list, got &{map[name:web]}"),
        ),
        (
            containers(json!([{"name": "web", "image": 1}])),
            malformed(
                ".spec.template.spec.containers[name=\"web\"].image: expected string, got \
                       &value.valueUnstructured{Value:1}",
            ),
        ),
        (
            containers(json!([{"name": "web", "args": ["a", 1]}])),
            malformed(
                ".spec.template.spec.containers[name=\"web\"].args[1]: expected string, got \
                       &value.valueUnstructured{Value:1}",
            ),
        ),
        (
            containers(json!([{"name": "web"}, {"name": "web"}])),
            malformed(".spec.template.spec.containers: duplicate entries for key [name=\"web\"]"),
        ),
        (
            containers(json!([null])),
            malformed(
                ".spec.template.spec.containers: element 0: associative list with keys may not have a null \
                       element",
            ),
        ),
        (
            containers(json!(["web"])),
            malformed(
                ".spec.template.spec.containers: element 0: associative list with keys may not have non-map \
                       elements",
            ),
        ),
        (
            with(json!({"metadata": {"finalizers": ["a", "a"]}})),
            malformed(".metadata.finalizers: duplicate entries for key [=\"a\"]"),
        ),
        (
            with(json!({"metadata": {"finalizers": [{}]}})),
            malformed(
                ".metadata.finalizers: element 0: associative list without keys has an element that's a map \
                       type",
            ),
        ),
        (
            with(json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": {}}}}})),
            malformed(".spec.strategy.rollingUpdate.maxSurge: expected any scalar, got &{map[]}"),
        ),
    ] {
        assert_eq!(answer(None, &applied, kind), expected, "{applied}");
    }
    let applied = object(Kind::ServiceAccount, json!({"secrets": [{}]}));
    let message = "failed to create typed patch object (default/web; /v1, Kind=ServiceAccount): .secrets: element 0: \
                   associative list with keys has an element that omits all key fields [\"name\"] (and doesn't have \
                   default values for any key fields)";
    assert_eq!(
        answer(None, &applied, Kind::ServiceAccount),
        (500, String::new(), message.to_owned())
    );
}

#[test]
fn owners_that_cannot_be_read_are_refused() {
    let entry = json!({"operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}});
    for (change_to, what) in [
        (
            json!({"operation": "Create"}),
            "operation must be `Apply` or `Update`",
        ),
        (json!({"apiVersion": null}), "apiVersion must not be empty"),
        (
            json!({"fieldsType": null}),
            "missing fieldsType in managed fields entry 0",
        ),
        (
            json!({"fieldsType": "V2"}),
            "invalid fieldsType \"V2\" in managed fields entry 0",
        ),
        (json!({"time": "now"}), "invalid time in managed fields entry 0"),
        (
            json!({"fieldsV1": {"a": {}}}),
            "error decoding set: \"a\" isn't part of FieldsV1",
        ),
    ] {
        let live = object(
            Kind::ConfigMap,
            json!({"metadata": {"managedFields": [change(&entry, change_to)]}}),
        );
        let message = format!("failed to decode managed fields: {what}");
        let applied = object(Kind::ConfigMap, json!({}));
        assert_eq!(
            answer(Some(&live), &applied, Kind::ConfigMap),
            (500, String::new(), message)
        );
    }
}

#[test]
fn conflicts_are_listed_by_manager_and_as_causes() {
    let kind = Kind::ConfigMap;
    let live = applied_by("b", None, kind, json!({"data": {"x": "1", "y": "1"}})).unwrap();
    let live = change(&live, json!({"data": {"z": "1"}}));
    let before = change(&live, json!({"data": {"z": null}}));
    let live = written_by(&manager("a"), Some(&before), kind, &live);
    let applied = object(kind, json!({"data": {"x": "2", "y": "2", "z": "2"}}));
    let error = apply(Some(&live), &applied, kind, &manager("kubectl"), false, at(3)).unwrap_err();
    let status = serde_json::to_value(error.status()).unwrap();
    let cause = |field: &str, manager: &str| json!({"field": field, "message": format!("conflict with {manager}"), "reason": "FieldManagerConflict"});
    assert_eq!(
        status,
        json!({
            "apiVersion": "v1",
            "kind": "Status",
            "metadata": {},
            "status": "Failure",
            "code": 409,
            "reason": "Conflict",
            "message": "Apply failed with 3 conflicts: conflicts with \"a\" using v1:\n- .data.z\n\
                        conflicts with \"b\":\n- .data.x\n- .data.y",
            "details": {"causes": [
                cause(".data.z", "\"a\" using v1"),
                cause(".data.x", "\"b\""),
                cause(".data.y", "\"b\""),
            ]},
        })
    );
}
