//! What becomes of objects by patches, as Kubernetes documents it, and what is answered to those that can't be.

mod strategic;

use podlab_api::object::Kind;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn answer(error: &PatchError) -> (i32, String, String) {
    let status = error.status();
    (
        status.code.unwrap_or_default(),
        status.reason.unwrap_or_default(),
        status.message.unwrap_or_default(),
    )
}

#[test]
fn json_patches_do_one_operation_after_the_other() {
    let live = json!({"spec": {"replicas": 1, "list": [1, 2, 3]}});
    for (patch, expected) in [
        (json!(null), live.clone()),
        (json!([]), live.clone()),
        (
            json!([{"op": "replace", "path": "/spec/replicas", "value": 2}]),
            json!({"spec": {"replicas": 2, "list": [1, 2, 3]}}),
        ),
        (
            json!([
                {"op": "test", "path": "/spec/replicas", "value": 1},
                {"op": "add", "path": "/spec/list/-", "value": 4},
                {"op": "remove", "path": "/spec/list/0"},
                {"op": "move", "from": "/spec/replicas", "path": "/metadata"},
            ]),
            json!({"spec": {"list": [2, 3, 4]}, "metadata": 1}),
        ),
        (
            json!([{"op": "copy", "from": "/spec", "path": "/spec/a~1b"}]),
            json!({"spec": {"replicas": 1, "list": [1, 2, 3], "a/b": live["spec"]}}),
        ),
    ] {
        assert_eq!(json(&live, &patch), Ok(expected), "{patch}");
    }
}

#[test]
fn json_patches_that_cannot_be_done_are_refused() {
    let rejected = (
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
    );
    let of_type = |actual: &str, go_type: &str| {
        format!("error decoding patch: json: cannot unmarshal {actual} into Go {go_type}")
    };
    let live = json!({"spec": {"replicas": 1}});
    for (patch, (code, reason, message)) in [
        (
            json!([{"op": "test", "path": "/spec/replicas", "value": 2}]),
            rejected,
        ),
        (json!([{"op": "remove", "path": "/spec/none"}]), rejected),
        (
            json!([{"op": "replace", "path": "/spec/none", "value": 1}]),
            rejected,
        ),
        (json!([{"op": "add", "path": "/none/none", "value": 1}]), rejected),
        (json!([{"op": "add", "path": "", "value": {}}]), rejected),
        (json!([{"op": "add", "path": "spec", "value": {}}]), rejected),
        (json!([{"op": "add", "path": "/spec"}]), rejected),
        (json!([{"op": "exchange", "path": "/spec"}]), rejected),
        (
            json!([{"op": "move", "from": "/spec", "path": "/spec/replicas"}]),
            rejected,
        ),
        (json!([null]), rejected),
        (
            json!({}),
            (
                400,
                "BadRequest",
                &*of_type("object", "value of type []handlers.jsonPatchOp"),
            ),
        ),
        (
            json!(["add"]),
            (
                400,
                "BadRequest",
                &*of_type("string", "value of type handlers.jsonPatchOp"),
            ),
        ),
        (
            json!([{"op": "add", "path": 1}]),
            (
                400,
                "BadRequest",
                &*of_type("number", "struct field jsonPatchOp.path of type string"),
            ),
        ),
    ] {
        let error = json(&live, &patch).unwrap_err();
        assert_eq!(
            answer(&error),
            (code, reason.to_owned(), message.to_owned()),
            "{patch}"
        );
    }
}

#[test]
fn json_patches_have_limits() {
    let operation = json!({"op": "test", "path": "/a", "value": 1});
    let error = json(&json!({"a": 1}), &vec![operation; 10_001].into()).unwrap_err();
    let message =
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001";
    assert_eq!(
        answer(&error),
        (413, "RequestEntityTooLarge".to_owned(), message.to_owned())
    );

    let doubling = json!({"op": "copy", "from": "/a", "path": "/a/-"});
    let error = json(&json!({"a": [1]}), &vec![doubling; 100].into()).unwrap_err();
    assert_eq!(error, PatchError::Inapplicable("too much is copied".to_owned()));

    let deeper = [
        json!({"op": "add", "path": "/b", "value": {}}),
        json!({"op": "move", "from": "/a", "path": "/b/a"}),
        json!({"op": "move", "from": "/b", "path": "/a"}),
    ];
    let deeper: Vec<Value> = deeper.iter().cycle().take(9_999).cloned().collect();
    let error = json(&json!({"a": 1}), &deeper.into()).unwrap_err();
    assert_eq!(
        error,
        PatchError::Inapplicable("the object becomes too deep".to_owned())
    );
}

