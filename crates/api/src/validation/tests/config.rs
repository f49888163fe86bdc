//! ConfigMaps and Secrets.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use super::*;
use crate::validation::validate_update;

const KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
    'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

fn with(fields: Value) -> Value {
    let mut object = json!({ "metadata": { "name": "web" } });
    object
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    object
}

#[test]
fn keys_can_be_names_of_files() {
    let long = "a".repeat(254);
    let cases = [
        ("tls.crt", vec![]),
        (".dockerconfigjson", vec![]),
        ("My_Key-1", vec![]),
        ("a b", vec![KEY.to_owned()]),
        ("", vec![KEY.to_owned()]),
        ("conf/nginx", vec![KEY.to_owned()]),
        (".", vec!["must not be '.'".to_owned()]),
        ("..", vec!["must not be '..'".to_owned()]),
        ("..data", vec!["must not start with '..'".to_owned()]),
        (&*long, vec!["must be no more than 253 bytes".to_owned()]),
    ];
    for (key, expected) in cases {
        for field in ["data", "binaryData"] {
            let said: Vec<String> = expected
                .iter()
                .map(|why| format!("{field}[{key}]: Invalid value: {key:?}: {why}"))
                .collect();
            assert_eq!(errors::<ConfigMap>(with(json!({ field: { key: "" } }))), said);
        }
        assert_eq!(
            errors::<Secret>(with(json!({ "stringData": { key: "" } }))).len(),
            expected.len()
        );
    }
}

#[test]
fn a_key_is_there_once_and_all_of_them_have_a_limit() {
    assert_eq!(
        errors::<ConfigMap>(with(
            json!({ "data": { "a": "b" }, "binaryData": { "a": "YWJj", "b": "YWJj" } })
        )),
        ["data[a]: Invalid value: \"a\": duplicate of key present in binaryData"]
    );
    let half = "x".repeat(512 * 1024);
    assert_eq!(
        errors::<ConfigMap>(with(json!({ "data": { "a": half, "b": half } }))).len(),
        0
    );
    assert_eq!(
        errors::<ConfigMap>(with(json!({ "data": { "a": half, "b": half, "c": "x" } }))),
        ["[]: Too long: may not be more than 1048576 bytes"]
    );
    assert_eq!(
        errors::<Secret>(with(json!({ "stringData": { "a": half, "b": half, "c": "x" } }))),
        ["data: Too long: may not be more than 1048576 bytes"]
    );
}

#[test]
fn well_known_types_need_their_keys() {
    let cases = [
        (json!({ "type": "Opaque" }), vec![]),
        (json!({ "type": "example.com/mine" }), vec![]),
        (
            json!({ "type": "kubernetes.io/tls", "data": { "tls.crt": "" } }),
            vec!["data[tls.key]: Required value"],
        ),
        (
            json!({ "type": "kubernetes.io/basic-auth" }),
            vec!["data[username]: Required value", "data[password]: Required value"],
        ),
        (
            json!({ "type": "kubernetes.io/basic-auth", "stringData": { "username": "" } }),
            vec![],
        ),
        (
            json!({ "type": "kubernetes.io/ssh-auth", "data": { "ssh-privatekey": "" } }),
            vec!["data[ssh-privatekey]: Required value"],
        ),
        (
            json!({ "type": "kubernetes.io/dockerconfigjson" }),
            vec!["data[.dockerconfigjson]: Required value"],
        ),
        (
            json!({ "type": "kubernetes.io/dockerconfigjson", "stringData": { ".dockerconfigjson": "{}" } }),
            vec![],
        ),
        (
            json!({ "type": "kubernetes.io/dockerconfigjson", "stringData": { ".dockerconfigjson": "{auths" } }),
            vec![
                "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'a' looking for \
                 beginning of object key string",
            ],
        ),
        (
            json!({ "type": "kubernetes.io/dockercfg", "stringData": { ".dockercfg": "[]" } }),
            vec![
                "data[.dockercfg]: Invalid value: \"<secret contents redacted>\": json: cannot unmarshal array into Go \
                 value of type map[string]interface {}",
            ],
        ),
        (
            json!({ "type": "kubernetes.io/service-account-token" }),
            vec!["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(errors::<Secret>(with(fields.clone())), expected, "{fields}");
    }
}

#[test]
fn text_becomes_bytes() {
    let Object::Secret(secret) = object::<Secret>(with(
        json!({ "data": { "a": "YQ==", "b": "Yg==" }, "stringData": { "b": "c" } }),
    )) else {
        panic!("a Secret")
    };
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));
    assert_eq!(secret.string_data, None);
    let data: Vec<_> = secret.data.unwrap().into_iter().collect();
    let bytes = |key: &str, text: &str| (key.to_owned(), ByteString(text.into()));
    assert_eq!(data, [bytes("a", "a"), bytes("b", "c")]);
}

#[test]
fn what_is_immutable_stays() {
    let once = |field: &str| format!("{field}: Forbidden: field is immutable when `immutable` is set");
    let update = |old: Value, new: Value| {
        let map = validate_update(
            &object::<ConfigMap>(with(new.clone())),
            &object::<ConfigMap>(with(old.clone())),
        );
        let secret = validate_update(&object::<Secret>(with(new)), &object::<Secret>(with(old)));
        (said(&map), said(&secret))
    };
    let nothing = Vec::<String>::new();
    let old = json!({ "immutable": true, "data": { "a": "YQ==" } });
    assert_eq!(
        update(old.clone(), old.clone()),
        (nothing.clone(), nothing.clone())
    );
    let changed = json!({ "data": { "a": "Yg==" } });
    assert_eq!(update(changed.clone(), old.clone()), (nothing.clone(), nothing));
    let both = vec![once("immutable"), once("data")];
    assert_eq!(update(old, changed), (both.clone(), both));

    let binary =
        |text: &str| object::<ConfigMap>(with(json!({ "immutable": true, "binaryData": { "a": text } })));
    assert_eq!(
        said(&validate_update(&binary("YQ=="), &binary("Yg=="))),
        [once("binaryData")]
    );
    let typed = |kind: &str| object::<Secret>(with(json!({ "type": kind })));
    assert_eq!(
        said(&validate_update(&typed("Opaque"), &typed("example.com/mine"))),
        ["type: Invalid value: \"Opaque\": field is immutable"]
    );
}
