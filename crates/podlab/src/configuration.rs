//! What is applied of an object that was read, so that kubectl can go on with it.

use podlab_api::manifest::Located;
use podlab_api::object::Object;
use serde_json::{Map, Value};

use crate::forms::json_line;

/// What kubectl's apply compares with: the object as it was applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object as it was written, in its namespace, with the annotation that kubectl would write. Without it, kubectl
/// warns, and leaves fields that go from the manifest as they are.
pub(crate) fn configuration(object: &Located<Object>) -> Value {
    let mut written = object.written();
    let namespace = object.value.metadata().namespace.clone();
    let Some(metadata) = member(&mut written, "metadata") else {
        return written;
    };
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    if let Some(annotations) = metadata_annotations(&mut written) {
        annotations.remove(LAST_APPLIED);
    }
    let last = json_line(&written) + "\n";
    if let Some(annotations) = metadata_annotations(&mut written) {
        annotations.insert(LAST_APPLIED.to_owned(), last.into());
    }
    written
}

fn metadata_annotations(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let metadata = object.get_mut("metadata")?;
    member(metadata, "annotations")
}

/// A member that is an object, made if it isn't.
fn member<'a>(of: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    let member = of.as_object_mut()?.entry(name).or_insert(Value::Null);
    if member.is_null() {
        *member = Value::Object(Map::new());
    }
    member.as_object_mut()
}
