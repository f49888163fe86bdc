//! What Kubernetes' OpenAPI says of fields beyond JSON Schema: how lists, maps and patches are merged.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::table::{ALWAYS_THERE, ATOMIC_TYPES, DEFAULTS, FIELDS, NONE, WITHOUT_DEFAULT};

/// What tells a list's elements apart (`x-kubernetes-list-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    /// Nothing: the list is one value, replaced as a whole.
    Atomic,
    /// Their value: each is there once.
    Set,
    /// The values of these fields (`x-kubernetes-list-map-keys`).
    Map(&'static [&'static str]),
}

/// What a strategic merge patch does with a field (`x-kubernetes-patch-strategy`); by default a list is
/// replaced, and what is in a map or an object is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PatchStrategy {
    /// The elements of the list are merged.
    pub merge: bool,
    /// Of an object, or of an element of the list, the keys that the patch doesn't name are removed.
    pub retain_keys: bool,
}

/// What is said of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extensions {
    pub(super) list_type: ListType,
    pub(super) patch_merge_key: Option<&'static str>,
    pub(super) patch_strategy: PatchStrategy,
    pub(super) atomic_map: bool,
}

/// The rows of [`FIELDS`]: component, field, and what is said of it.
pub(super) fn fields() -> impl Iterator<Item = (&'static str, &'static str, &'static Extensions)> {
    let of = |(of, fields): &'static (&str, &[(&str, Extensions)])| {
        fields
            .iter()
            .map(move |(field, extensions)| (*of, *field, extensions))
    };
    FIELDS.iter().flat_map(of)
}

static BY_FIELD: LazyLock<HashMap<(&str, &str), &Extensions>> = LazyLock::new(|| {
    fields()
        .map(|(of, field, extensions)| ((of, field), extensions))
        .collect()
});

/// What is said of a component's field.
pub(super) fn of(component: &str, field: &str) -> &'static Extensions {
    BY_FIELD.get(&(short(component), field)).unwrap_or(&&NONE)
}

/// A component's name as these tables write it.
pub(super) fn short(component: &str) -> &str {
    let short = component.strip_prefix("io.k8s.api.");
    short
        .or_else(|| component.strip_prefix("io.k8s.apimachinery.pkg.apis."))
        .unwrap_or(component)
}

/// Writes into a component what is said of it and of its fields.
pub(super) fn extend(component: &str, schema: &mut Value) {
    if ATOMIC_TYPES.contains(&short(component)) {
        schema["x-kubernetes-map-type"] = json!("atomic");
    }
    let mut required = schema["required"].as_array().cloned().unwrap_or_default();
    required.retain(|field| {
        field
            .as_str()
            .is_some_and(|field| !may_be_missing(component, field))
    });
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (field, property) in properties.into_iter().flatten() {
        of(component, field).extend(property);
        let default = match default(component, field) {
            Some(default) => Some(json!(default)),
            None if is_always_there(component, field, property) => Some(json!({})),
            None if WITHOUT_DEFAULT.contains(&(short(component), field)) => None,
            None if required.contains(&json!(field)) => zero(property),
            None => None,
        };
        if let Some(default) = default {
            property["default"] = default;
        }
    }
    if required.is_empty() {
        schema.as_object_mut().map(|schema| schema.remove("required"));
    } else {
        schema["required"] = Value::Array(required);
    }
}

/// Whether Kubernetes lets a field go that Rust's types always have.
fn may_be_missing(component: &str, field: &str) -> bool {
    default(component, field).is_some() || (field == "metadata" && short(component) != "core.v1.Event")
}

fn is_always_there(component: &str, field: &str, property: &Value) -> bool {
    let is_object = property["$ref"].is_string() || property["allOf"].is_array();
    let by_name = is_object && matches!(field, "metadata" | "spec" | "status");
    by_name || ALWAYS_THERE.contains(&(short(component), field))
}

impl Extensions {
    fn extend(&self, property: &mut Value) {
        if property["type"] == "array" {
            let list_type = match self.list_type {
                ListType::Atomic => "atomic",
                ListType::Set => "set",
                ListType::Map(keys) => {
                    property["x-kubernetes-list-map-keys"] = json!(keys);
                    "map"
                }
            };
            property["x-kubernetes-list-type"] = json!(list_type);
        }
        if let Some(key) = self.patch_merge_key {
            property["x-kubernetes-patch-merge-key"] = json!(key);
        }
        match (self.patch_strategy.merge, self.patch_strategy.retain_keys) {
            (false, false) => {}
            (true, false) => property["x-kubernetes-patch-strategy"] = json!("merge"),
            (false, true) => property["x-kubernetes-patch-strategy"] = json!("retainKeys"),
            (true, true) => property["x-kubernetes-patch-strategy"] = json!("merge,retainKeys"),
        }
        if self.atomic_map {
            property["x-kubernetes-map-type"] = json!("atomic");
        }
    }
}

fn default(component: &str, field: &str) -> Option<&'static str> {
    let mut defaults = DEFAULTS.iter();
    let found = defaults.find(|(of, name, _)| (*of, *name) == (short(component), field));
    found.map(|(_, _, default)| *default)
}

/// What a field that has to be there is if it isn't.
fn zero(property: &Value) -> Option<Value> {
    match property["type"].as_str()? {
        "string" => Some(json!("")),
        "integer" | "number" => Some(json!(0)),
        "boolean" => Some(json!(false)),
        _ => None,
    }
}
