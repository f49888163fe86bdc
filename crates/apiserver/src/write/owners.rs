//! Who owns which field of an object after a change.

use jiff::Timestamp;
use podlab_api::object::{Kind, Object};
use serde_json::Value;

use crate::apply::{self, Manager};
use crate::render::json_of;
use crate::status::Failure;

/// Notes in an object who owns which of its fields, after a change of `live` by `manager`.
pub(super) fn track(live: Option<&Value>, object: &mut Object, manager: &Manager) -> Result<(), Failure> {
    change_owners(object, |value, kind| {
        apply::track(live, value, kind, manager, Timestamp::now());
    })
}

/// Leaves the times of an apply that changes nothing as they were.
pub(super) fn keep_times(live: &Value, object: &mut Object) -> Result<(), Failure> {
    change_owners(object, |value, kind| apply::keep_times(live, value, kind))
}

fn change_owners(object: &mut Object, change: impl FnOnce(&mut Value, Kind)) -> Result<(), Failure> {
    let mut value = json_of(object);
    change(&mut value, object.kind());
    let fields = value["metadata"]["managedFields"].take();
    object.metadata_mut().managed_fields = serde_json::from_value(fields)
        .map_err(|error| Failure::internal(format!("managed fields: {error}")))?;
    Ok(())
}