#[test]
fn what_is_no_object_of_its_kind_is_told_as_a_field() {
    let error = PatchError::Unreadable {
        shown: "{\"spec\":1}".to_owned(),
        why: "json: no".to_owned(),
    };
    let value = r#"Invalid value: "{\"spec\":1}": json: no"#;
    let message = format!(" \"\" is invalid: patch: {value}");
    assert_eq!(answer(&error), (422, "Invalid".to_owned(), message));
    let details = serde_json::to_value(error.status().details).unwrap();
    let cause = json!({"field": "patch", "message": value, "reason": "FieldValueInvalid"});
    assert_eq!(details, json!({"causes": [cause]}));
}

#[test]
fn merge_patches_follow_the_rfc() {
    let live = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "list": [1, 2]});
    for (patch, expected) in [
        (json!({}), live.clone()),
        (
            json!({"metadata": {"labels": {"a": null, "c": "3"}}, "list": [3]}),
            json!({"metadata": {"labels": {"b": "2", "c": "3"}}, "list": [3]}),
        ),
        (
            json!({"metadata": null, "spec": {"a": {"b": null}}}),
            json!({"list": [1, 2], "spec": {"a": {}}}),
        ),
    ] {
        assert_eq!(merge(&live, &patch), Ok(expected), "{patch}");
    }
    for (patch, message) in [
        (json!(null), "Invalid JSON Patch"),
        (
            json!([]),
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
    ] {
        let error = merge(&live, &patch).unwrap_err();
        assert_eq!(answer(&error), (400, "BadRequest".to_owned(), message.to_owned()));
    }
}

/// JSON that has to do with patches of pods.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3i64).prop_map(Value::from),
        prop_oneof![
            Just("a"),
            Just("b"),
            Just("delete"),
            Just("replace"),
            Just("merge"),
            Just("/spec")
        ]
        .prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("apiVersion"),
        Just("kind"),
        Just("metadata"),
        Just("labels"),
        Just("finalizers"),
        Just("managedFields"),
        Just("spec"),
        Just("containers"),
        Just("ports"),
        Just("containerPort"),
        Just("volumes"),
        Just("name"),
        Just("status"),
        Just("$patch"),
        Just("$retainKeys"),
        Just("$setElementOrder/containers"),
        Just("$setElementOrder/finalizers"),
        Just("$deleteFromPrimitiveList/finalizers"),
        Just("$deleteFromPrimitiveList"),
        Just("op"),
        Just("path"),
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6).prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(fields.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_is_too_strange(live in any_json(), patch in any_json()) {
        let strategic = strategic(&live, &patch, Kind::Pod);
        for result in [json(&live, &patch), merge(&live, &patch), strategic] {
            if let Err(error) = result {
                prop_assert!(error.status().code >= Some(400));
            }
        }
    }
}

#[test]
fn patches_of_the_largest_objects_take_no_longer_than_they_are_long() {
    let containers = |image: &str| -> Vec<Value> {
        let names = 0..30_000;
        names
            .map(|name| json!({"name": name.to_string(), "image": image}))
            .collect()
    };
    let pod = |containers: Vec<Value>| json!({"spec": {"containers": containers}});
    let start = std::time::Instant::now();
    let patched = strategic(&pod(containers("old")), &pod(containers("new")), Kind::Pod);
    assert_eq!(patched, Ok(pod(containers("new"))));
    let (live, delete) = (
        json!({"metadata": {"finalizers": containers("a")}}),
        containers("a"),
    );
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": delete}});
    assert_eq!(
        strategic(&live, &patch, Kind::Pod),
        Ok(json!({"metadata": {"finalizers": []}}))
    );
    // Before, each element was looked for among all others.
    assert!(
        start.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );

    let first_to_last = json!({"op": "move", "from": "/spec/containers/0", "path": "/spec/containers/-"});
    let moves = |count| Value::Array(vec![first_to_last.clone(); count]);
    assert!(json(&pod(containers("i")), &moves(10)).is_ok());
    let refused = json(&pod(containers("i")), &moves(10_000));
    assert_eq!(
        refused,
        Err(PatchError::Inapplicable("too much is moved".to_owned()))
    );
}
