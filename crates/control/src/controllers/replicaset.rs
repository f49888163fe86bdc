//! Gives each ReplicaSet the number of pods that it asks for.

use std::cmp::Reverse;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use podlab_api::defaults::default_object;
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::steps::NamespacedName;

use super::Controllers;
use crate::pods::{is_over, is_ready};
use crate::registry::generated_name;
use crate::store::{Shared, name_of};

impl Controllers {
    pub(super) fn reconcile_replica_set(&mut self, name: &NamespacedName) {
        let Some(set) = self.store().get::<ReplicaSet>(name) else {
            return;
        };
        let mut pods: Vec<Shared<Pod>> = self.owned(&*set);
        pods.retain(|pod| pod.metadata.deletion_timestamp.is_none() && !is_over(pod));
        let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let wanted = usize::try_from(wanted).unwrap_or_default();

        for _ in pods.len()..wanted {
            self.create_pod(&set);
        }
        if pods.len() > wanted {
            pods.sort_by_key(|pod| Reverse(worth_keeping(pod)));
            for pod in pods.drain(wanted..) {
                // Not found: it is gone already.
                let _ = self.registry.delete(Kind::Pod, &name_of(&pod.metadata));
            }
        }
        let count = |pods: usize| i32::try_from(pods).unwrap_or(i32::MAX);
        let ready = count(pods.iter().filter(|pod| is_ready(pod)).count());
        let status = ReplicaSetStatus {
            replicas: count(pods.len()),
            fully_labeled_replicas: Some(count(pods.len())),
            ready_replicas: Some(ready),
            available_replicas: Some(ready),
            observed_generation: set.metadata.generation,
            ..ReplicaSetStatus::default()
        };
        let _ = self
            .store()
            .modify(name, |set: &mut ReplicaSet| set.status = Some(status));
    }

    fn create_pod(&self, set: &ReplicaSet) {
        let Some(template) = set.spec.as_ref().and_then(|spec| spec.template.clone()) else {
            return;
        };
        let labels = template.metadata.unwrap_or_default();
        let prefix = format!("{}-", set.metadata.name.as_deref().unwrap_or_default());
        let metadata = ObjectMeta {
            name: Some(generated_name(&prefix)),
            generate_name: Some(prefix),
            namespace: set.metadata.namespace.clone(),
            owner_references: Some(vec![controller_reference(set, "apps/v1")]),
            generation: Some(1),
            ..labels
        };
        let status = PodStatus {
            phase: Some("Pending".to_owned()),
            ..PodStatus::default()
        };
        // A template lacks what only pods get.
        let mut object = Object::Pod(Pod {
            metadata,
            spec: template.spec,
            status: Some(status),
        });
        default_object(&mut object);
        let Object::Pod(pod) = object else { return };
        // The name is taken, one time in ten million: the set is looked at again, and gets another.
        if let Err(error) = self.store().create(pod) {
            tracing::debug!(%error, "replicaset");
        }
    }
}

/// Least worth are pods without a node, then those that aren't ready, then the youngest.
fn worth_keeping(pod: &Pod) -> (bool, bool, Option<u64>) {
    let bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let born = pod
        .metadata
        .creation_timestamp
        .as_ref()
        .and_then(|time| u64::try_from(time.0.as_nanosecond()).ok());
    (bound, is_ready(pod), born.map(|born| u64::MAX - born))
}

/// A reference to the object that controls another.
pub(super) fn controller_reference<T: Resource>(owner: &T, api_version: &str) -> OwnerReference {
    OwnerReference {
        api_version: api_version.to_owned(),
        kind: T::KIND.as_str().to_owned(),
        name: owner.metadata().name.clone().unwrap_or_default(),
        uid: owner.metadata().uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
