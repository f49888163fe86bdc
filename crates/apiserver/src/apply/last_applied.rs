//! Objects that kubectl has applied by itself, with an annotation of what it has applied, and now applies on the server.

use podlab_api::object::Kind;
use serde_json::Value;

use super::Conflict;
use crate::fields::Set;
use crate::schema::Node;
use crate::structure::{check, compare, owned};

/// The manager that such objects are taken over by.
pub(super) const MANAGER: &str = "kubectl";

/// What kubectl has applied last.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How many bytes all annotations have together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The conflicts that are left: of fields that kubectl hasn't applied itself, or that have another value since.
pub(super) fn conflicting(mut conflicts: Vec<Conflict>, live: &Value, kind: Kind) -> Vec<Conflict> {
    let own = still_applied(live, kind).unwrap_or_default();
    conflicts.retain(|conflict| !own.contains(&conflict.field));
    conflicts
}

fn still_applied(live: &Value, kind: Kind) -> Option<Set> {
    let node = Node::of(kind);
    let applied: Value = serde_json::from_str(live["metadata"]["annotations"][ANNOTATION].as_str()?).ok()?;
    let is_of_version = applied["apiVersion"] == kind.api_version();
    if !is_of_version || check(&applied, node).is_err() {
        return None;
    }
    Some(owned(&applied, node).difference(&compare(&applied, live, node).all()))
}

/// Makes the annotation, if there is one, say what is applied now.
pub(super) fn renew(object: &mut Value, applied: &Value) {
    let mut applied = applied.clone();
    if let Some(annotations) = annotations(&mut applied) {
        annotations.remove(ANNOTATION);
    }
    let Some(annotations) = annotations(object) else {
        return;
    };
    match annotations.get_mut(ANNOTATION) {
        Some(Value::String(last)) if !last.is_empty() => *last = format!("{applied}\n"),
        _ => return,
    }
    let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    if annotations.iter().map(size).sum::<usize>() > MAX_ANNOTATIONS {
        annotations.remove(ANNOTATION);
    }
}

fn annotations(object: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    object
        .get_mut("metadata")?
        .get_mut("annotations")?
        .as_object_mut()
}
