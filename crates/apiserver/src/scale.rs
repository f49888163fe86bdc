//! The subresource `scale`: how many pods, and which, whatever kind makes them.

use std::sync::Arc;

use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec, ScaleStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::object::Object;
use podlab_api::validation::FieldError;

use crate::status::Failure;
use crate::table::selector_text;

/// The scale of an object; none for kinds that have no number of replicas.
pub(crate) fn of(object: &Object) -> Option<Scale> {
    let (replicas, selector, there) = match object {
        Object::Deployment(deployment) => {
            let spec = deployment.spec.as_ref()?;
            let there = deployment.status.as_ref().and_then(|status| status.replicas);
            (spec.replicas, &spec.selector, there)
        }
        Object::ReplicaSet(set) => {
            let spec = set.spec.as_ref()?;
            (
                spec.replicas,
                &spec.selector,
                set.status.as_ref().map(|status| status.replicas),
            )
        }
        _ => return None,
    };
    let of = object.metadata().clone();
    Some(Scale {
        metadata: ObjectMeta {
            name: of.name,
            namespace: of.namespace,
            uid: of.uid,
            resource_version: of.resource_version,
            creation_timestamp: of.creation_timestamp,
            ..ObjectMeta::default()
        },
        spec: Some(ScaleSpec {
            replicas: Some(replicas.unwrap_or(1)),
        }),
        status: Some(ScaleStatus {
            replicas: there.unwrap_or_default(),
            selector: selector_text(selector),
        }),
    })
}

/// The object with as many replicas as the scale asks for, and its version if it names one.
///
/// # Errors
/// Invalid for a number below zero.
pub(crate) fn scaled(object: &Arc<Object>, scale: &Scale) -> Result<Object, Failure> {
    let replicas = scale
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or_default();
    if replicas < 0 {
        let error = FieldError::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        let name = object.metadata().name.clone().unwrap_or_default();
        return Err(Failure::invalid("Scale", "autoscaling", &name, &[error]));
    }
    let mut new = Object::clone(object);
    match &mut new {
        Object::Deployment(deployment) => deployment.spec.get_or_insert_default().replicas = Some(replicas),
        Object::ReplicaSet(set) => set.spec.get_or_insert_default().replicas = Some(replicas),
        _ => return Err(Failure::no_resource()),
    }
    let metadata = new.metadata_mut();
    metadata
        .resource_version
        .clone_from(&scale.metadata.resource_version);
    if scale.metadata.uid.is_some() {
        metadata.uid.clone_from(&scale.metadata.uid);
    }
    Ok(new)
}
