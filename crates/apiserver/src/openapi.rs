//! The OpenAPI v3 documents: one for each API version, and an index of them (KEP-2896).

mod operations;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

use bytes::Bytes;
use podlab_api::builtin::KUBERNETES_VERSION;
use serde_json::{Map, Value, json};

use crate::resources;
use crate::schema::{components, referred};

/// A document that stays as it is.
#[derive(Debug)]
pub(crate) struct Document {
    /// The document, in JSON.
    pub(crate) body: Bytes,
    /// What changes when it does; the index names it, so that clients may keep what they have.
    pub(crate) hash: String,
}

static DOCUMENTS: LazyLock<BTreeMap<String, Document>> = LazyLock::new(|| {
    let named = resources::groups()
        .into_iter()
        .map(|group| (format!("apis/{group}/v1"), format!("{group}/v1")));
    let versions = std::iter::once(("api/v1".to_owned(), "v1".to_owned())).chain(named);
    versions
        .map(|(root, api_version)| {
            let document = Document::new(&document(&root, &api_version));
            (root, document)
        })
        .collect()
});

/// `/openapi/v3`: where the documents are.
pub(crate) fn index() -> Value {
    let paths = DOCUMENTS.iter().map(|(path, document)| {
        let url = format!("/openapi/v3/{path}?hash={}", document.hash);
        (path.clone(), json!({"serverRelativeURL": url}))
    });
    json!({"paths": paths.collect::<Map<_, _>>()})
}

/// `/openapi/v3/PATH`: the document of an API version, if `path` is `api/v1` or `apis/GROUP/VERSION` of one.
pub(crate) fn at(path: &str) -> Option<&'static Document> {
    DOCUMENTS.get(path)
}

impl Document {
    fn new(document: &Value) -> Self {
        let body = Bytes::from(document.to_string());
        let mut hasher = DefaultHasher::new();
        hasher.write(&body);
        let hash = format!("{:016X}", hasher.finish());
        Self { body, hash }
    }
}

fn document(root: &str, api_version: &str) -> Value {
    let paths = Value::Object(operations::paths(root, api_version));
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": KUBERNETES_VERSION},
        "components": {"schemas": needed(&paths)},
        "paths": paths,
    })
}

/// The components that something refers to, and those that they refer to.
fn needed(by: &Value) -> BTreeMap<&'static str, &'static Value> {
    let mut needed = BTreeMap::new();
    let mut open = Vec::new();
    find_references(by, &mut open);
    while let Some(name) = open.pop() {
        if let Some((name, component)) = components().get_key_value(name)
            && needed.insert(name.as_str(), component).is_none()
        {
            find_references(component, &mut open);
        }
    }
    needed
}

fn find_references<'a>(within: &'a Value, found: &mut Vec<&'a str>) {
    match within {
        Value::Object(fields) => {
            found.extend(referred(within));
            fields.values().for_each(|value| find_references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| find_references(value, found)),
        _ => {}
    }
}
