//! Who owns what, and what becomes of objects that several managers apply and change.

mod answers;
mod managers;
mod merging;
mod proptests;
mod takeover;

use podlab_api::defaults::default_object;
use podlab_api::object::Object;
use serde_json::json;

use super::*;

/// A clock that can be set, in hours of the first day.
fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(hour * 3600).unwrap()
}

fn manager(name: &str) -> Manager {
    Manager {
        name: name.to_owned(),
        subresource: None,
    }
}

fn at_subresource(name: &str, subresource: &str) -> Manager {
    Manager {
        subresource: Some(subresource.to_owned()),
        ..manager(name)
    }
}

/// Merges fields into an object of a kind that has a name.
fn object(kind: Kind, fields: Value) -> Value {
    let mut object = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.as_str(),
        "metadata": {"name": "web", "namespace": "default"},
    });
    json_patch::merge(&mut object, &fields);
    object
}

/// The object as the registry stores it: with defaults.
fn stored(kind: Kind, object: &Value) -> Value {
    let mut object = Object::from_json(kind, object.clone()).unwrap();
    default_object(&mut object);
    object.to_json().unwrap()
}

/// Applies and stores.
fn applied_by(name: &str, live: Option<&Value>, kind: Kind, fields: Value) -> Result<Value, String> {
    let applied = object(kind, fields);
    let result = apply(live, &applied, kind, &manager(name), false, at(1));
    let result = result.map(|object| stored(kind, &object));
    result.map_err(|error| error.to_string())
}

/// Stores an object that a client sends, whichever way.
fn written_by(manager: &Manager, old: Option<&Value>, kind: Kind, new: &Value) -> Value {
    let mut new = stored(kind, new);
    track(old, &mut new, kind, manager, at(2));
    new
}

/// What each entry says: who, how, and which fields.
fn owners(object: &Value) -> Vec<(String, Value)> {
    let entries = managed_fields(object).as_array().cloned().unwrap_or_default();
    let owner = |entry: &Value| {
        let subresource = entry["subresource"]
            .as_str()
            .map_or(String::new(), |name| format!("/{name}"));
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        let owner = format!("{} {}{subresource}", text("manager"), text("operation"));
        (owner, entry["fieldsV1"].clone())
    };
    entries.iter().map(owner).collect()
}

/// The fields of one owner: `kubectl Apply`.
fn owned_by(owner: &str, object: &Value) -> Value {
    let mut owners = owners(object).into_iter();
    owners
        .find(|(name, _)| name == owner)
        .map_or(Value::Null, |(_, fields)| fields)
}

/// A Deployment's fields, with some more in its spec.
fn deployment(more: Value) -> Value {
    let mut fields = json!({"spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1"}]},
        },
    }});
    json_patch::merge(&mut fields["spec"], &more);
    fields
}

fn change(object: &Value, change: Value) -> Value {
    let mut object = object.clone();
    json_patch::merge(&mut object, &change);
    object
}
