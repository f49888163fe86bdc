//! Secrets: keys that can be names of files, and those that a well-known type needs.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::config_map::MOST;
use super::{Errors, names};
use crate::wire::{Format, parse};

pub(super) fn validate(secret: &Secret, errors: &mut Errors) {
    let none = BTreeMap::new();
    let data = secret.data.as_ref().unwrap_or(&none);
    for key in data.keys() {
        errors.name(&format!("data[{key}]"), key, names::config_key);
    }
    if data.values().map(|value| value.0.len()).sum::<usize>() > MOST {
        errors.too_long("data", MOST);
    }
    let mut require = |keys: &[&str]| {
        for key in keys {
            if !data.contains_key(*key) {
                errors.required(&format!("data[{key}]"), "");
            }
        }
    };
    match secret.type_.as_deref().unwrap_or_default() {
        "kubernetes.io/tls" => require(&["tls.crt", "tls.key"]),
        // One of them is enough.
        "kubernetes.io/basic-auth" if !data.contains_key("username") && !data.contains_key("password") => {
            require(&["username", "password"]);
        }
        "kubernetes.io/ssh-auth" => {
            let key = "ssh-privatekey";
            if data.get(key).is_none_or(|value| value.0.is_empty()) {
                errors.required(&format!("data[{key}]"), "");
            }
        }
        "kubernetes.io/dockercfg" => require_json(".dockercfg", data, errors),
        "kubernetes.io/dockerconfigjson" => require_json(".dockerconfigjson", data, errors),
        "kubernetes.io/service-account-token" => {
            let account = "kubernetes.io/service-account.name";
            let annotations = secret.metadata.annotations.as_ref();
            let name = annotations.and_then(|annotations| annotations.get(account));
            if name.is_none_or(String::is_empty) {
                errors.required(&format!("metadata.annotations[{account}]"), "");
            }
        }
        _ => {}
    }
}

/// A key whose value is a JSON object.
fn require_json(key: &str, data: &BTreeMap<String, ByteString>, errors: &mut Errors) {
    let field = format!("data[{key}]");
    let Some(ByteString(bytes)) = data.get(key) else {
        return errors.required(&field, "");
    };
    let kind = match parse(bytes, Format::Json).map(|parsed| parsed.value) {
        Ok(Value::Object(_) | Value::Null) => return,
        Ok(Value::Array(_)) => "array",
        Ok(Value::String(_)) => "string",
        Ok(Value::Number(_)) => "number",
        Ok(Value::Bool(_)) => "bool",
        Err(error) => return errors.invalid(&field, REDACTED, &error.to_string()),
    };
    let why = format!("json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}");
    errors.invalid(&field, REDACTED, &why);
}

/// What is told in the place of a value.
const REDACTED: &str = "<secret contents redacted>";
