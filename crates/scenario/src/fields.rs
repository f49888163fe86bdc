//! Looks at fields of objects: `spec.clusterIP`, `spec.ports[0].port`.

use std::collections::HashMap;
use std::sync::Arc;

use podlab_api::object::Object;
use podlab_api::steps::ObjectRef;
use serde_json::{Value, json};

use crate::lookup::called;

/// Objects as they were when they came into being.
#[derive(Debug, Default)]
pub(crate) struct Originals(HashMap<String, Value>);

impl Originals {
    /// Keeps an object as it is now, unless it is known already.
    pub(crate) fn remember(&mut self, object: &Object) {
        let name = podlab_control::store::name_of(object.metadata());
        if let Ok(value) = object.to_json() {
            self.0.entry(called(object.kind(), &name)).or_insert(value);
        }
    }

    /// Compares an object with what its fields must be, and with what they were: what was expected, if it differs,
    /// and what was seen.
    pub(crate) fn compare(
        &self,
        which: &ObjectRef,
        object: &Object,
        fields: &[(String, Value)],
        unchanged: &[String],
    ) -> (Option<String>, String) {
        let value = object.to_json().unwrap_or_default();
        let was = self.0.get(&called(which.kind, &which.name));
        let kept = unchanged
            .iter()
            .map(|path| (path, was.map_or(Value::Null, |was| at(was, path))));
        let wanted = fields.iter().map(|(path, value)| (path, value.clone()));
        compare(&value, wanted.chain(kept))
    }
}

/// Compares a list of objects, `items`, with what its fields must be: what was expected, if it differs, and what was
/// seen.
pub(crate) fn compare_list(objects: &[Arc<Object>], fields: &[(String, Value)]) -> (Option<String>, String) {
    let items: Vec<Value> = objects
        .iter()
        .filter_map(|object| object.to_json().ok())
        .collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    compare(&list, fields.iter().map(|(path, value)| (path, value.clone())))
}

fn compare<'a>(value: &Value, wanted: impl Iterator<Item = (&'a String, Value)>) -> (Option<String>, String) {
    let (mut expected, mut seen) = (Vec::new(), Vec::new());
    for (path, wanted) in wanted {
        let found = at(value, path);
        seen.push(format!("{path}: {}", plain(&found)));
        if found != wanted {
            expected.push(format!("{path}: {}", plain(&wanted)));
        }
    }
    let expected = (!expected.is_empty()).then(|| expected.join(", "));
    (expected, seen.join(", "))
}

/// The value at a path; null when there is none.
fn at(value: &Value, path: &str) -> Value {
    let pointer = format!("/{}", path.replace('[', ".").replace(']', "").replace('.', "/"));
    value.pointer(&pointer).cloned().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_through_records_and_lists() {
        let value = serde_json::json!({"spec": {"ports": [{"port": 80}], "type": "ClusterIP"}});
        assert_eq!(at(&value, "spec.ports[0].port"), 80);
        assert_eq!(at(&value, "spec.type"), "ClusterIP");
        assert_eq!(at(&value, "spec.ports[1].port"), Value::Null);
    }
}
