//! Pods: once there, they stay mostly as they are.

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, Toleration};
use serde_json::json;

use crate::validation::Errors;

const CHANGEABLE: &str = "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set \
    to 1 if it was previously negative)";

pub(super) fn validate(new: &Pod, old: &Pod, errors: &mut Errors) {
    let (Some(new), Some(old)) = (&new.spec, &old.spec) else {
        return;
    };
    let init = |spec: &PodSpec| spec.init_containers.as_ref().map_or(0, Vec::len);
    for (field, new, old) in [
        ("spec.containers", new.containers.len(), old.containers.len()),
        ("spec.initContainers", init(new), init(old)),
    ] {
        if new != old {
            return errors.forbidden(field, "pod updates may not add or remove containers");
        }
    }
    let before = errors.found.len();
    validate_deadline(new.active_deadline_seconds, old.active_deadline_seconds, errors);
    let tolerations = new.tolerations.as_deref().unwrap_or_default();
    if !old
        .tolerations
        .iter()
        .flatten()
        .all(|old| tolerations.iter().any(|new| tolerates(new, old)))
    {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.forbidden("spec.tolerations", why);
    }
    if errors.found.len() == before && with_changes(old, new) != *new {
        let why = format!("pod updates may not change fields other than {CHANGEABLE}");
        errors.forbidden("spec", &why);
    }
}

fn validate_deadline(new: Option<i64>, old: Option<i64>, errors: &mut Errors) {
    let field = "spec.activeDeadlineSeconds";
    match (new, old) {
        (Some(new), Some(old)) if new > old => {
            errors.invalid(field, new, "must be less than or equal to previous value");
        }
        (None, Some(_)) => {
            errors.invalid(
                field,
                json!(null),
                "must not update from a positive integer to nil value",
            );
        }
        _ => {}
    }
}

fn tolerates(new: &Toleration, old: &Toleration) -> bool {
    let timeless = |toleration: &Toleration| Toleration {
        toleration_seconds: None,
        ..toleration.clone()
    };
    timeless(new) == timeless(old)
}

/// The old pod with everything of the new one that may change.
fn with_changes(old: &PodSpec, new: &PodSpec) -> PodSpec {
    let mut changed = old.clone();
    take_images(&mut changed.containers, &new.containers);
    if let (Some(changed), Some(new)) = (&mut changed.init_containers, &new.init_containers) {
        take_images(changed, new);
    }
    changed.active_deadline_seconds = new.active_deadline_seconds;
    changed.tolerations.clone_from(&new.tolerations);
    let was_negative = old
        .termination_grace_period_seconds
        .is_some_and(|seconds| seconds < 0);
    if was_negative && new.termination_grace_period_seconds == Some(1) {
        changed.termination_grace_period_seconds = Some(1);
    }
    changed
}

fn take_images(changed: &mut [Container], new: &[Container]) {
    for (changed, new) in changed.iter_mut().zip(new) {
        changed.image.clone_from(&new.image);
    }
}
