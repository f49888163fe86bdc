//! What is told of an object before the registry sees it: fields that its kind doesn't have, and what podlab can't do.

use k8s_openapi::api::core::v1::Node;
use podlab_api::diagnostic::Severity;
use podlab_api::limits::{Unenforced, limits};
use podlab_api::object::{Kind, Object};
use podlab_api::validation::{FieldError, FieldReason};
use podlab_api::warnings::warnings;
use podlab_api::wire;
use podlab_control::registry::Registry;

use crate::options::{FieldValidation, WriteOptions};
use crate::status::Failure;

/// Unknown and repeated fields are an error, a warning, or nothing.
pub(super) fn judge(
    kind: Kind,
    problems: &[String],
    options: &WriteOptions,
    warned: &mut Vec<String>,
) -> Result<(), Failure> {
    match options.validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => warned.extend_from_slice(problems),
        FieldValidation::Strict if problems.is_empty() => {}
        FieldValidation::Strict => {
            return Err(Failure::bad_request(wire::strict_error(kind, problems)));
        }
    }
    Ok(())
}

/// What podlab, or a node of this cluster, can't do is refused, or the client is warned.
pub(super) fn check_limits(
    object: &Object,
    registry: &Registry,
    warned: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut errors = Vec::new();
    let nodes = registry.store().list::<Node>();
    let unenforced = Unenforced::of_nodes(nodes.iter().map(|node| &**node));
    for limit in limits(object).into_iter().chain(unenforced.limits(object)) {
        match limit.severity {
            Severity::Error => errors.push(FieldError::new(
                &limit.path,
                FieldReason::Forbidden,
                limit.message,
            )),
            _ => warned.push(format!("{}: {}", limit.path, limit.message)),
        }
    }
    warned.extend(warnings(object).into_iter().map(|warning| warning.message));
    let name = object.metadata().name.as_deref().unwrap_or_default();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Failure::invalid(
            object.kind().as_str(),
            object.kind().group(),
            name,
            &errors,
        )),
    }
}
