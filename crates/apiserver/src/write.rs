//! Writing: create, update, patch, delete, one object or many.

mod checks;
mod owners;
mod patching;
mod scaling;

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use podlab_api::defaults::default_object;
use podlab_api::object::Object;
use podlab_api::wire::{self, Format};
use podlab_control::registry::{Deleted, Deletion, Part, Registry};
use podlab_control::store::name_of;
use serde_json::Value;

use crate::apply::Manager;
use crate::options::{ListOptions, WriteOptions};
use crate::path::ResourcePath;
use crate::query::Query;
use crate::read::{find, selects};
use crate::render::{View, json_of};
use crate::status::{Failure, success};
use crate::{deletion, protobuf, schema};
use checks::{check_limits, judge};
use owners::track;

/// What a write answers: the object, and what the client is warned of.
#[derive(Debug)]
pub(crate) struct Written {
    /// 200, or 201 for something new.
    pub code: StatusCode,
    /// The object, a list of objects, or a Status.
    pub body: Answer,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An object, in whichever form the client wants.
    Object(Arc<Object>),
    /// Whatever it is already.
    Json(Value),
}

/// A request that writes.
pub(crate) struct Request<'a> {
    /// Where it is kept.
    pub registry: &'a Registry,
    /// What it is about.
    pub path: &'a ResourcePath,
    /// Its options.
    pub query: &'a Query,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Request<'_> {
    fn options(&self, kind: &str) -> Result<WriteOptions, Failure> {
        let agent = self
            .headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        WriteOptions::read(kind, self.query, agent)
    }

    /// The media type of the body, without its parameters.
    fn content_type(&self) -> &str {
        let given = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        given
            .and_then(|value| value.split(';').next())
            .unwrap_or_default()
            .trim()
    }

    /// What the body is written in.
    fn form(&self) -> Result<Form, Failure> {
        match self.content_type() {
            "" | "application/json" => Ok(Form::Text(Format::Json)),
            "application/yaml" | "application/x-yaml" => Ok(Form::Text(Format::Yaml)),
            protobuf::MEDIA_TYPE => Ok(Form::Protobuf),
            _ => Err(Failure::unsupported_media_type(
                "application/json, application/yaml, application/vnd.kubernetes.protobuf",
            )),
        }
    }

    /// The body as JSON, whose type is a component.
    fn body_of(&self, component: &str) -> Result<Value, Failure> {
        Ok(match self.form()? {
            Form::Text(format) => wire::parse(&self.body, format)?.value,
            Form::Protobuf => protobuf::to_json(component, &self.body)?,
        })
    }

    fn part(&self) -> Result<Part, Failure> {
        match self.path.subresource.as_deref() {
            None => Ok(Part::Object),
            Some("status") => Ok(Part::Status),
            Some(_) => Err(Failure::no_resource()),
        }
    }

    fn manager(&self, options: &WriteOptions) -> Manager {
        Manager {
            name: options.manager.clone(),
            subresource: self.path.subresource.clone(),
        }
    }

    /// `POST` to a collection.
    ///
    /// # Errors
    /// [`Failure`]; nothing has changed then.
    pub(crate) fn create(&self) -> Result<Written, Failure> {
        let options = self.options("CreateOptions")?;
        let (mut object, mut warned) = self.read(&options)?;
        self.check_namespace(&object)?;
        object.metadata_mut().namespace.clone_from(&self.path.namespace);
        check_limits(&object, self.registry, &mut warned)?;
        default_object(&mut object);
        object.metadata_mut().managed_fields = None;
        track(None, &mut object, &self.manager(&options))?;
        let created = self.registry.create(object, options.mode)?;
        Ok(Written {
            code: StatusCode::CREATED,
            body: Answer::Object(created),
            warnings: warned,
        })
    }

    /// `PUT` of an object, or of its status.
    ///
    /// # Errors
    /// [`Failure`]; nothing has changed then.
    pub(crate) fn update(&self) -> Result<Written, Failure> {
        let options = self.options("UpdateOptions")?;
        let part = self.part()?;
        let (mut object, mut warned) = self.read(&options)?;
        self.check_namespace(&object)?;
        self.check_name(&object)?;
        object.metadata_mut().namespace.clone_from(&self.path.namespace);
        check_limits(&object, self.registry, &mut warned)?;
        let updated = self.replace(object, part, &options)?;
        Ok(Written {
            code: StatusCode::OK,
            body: Answer::Object(updated),
            warnings: warned,
        })
    }

    fn replace(
        &self,
        mut object: Object,
        part: Part,
        options: &WriteOptions,
    ) -> Result<Arc<Object>, Failure> {
        let live = find(self.registry, self.path)?;
        default_object(&mut object);
        track(Some(&json_of(&live)), &mut object, &self.manager(options))?;
        Ok(self.registry.update(object, part, options.mode)?)
    }

    /// `DELETE` of an object.
    ///
    /// # Errors
    /// [`Failure`]; nothing has changed then.
    pub(crate) fn delete(&self) -> Result<Written, Failure> {
        let options = self.deletion()?;
        let name = self.path.object().ok_or_else(Failure::no_resource)?;
        let body = match self.registry.delete_with(self.path.kind, &name, &options)? {
            Deleted::Marked(object) => Answer::Object(object),
            Deleted::Gone(object) if deletion::answers_object(self.path.kind) => Answer::Object(object),
            Deleted::Gone(object) => Answer::Json(success(
                self.path.kind,
                &name.name,
                object.metadata().uid.as_deref(),
            )),
        };
        Ok(Written {
            code: StatusCode::OK,
            body,
            warnings: Vec::new(),
        })
    }

    /// `DELETE` of a collection: all that the list options select. Answers with what was there.
    ///
    /// # Errors
    /// [`Failure`]; some may have been deleted then.
    pub(crate) fn delete_collection(&self, view: View) -> Result<Written, Failure> {
        let options = self.deletion()?;
        let list = ListOptions::read(self.path.kind, self.query)?;
        let (revision, mut objects) =
            self.registry
                .store()
                .list_at(self.path.kind, self.path.namespace.as_deref(), None)?;
        objects.retain(|object| selects(&list, object));
        for object in &objects {
            let name = name_of(object.metadata());
            let deleted = self.registry.delete_with(self.path.kind, &name, &options);
            // Not found: somebody else was faster.
            if let Err(failure) = deleted.map_err(Failure::from)
                && !failure.is_not_found()
            {
                return Err(failure);
            }
        }
        let meta = ListMeta {
            resource_version: Some(revision.to_string()),
            ..ListMeta::default()
        };
        let body = Answer::Json(view.list(&objects, meta));
        Ok(Written {
            code: StatusCode::OK,
            body,
            warnings: Vec::new(),
        })
    }

    fn deletion(&self) -> Result<Deletion, Failure> {
        let given = match self.body.is_empty() {
            true => None,
            false => Some(self.body_of(schema::DELETE_OPTIONS)?),
        };
        deletion::options(self.query, given)
    }

    fn read(&self, options: &WriteOptions) -> Result<(Object, Vec<String>), Failure> {
        let kind = self.path.kind;
        let decoded = match self.form()? {
            Form::Text(format) => wire::decode(kind, &self.body, format)?,
            Form::Protobuf => wire::decode_value(kind, protobuf::to_json(schema::of(kind), &self.body)?)?,
        };
        let mut warned = Vec::new();
        judge(self.path.kind, &decoded.problems, options, &mut warned)?;
        Ok((decoded.object, warned))
    }

    fn check_namespace(&self, object: &Object) -> Result<(), Failure> {
        let given = object
            .metadata()
            .namespace
            .as_deref()
            .filter(|namespace| !namespace.is_empty());
        match (given, self.path.namespace.as_deref()) {
            (Some(given), Some(asked)) if given != asked => Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            )),
            _ => Ok(()),
        }
    }

    fn check_name(&self, object: &Object) -> Result<(), Failure> {
        let asked = self.path.name.as_deref().unwrap_or_default();
        match object.metadata().name.as_deref().filter(|name| !name.is_empty()) {
            None if self.content_type() == "application/apply-patch+yaml" => Ok(()),
            None => Err(Failure::bad_request(
                "the name of the object (based on URL) was undeterminable: name must be provided",
            )),
            Some(given) if given != asked => Err(Failure::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({asked})"
            ))),
            Some(_) => Ok(()),
        }
    }
}

/// What a body is written in.
enum Form {
    Text(Format),
    Protobuf,
}
