//! Gives each ReplicaSet the number of pods that it asks for.

mod ranking;

use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::claims::controller_reference;
use super::index::Selector;
use crate::pods::{is_over, is_ready, ready_since};
use crate::recorder::EventType;
use crate::registry::{ApiError, Mode};
use crate::store::{Shared, StoreError, name_of};
use ranking::Worth;

const FAILURE: &str = "ReplicaFailure";
/// How many pods of a set are made before others are looked at.
const BURST: usize = 500;

impl Controllers {
    pub(super) fn reconcile_replica_set(&mut self, name: &NamespacedName) {
        let key = (Kind::ReplicaSet, name.clone());
        let Some(set) = self.store().get::<ReplicaSet>(name) else {
            return self.timers.set(key, None);
        };
        let Some(spec) = &set.spec else { return };
        let is_active = |pod: &Pod| pod.metadata.deletion_timestamp.is_none() && !is_over(pod);
        let mut pods = self.claim::<Pod>(&*set, Selector::new(&spec.selector), is_active);
        let made = if set.metadata.deletion_timestamp.is_some() {
            Ok(())
        } else {
            self.make_or_delete(&set, spec, &mut pods)
        };
        let failure = match made {
            Ok(()) => None,
            // Its namespace goes, and the set with it.
            Err(ApiError::Forbidden { .. } | ApiError::NoNamespace(_)) => None,
            // The name was taken, one time in ten million: the next one will not be.
            Err(ApiError::Store(StoreError::AlreadyExists { .. })) => {
                self.dirty.insert(key.clone());
                None
            }
            Err(error) => {
                if let ApiError::Exceeded { .. } = error {
                    self.refused.insert(key.clone());
                }
                Some(error)
            }
        };
        let now = self.store().now().0;
        let usable: Vec<_> = pods.iter().filter_map(|pod| usable_from(pod, spec)).collect();
        self.timers
            .set(key, usable.iter().copied().filter(|time| *time > now).min());
        let mut status = counts(&set, spec, &pods);
        status.available_replicas = some(usable.iter().filter(|time| **time <= now).count());
        status.conditions = self.failure(&set, failure);
        // A set that was deleted in between needs no status.
        let _ = self
            .store()
            .modify(name, |set: &mut ReplicaSet| set.status = Some(status));
        if spec.replicas == Some(0) {
            // A deployment that recreates its pods waits for the last one of this set.
            self.mark_dependent(set.object());
        }
    }

    /// What it deletes, it takes out of `pods`.
    fn make_or_delete(
        &self,
        set: &ReplicaSet,
        spec: &ReplicaSetSpec,
        pods: &mut Vec<Shared<Pod>>,
    ) -> Result<(), ApiError> {
        let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or_default();
        for _ in pods.len()..wanted.min(pods.len() + BURST) {
            self.create_pod(set, spec)?;
        }
        if pods.len() > wanted {
            pods.sort_by_cached_key(|pod| Worth::of(pod));
            let surplus = pods.len() - wanted;
            for pod in pods.drain(..surplus) {
                self.delete_pod(set, &pod);
            }
        }
        Ok(())
    }

    fn create_pod(&self, set: &ReplicaSet, spec: &ReplicaSetSpec) -> Result<(), ApiError> {
        let template = spec.template.clone().unwrap_or_default();
        let metadata = ObjectMeta {
            generate_name: Some(format!("{}-", name_of(&set.metadata).name)),
            namespace: set.metadata.namespace.clone(),
            owner_references: Some(vec![controller_reference(set)]),
            ..template.metadata.unwrap_or_default()
        };
        let pod = Pod {
            metadata,
            spec: template.spec,
            status: None,
        };
        let recorder = &self.recorders.replica_set;
        match self.registry.create(Object::Pod(pod), Mode::Commit) {
            Ok(pod) => {
                let message = format!("Created pod: {}", name_of(pod.metadata()).name);
                recorder.event(set, EventType::Normal, "SuccessfulCreate", message);
                Ok(())
            }
            Err(error @ (ApiError::Forbidden { .. } | ApiError::NoNamespace(_))) => Err(error),
            Err(error) => {
                let message = format!("Error creating: {error}");
                recorder.event(set, EventType::Warning, "FailedCreate", message);
                Err(error)
            }
        }
    }

    fn delete_pod(&self, set: &ReplicaSet, pod: &Pod) {
        let name = name_of(&pod.metadata);
        // Not found: it is gone already.
        if self.registry.delete(Kind::Pod, &name).is_ok() {
            let message = format!("Deleted pod: {}", name.name);
            let recorder = &self.recorders.replica_set;
            recorder.event(set, EventType::Normal, "SuccessfulDelete", message);
        }
    }

    /// The set's conditions: what stands in the way of its pods is told as it was at first.
    fn failure(&self, set: &ReplicaSet, error: Option<ApiError>) -> Option<Vec<ReplicaSetCondition>> {
        let old = set.status.as_ref().and_then(|status| status.conditions.clone());
        let mut conditions = old.unwrap_or_default();
        match error {
            None => conditions.retain(|condition| condition.type_ != FAILURE),
            Some(error) if conditions.iter().all(|condition| condition.type_ != FAILURE) => {
                conditions.push(ReplicaSetCondition {
                    type_: FAILURE.to_owned(),
                    status: "True".to_owned(),
                    reason: Some("FailedCreate".to_owned()),
                    message: Some(error.to_string()),
                    last_transition_time: Some(self.store().now()),
                });
            }
            Some(_) => {}
        }
        Some(conditions).filter(|conditions| !conditions.is_empty())
    }
}

/// When a pod is available: as soon as it has been ready for long enough.
fn usable_from(pod: &Pod, spec: &ReplicaSetSpec) -> Option<Timestamp> {
    match spec.min_ready_seconds.unwrap_or_default() {
        0 => is_ready(pod).then_some(Timestamp::MIN),
        seconds => ready_since(pod)?
            .checked_add(SignedDuration::from_secs(seconds.into()))
            .ok(),
    }
}

fn counts(set: &ReplicaSet, spec: &ReplicaSetSpec, pods: &[Shared<Pod>]) -> ReplicaSetStatus {
    let template = spec
        .template
        .as_ref()
        .and_then(|template| template.metadata.as_ref());
    let labels = template.and_then(|metadata| metadata.labels.as_ref());
    let has_all = |pod: &&Shared<Pod>| {
        let own = pod.metadata.labels.as_ref();
        let mut labels = labels.into_iter().flatten();
        labels.all(|(key, value)| own.and_then(|own| own.get(key)) == Some(value))
    };
    ReplicaSetStatus {
        replicas: some(pods.len()).unwrap_or_default(),
        fully_labeled_replicas: some(pods.iter().filter(has_all).count()),
        ready_replicas: some(pods.iter().filter(|pod| is_ready(pod)).count()),
        observed_generation: set.metadata.generation,
        ..ReplicaSetStatus::default()
    }
}

/// Kubernetes writes no zeros here.
fn some(count: usize) -> Option<i32> {
    Some(i32::try_from(count).unwrap_or(i32::MAX)).filter(|count| *count != 0)
}
