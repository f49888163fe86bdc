//! Reading: one object, or a list, whole or in parts that belong together.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use podlab_api::object::Object;
use podlab_api::steps::NamespacedName;
use podlab_control::registry::Registry;
use podlab_control::store::{Expired, StoreError, name_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::options::ListOptions;
use crate::path::ResourcePath;
use crate::render::View;
use crate::status::Failure;

/// Where a list goes on: after an object, as of a revision.
#[derive(Debug, Serialize, Deserialize)]
struct Continuation {
    /// The revision; 0: as it is when it is asked for.
    #[serde(rename = "rv")]
    revision: u64,
    namespace: String,
    name: String,
}

const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new \
    list without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
    results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or \
    deleted between the time the first chunk was returned and now may show up in the list.";

/// The object that a path names.
///
/// # Errors
/// NotFound.
pub(crate) fn find(registry: &Registry, path: &ResourcePath) -> Result<Arc<Object>, Failure> {
    let name = path.object().ok_or_else(Failure::no_resource)?;
    let found = registry.store().get_object(path.kind, &name);
    found.ok_or_else(|| {
        StoreError::NotFound {
            kind: path.kind,
            name,
        }
        .into()
    })
}

/// The objects of a collection that the options select, in one list.
///
/// # Errors
/// Expired when the revision asked for is forgotten, Timeout when it hasn't come, BadRequest for a broken token.
pub(crate) fn list(
    registry: &Registry,
    path: &ResourcePath,
    options: &ListOptions,
    view: View,
) -> Result<Value, Failure> {
    let store = registry.store();
    let namespace = path.namespace.as_deref();
    let continuation = options
        .continue_
        .as_deref()
        .map(Continuation::decode)
        .transpose()?;
    let newest = store.revision();
    let revision = match (&continuation, options.revision) {
        (Some(Continuation { revision: 0, .. }), _) => None,
        (Some(continuation), _) => Some(continuation.revision),
        (None, Some(revision)) if revision > newest => return Err(Failure::too_new(revision, newest)),
        (None, revision) => revision.filter(|_| options.exact),
    };
    let listed = store.list_at(path.kind, namespace, revision);
    let (revision, mut objects) = listed.map_err(|expired| too_old(expired, continuation.as_ref()))?;
    if let Some(Continuation { namespace, name, .. }) = continuation {
        let after = NamespacedName { namespace, name };
        let start = objects.partition_point(|object| name_of(object.metadata()) <= after);
        objects.drain(..start);
    }
    let all_count = options.labels.is_empty() && options.fields.is_empty();
    if !all_count {
        objects.retain(|object| selects(options, object));
    }
    let mut meta = ListMeta {
        resource_version: Some(revision.to_string()),
        ..ListMeta::default()
    };
    if options.limit > 0 && objects.len() > options.limit {
        // Nobody knows how many more a selector selects before they are looked at.
        let more = i64::try_from(objects.len() - options.limit).ok();
        meta.remaining_item_count = more.filter(|_| all_count);
        objects.truncate(options.limit);
        meta.continue_ = objects
            .last()
            .map(|last| Continuation::after(last, revision).encode());
    }
    Ok(view.list(&objects, meta))
}

/// Whether the options select an object.
pub(crate) fn selects(options: &ListOptions, object: &Object) -> bool {
    static NONE: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    let labels = object.metadata().labels.as_ref().unwrap_or(&NONE);
    options.labels.matches(labels) && options.fields.matches(object)
}

fn too_old(_: Expired, continuation: Option<&Continuation>) -> Failure {
    match continuation {
        None => Failure::expired("The resourceVersion for the provided list is too old."),
        Some(Continuation { namespace, name, .. }) => {
            let (namespace, name) = (namespace.clone(), name.clone());
            let now = Continuation {
                revision: 0,
                namespace,
                name,
            };
            Failure::expired(TOO_OLD).continued(now.encode())
        }
    }
}

impl Continuation {
    fn after(object: &Object, revision: u64) -> Self {
        let NamespacedName { namespace, name } = name_of(object.metadata());
        Self {
            revision,
            namespace,
            name,
        }
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(token: &str) -> Result<Self, Failure> {
        let refuse = |why: String| Failure::bad_request(format!("continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|error| refuse(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))
    }
}
