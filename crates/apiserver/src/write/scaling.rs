//! The subresource `scale`, written.

use axum::http::StatusCode;
use k8s_openapi::api::autoscaling::v1::Scale;
use podlab_control::registry::Part;
use serde_json::{Value, json};

use super::{Answer, Request, Written};
use crate::options::WriteOptions;
use crate::patch_type::{PatchType, patched};
use crate::read::find;
use crate::status::Failure;
use crate::{scale, schema};

impl Request<'_> {
    /// `PUT` of a scale.
    ///
    /// # Errors
    /// [`Failure`]; nothing has changed then.
    pub(crate) fn update_scale(&self) -> Result<Written, Failure> {
        let options = self.options("UpdateOptions")?;
        let given = self.body_of(schema::SCALE)?;
        self.store_scale(given, &options)
    }

    /// `PATCH` of a scale.
    ///
    /// # Errors
    /// [`Failure`]; nothing has changed then.
    pub(crate) fn patch_scale(&self) -> Result<Written, Failure> {
        let options = self.options("PatchOptions")?;
        // A scale has no lists: a strategic merge is a plain one.
        let kind = match PatchType::of(self.content_type()) {
            Some(PatchType::Json) => PatchType::Json,
            Some(PatchType::Merge | PatchType::Strategic) => PatchType::Merge,
            _ => {
                let accepted = "application/json-patch+json, application/merge-patch+json, \
                                application/strategic-merge-patch+json";
                return Err(Failure::unsupported_media_type(accepted));
            }
        };
        loop {
            let live = find(self.registry, self.path)?;
            let mut live = json!(scale::of(&live).ok_or_else(Failure::no_resource)?);
            // Whoever doesn't say of which version the patch is means any.
            live["metadata"]["resourceVersion"] = Value::Null;
            let scale = patched(kind, &live, &self.body, self.path.kind)?;
            let insists = scale["metadata"]["resourceVersion"].is_string();
            match self.store_scale(scale, &options) {
                Err(failure) if failure.is_conflict() && !insists => {}
                result => return result,
            }
        }
    }

    fn store_scale(&self, given: Value, options: &WriteOptions) -> Result<Written, Failure> {
        let scale: Scale = serde_json::from_value(given).map_err(|error| {
            Failure::bad_request(format!(
                "Scale in version \"v1\" cannot be handled as a Scale: json: {error}"
            ))
        })?;
        let live = find(self.registry, self.path)?;
        let scaled = scale::scaled(&live, &scale)?;
        let updated = self.replace(scaled, Part::Object, options)?;
        let scale = scale::of(&updated).ok_or_else(Failure::no_resource)?;
        Ok(Written {
            code: StatusCode::OK,
            body: Answer::Json(json!(scale)),
            warnings: Vec::new(),
        })
    }
}
