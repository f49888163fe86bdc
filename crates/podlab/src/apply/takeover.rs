//! Takes over what `kubectl apply` has made: its fields become podlab's, so that those go that the next files lack. This is
//! what kubectl itself does when it begins to apply on the server.

use serde_json::{Map, Value, json};

use crate::api::MANAGER;

/// Who owns what `kubectl apply` sends.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";

/// The merge patch for an object; none if kubectl owns nothing of it.
pub(super) fn takeover(object: &Value) -> Option<Value> {
    let entries = object["metadata"]["managedFields"].as_array()?;
    let (taken, mut kept): (Vec<&Value>, Vec<&Value>) = entries
        .iter()
        .partition(|entry| is_of(entry, CLIENT_SIDE, "Update"));
    let mut own = (*taken.first()?).clone();
    if let Some(place) = kept.iter().position(|entry| is_of(entry, MANAGER, "Apply")) {
        unite(&mut own["fieldsV1"], &kept.remove(place)["fieldsV1"]);
    }
    own["manager"] = MANAGER.into();
    own["operation"] = "Apply".into();
    kept.push(&own);
    Some(json!({"metadata": {"managedFields": kept}}))
}

fn is_of(entry: &Value, manager: &str, operation: &str) -> bool {
    entry["manager"] == manager && entry["operation"] == operation && entry.get("subresource").is_none()
}

/// Sets of fields are objects: their members are fields, and what these hold.
fn unite(set: &mut Value, other: &Value) {
    if set.is_null() {
        *set = Value::Object(Map::new());
    }
    if let (Some(set), Some(other)) = (set.as_object_mut(), other.as_object()) {
        for (field, inner) in other {
            unite(set.entry(field).or_insert(Value::Null), inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    #[test]
    fn fields_of_kubectl_become_podlabs() {
        let other = entry("kubectl-edit", "Update", json!({"f:data": {"f:c": {}}}));
        let client_side = entry(CLIENT_SIDE, "Update", json!({"f:data": {".": {}, "f:a": {}}}));
        let podlab = entry(
            "podlab",
            "Apply",
            json!({"f:data": {"f:b": {}}, "f:immutable": {}}),
        );
        let patch = |entries: &[&Value]| {
            let patch = takeover(&json!({"metadata": {"managedFields": entries}}))?;
            Some(patch["metadata"]["managedFields"].clone())
        };
        let fields = json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:immutable": {}});
        assert_eq!(
            patch(&[&podlab, &client_side, &other]),
            Some(json!([other, entry("podlab", "Apply", fields)]))
        );
        assert_eq!(
            patch(&[&client_side]),
            Some(json!([entry("podlab", "Apply", client_side["fieldsV1"].clone())]))
        );
        assert_eq!(patch(&[&podlab, &other]), None);
        assert_eq!(takeover(&json!({"metadata": {}})), None);
    }
}
