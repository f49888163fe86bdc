//! Patches: an object is read, changed and put back, again if somebody else was faster.

use axum::http::StatusCode;
use jiff::Timestamp;
use podlab_api::defaults::default_object;
use podlab_api::validation::{FieldError, FieldReason};
use podlab_api::wire::{self, DecodeError, Format};
use podlab_control::registry::Part;
use serde_json::{Value, json};

use super::checks::{check_limits, judge};
use super::owners::{keep_times, track};
use super::{Answer, Request, Written};
use crate::apply;
use crate::options::{FieldValidation, WriteOptions};
use crate::patch_type::{ACCEPTED, PatchType, patched, unreadable};
use crate::read::find;
use crate::render::json_of;
use crate::status::Failure;

impl Request<'_> {
    /// `PATCH` of an object, or of its status; server-side apply creates one that isn't there.
    ///
    /// # Errors
    /// [`Failure`]; nothing has changed then.
    pub(crate) fn patch(&self) -> Result<Written, Failure> {
        let options = self.options("PatchOptions")?;
        let part = self.part()?;
        let kind = PatchType::of(self.content_type());
        let kind = kind.ok_or_else(|| Failure::unsupported_media_type(ACCEPTED))?;
        if kind != PatchType::Apply && options.force {
            let error = FieldError::new(
                "force",
                FieldReason::Forbidden,
                "may not be specified for non-apply patch".into(),
            );
            return Err(Failure::invalid("PatchOptions", "meta.k8s.io", "", &[error]));
        }
        if kind == PatchType::Apply && self.query.text("fieldManager").is_none() {
            let error = FieldError::new(
                "fieldManager",
                FieldReason::Required,
                "is required for apply patch".into(),
            );
            return Err(Failure::invalid("PatchOptions", "meta.k8s.io", "", &[error]));
        }
        loop {
            match self.patch_once(kind, part, &options) {
                Err(Attempt::Again) => {}
                Err(Attempt::Failed(failure)) => return Err(failure),
                Ok(written) => return Ok(written),
            }
        }
    }

    fn patch_once(&self, kind: PatchType, part: Part, options: &WriteOptions) -> Result<Written, Attempt> {
        let live = match find(self.registry, self.path) {
            Ok(live) => Some(live),
            Err(_) if kind == PatchType::Apply && part == Part::Object => None,
            Err(failure) => return Err(failure.into()),
        };
        let before = live.as_ref().map(|live| json_of(live));
        let mut warned = Vec::new();
        let patched = match kind {
            PatchType::Apply => {
                let applied = self.applied(options, &mut warned)?;
                let manager = self.manager(options);
                apply::apply(
                    before.as_ref(),
                    &applied,
                    self.path.kind,
                    &manager,
                    options.force,
                    Timestamp::now(),
                )
                .map_err(Failure::from)?
            }
            kind => {
                let live = before.as_ref().ok_or_else(Failure::no_resource)?;
                patched(kind, live, &self.body, self.path.kind)?
            }
        };
        let refused = |why: String| match &before {
            Some(live) if kind != PatchType::Apply => unreadable(kind, live, &self.body, self.path.kind, why),
            _ => Failure::bad_request(why),
        };
        let decoded = wire::decode_value(self.path.kind, patched).map_err(|error| match (kind, error) {
            (PatchType::Apply, error) => error.into(),
            (_, DecodeError::Unhandled { why, .. }) => refused(why),
            (_, error) => refused(error.to_string()),
        })?;
        if kind != PatchType::Apply
            && options.validation == FieldValidation::Strict
            && !decoded.problems.is_empty()
        {
            return Err(refused(format!("strict decoding error: {}", decoded.problems.join(", "))).into());
        }
        judge(self.path.kind, &decoded.problems, options, &mut warned)?;
        let mut object = decoded.object;
        self.check_name(&object)?;
        self.check_namespace(&object)?;
        object.metadata_mut().namespace.clone_from(&self.path.namespace);
        check_limits(&object, self.registry, &mut warned)?;
        let Some(live) = live else {
            let created = self.registry.create(object, options.mode);
            return match created.map_err(Failure::from) {
                // Somebody else has created it in between: it is applied to that.
                Err(failure) if failure.is_taken() => Err(Attempt::Again),
                Err(failure) => Err(failure.into()),
                Ok(created) => Ok(Written {
                    code: StatusCode::CREATED,
                    body: Answer::Object(created),
                    warnings: warned,
                }),
            };
        };
        default_object(&mut object);
        match (kind, &before) {
            (PatchType::Apply, Some(before)) => keep_times(before, &mut object)?,
            (_, before) => track(before.as_ref(), &mut object, &self.manager(options))?,
        }
        let insists = object.metadata().resource_version != live.metadata().resource_version;
        if object.metadata().resource_version.is_none() {
            object
                .metadata_mut()
                .resource_version
                .clone_from(&live.metadata().resource_version);
        }
        match self
            .registry
            .update(object, part, options.mode)
            .map_err(Failure::from)
        {
            Err(failure) if failure.is_conflict() && !insists => Err(Attempt::Again),
            Err(failure) => Err(failure.into()),
            Ok(updated) => Ok(Written {
                code: StatusCode::OK,
                body: Answer::Object(updated),
                warnings: warned,
            }),
        }
    }

    /// The configuration of a server-side apply, as it was written. What isn't of the kind is told when it is applied.
    fn applied(&self, options: &WriteOptions, warned: &mut Vec<String>) -> Result<Value, Failure> {
        let parsed = wire::parse(&self.body, Format::Yaml)?;
        judge(self.path.kind, &parsed.problems, options, warned)?;
        let mut value = parsed.value;
        let Ok(decoded) = wire::decode_value(self.path.kind, value.clone()) else {
            return Ok(value);
        };
        self.check_namespace(&decoded.object)?;
        self.check_name(&decoded.object)?;
        if let Some(name) = &self.path.name {
            value["metadata"]["name"] = json!(name);
        }
        if let Some(namespace) = &self.path.namespace {
            value["metadata"]["namespace"] = json!(namespace);
        }
        Ok(value)
    }
}

/// Why a patch was not made this time.
enum Attempt {
    /// The object was changed in between.
    Again,
    Failed(Failure),
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
