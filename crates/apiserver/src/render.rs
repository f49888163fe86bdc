//! Objects as answers: one, a list, an event; whole, as rows, or as metadata alone.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use podlab_api::object::{Kind, Object};
use serde_json::{Value, json};

use crate::negotiate::Form;
use crate::query::Query;
use crate::status::Failure;
use crate::table::{IncludeObject, Table, TableOptions};

/// How objects of a kind are shown to a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Which kind.
    pub kind: Kind,
    /// In which form.
    pub form: Form,
    /// What rows carry of their objects.
    pub include: IncludeObject,
}

impl View {
    /// As the client's headers and query ask for it.
    ///
    /// # Errors
    /// BadRequest for rows that carry something else.
    pub(crate) fn new(kind: Kind, form: Form, query: &Query) -> Result<Self, Failure> {
        let include = query
            .first("includeObject")
            .unwrap_or_default()
            .parse::<IncludeObject>();
        let include = include.map_err(|error| Failure::bad_request(error.to_string()))?;
        Ok(Self { kind, form, include })
    }

    /// One object; a table has the columns' headings if they are to be told.
    pub(crate) fn object(self, object: &Arc<Object>, headings: bool) -> Value {
        match self.form {
            Form::Object => json_of(object),
            Form::Metadata => metadata(object),
            Form::Table => {
                let options = TableOptions {
                    no_headers: !headings,
                    include_object: self.include,
                };
                json!(Table::of_object(object, options, Timestamp::now()))
            }
        }
    }

    /// A list of objects.
    pub(crate) fn list(self, objects: &[Arc<Object>], meta: ListMeta) -> Value {
        let (kind, api_version, items): (_, _, Vec<Value>) = match self.form {
            Form::Table => {
                let options = TableOptions {
                    no_headers: false,
                    include_object: self.include,
                };
                let objects = objects.iter().map(|object| &**object);
                return json!(Table::of_list(
                    self.kind,
                    objects,
                    meta,
                    options,
                    Timestamp::now()
                ));
            }
            Form::Metadata => (
                "PartialObjectMetadataList".to_owned(),
                "meta.k8s.io/v1",
                objects.iter().map(|object| metadata(object)).collect(),
            ),
            Form::Object => (
                format!("{}List", self.kind),
                self.kind.api_version(),
                objects.iter().map(|object| item(object)).collect(),
            ),
        };
        json!({"kind": kind, "apiVersion": api_version, "metadata": meta, "items": items})
    }

    /// Tells a watcher that it is up to date to a revision; `end` when what was there in the beginning is told.
    pub(crate) fn bookmark(self, revision: u64, end: bool) -> Value {
        let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        match self.form {
            Form::Object => {
                json!({"kind": self.kind.as_str(), "apiVersion": self.kind.api_version(), "metadata": metadata})
            }
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Form::Table => {
                let object = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
                json!({
                    "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": revision.to_string()},
                    "columnDefinitions": null, "rows": [{"cells": [], "object": object}],
                })
            }
        }
    }
}

/// The whole object.
pub(crate) fn json_of(object: &Object) -> Value {
    // All of podlab's objects have a JSON form.
    object.to_json().unwrap_or_default()
}

/// Objects of a list don't say again which kind they are of.
fn item(object: &Object) -> Value {
    let mut value = json_of(object);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    value
}

fn metadata(object: &Object) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.metadata()})
}
