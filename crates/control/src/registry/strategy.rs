//! What becomes of a request's object by its kind, before it is checked: which part of it counts, and what stays.

use k8s_openapi::api::apps::v1::ReplicaSetStatus;
use k8s_openapi::api::core::v1::{
    LoadBalancerStatus, NamespaceSpec, NamespaceStatus, PodStatus, ServiceStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use podlab_api::object::{Kind, Object};
use serde_json::json;

use super::write::Part;
use super::{ApiError, generated_name};
use crate::store::{StoreError, name_of};

/// What is empty is not there.
pub(super) fn drop_empty(metadata: &mut ObjectMeta) {
    metadata.labels.take_if(|labels| labels.is_empty());
    metadata.annotations.take_if(|annotations| annotations.is_empty());
    metadata.finalizers.take_if(|finalizers| finalizers.is_empty());
    metadata.owner_references.take_if(|owners| owners.is_empty());
    metadata.managed_fields.take_if(|fields| fields.is_empty());
}

pub(super) fn name_by_prefix(metadata: &mut ObjectMeta) {
    let prefix = metadata
        .generate_name
        .as_deref()
        .filter(|prefix| !prefix.is_empty());
    if let (None | Some(""), Some(prefix)) = (metadata.name.as_deref(), prefix) {
        metadata.name = Some(generated_name(prefix));
    }
}

/// An object begins without a past, and with the status that its kind begins with.
pub(super) fn before_create(object: &mut Object) {
    let counts = counts_generations(object.kind());
    let metadata = object.metadata_mut();
    metadata.resource_version = None;
    metadata.deletion_timestamp = None;
    metadata.deletion_grace_period_seconds = None;
    metadata.generation = counts.then_some(1);
    match object {
        Object::Namespace(namespace) => {
            let kept_by = vec!["kubernetes".to_owned()];
            namespace.spec = Some(NamespaceSpec {
                finalizers: Some(kept_by),
            });
            let phase = Some("Active".to_owned());
            namespace.status = Some(NamespaceStatus {
                phase,
                conditions: None,
            });
        }
        Object::Pod(pod) => {
            let phase = Some("Pending".to_owned());
            pod.status = Some(PodStatus {
                phase,
                ..PodStatus::default()
            });
        }
        Object::Service(service) => {
            let load_balancer = Some(LoadBalancerStatus::default());
            service.status = Some(ServiceStatus {
                load_balancer,
                conditions: None,
            });
        }
        Object::Deployment(deployment) => deployment.status = Some(Default::default()),
        Object::ReplicaSet(set) => set.status = Some(ReplicaSetStatus::default()),
        Object::ServiceCIDR(range) => range.status = None,
        _ => {}
    }
}

/// An update is of the stored object if it says nothing else.
pub(super) fn check_is_of(object: &Object, stored: &Object) -> Result<(), ApiError> {
    let (given, there) = (object.metadata(), stored.metadata());
    let (kind, name) = (object.kind(), name_of(there));
    if let Some(uid) = given.uid.as_deref().filter(|uid| !uid.is_empty())
        && there.uid.as_deref() != Some(uid)
    {
        return Err(ApiError::uid(stored, uid));
    }
    let version = given
        .resource_version
        .as_deref()
        .filter(|version| !version.is_empty());
    if version.is_some() && version != there.resource_version.as_deref() {
        return Err(StoreError::Conflict { kind, name }.into());
    }
    Ok(())
}

/// Puts what the part doesn't have back to what is stored, and the metadata that nobody may change where the request
/// leaves it out.
pub(super) fn before_update(object: &mut Object, stored: &Object, part: Part) {
    match part {
        Part::Object => take_status(object, stored),
        Part::Status => {
            let given = std::mem::replace(object, stored.clone());
            take_status(object, &given);
            let (metadata, given) = (object.metadata_mut(), given.metadata());
            metadata.annotations.clone_from(&given.annotations);
            metadata.managed_fields.clone_from(&given.managed_fields);
        }
    }
    let (metadata, stored) = (object.metadata_mut(), stored.metadata());
    fn keep<T: Clone>(field: &mut Option<T>, stored: &Option<T>) {
        if field.is_none() {
            field.clone_from(stored);
        }
    }
    // Whatever a request says of these times, they were.
    let was = |time: &Option<Time>, given: &mut Option<Time>| time.clone().or(given.take());
    metadata.creation_timestamp = was(&stored.creation_timestamp, &mut metadata.creation_timestamp);
    metadata.deletion_timestamp = was(&stored.deletion_timestamp, &mut metadata.deletion_timestamp);
    keep(&mut metadata.uid, &stored.uid);
    keep(
        &mut metadata.deletion_grace_period_seconds,
        &stored.deletion_grace_period_seconds,
    );
    keep(&mut metadata.generate_name, &stored.generate_name);
    metadata.generation = stored.generation;
    metadata.resource_version.clone_from(&stored.resource_version);
}

/// Gives `object` the status of `other`.
fn take_status(object: &mut Object, other: &Object) {
    macro_rules! take {
        ($($kind:ident),+) => {
            match (object, other) {
                $((Object::$kind(object), Object::$kind(other)) => object.status.clone_from(&other.status),)+
                _ => {}
            }
        };
    }
    take!(Namespace, Node, Pod, Service, ServiceCIDR, Deployment, ReplicaSet);
}

/// A new generation is one whose spec is another.
pub(super) fn count_generation(object: &mut Object, stored: &Object) {
    if counts_generations(object.kind()) && content(object) != content(stored) {
        let metadata = object.metadata_mut();
        metadata.generation = metadata.generation.map(|generation| generation + 1);
    }
}

fn counts_generations(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Deployment | Kind::ReplicaSet | Kind::Pod | Kind::EndpointSlice | Kind::NetworkPolicy
    )
}

/// What a generation is of.
fn content(object: &Object) -> serde_json::Value {
    match object {
        Object::Deployment(deployment) => json!(deployment.spec),
        Object::ReplicaSet(set) => json!(set.spec),
        Object::Pod(pod) => json!(pod.spec),
        Object::NetworkPolicy(policy) => json!(policy.spec),
        Object::EndpointSlice(slice) => json!([slice.endpoints, slice.ports]),
        _ => serde_json::Value::Null,
    }
}

/// Whether an object that is being deleted has nothing left that it waits for.
pub(super) fn is_finalized(object: &Object) -> bool {
    let metadata = object.metadata();
    let waits_for_processes = metadata.deletion_grace_period_seconds.unwrap_or_default() > 0;
    let finalizers = metadata.finalizers.iter().flatten().count();
    let kept_otherwise = matches!(object.kind(), Kind::Namespace | Kind::ServiceCIDR);
    metadata.deletion_timestamp.is_some() && !waits_for_processes && finalizers == 0 && !kept_otherwise
}
