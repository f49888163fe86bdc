//! Gives each Deployment a ReplicaSet for its template, and moves its pods from the old ones to that.

mod annotations;
mod family;
mod rollout;
mod scaling;
mod status;
mod template;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::claims::controller_reference;
use super::index::Selector;
use crate::pods::is_over;
use crate::recorder::EventType;
use crate::registry::{ApiError, Mode};
use crate::store::{StoreError, name_of};
use family::{Family, Newest, Stage};
use rollout::{Count, Rollout, Strategy};

impl Controllers {
    pub(super) fn reconcile_deployment(&mut self, name: &NamespacedName) {
        let key = (Kind::Deployment, name.clone());
        let Some(deployment) = self.store().get::<Deployment>(name) else {
            return self.timers.set(key, None);
        };
        let Some(spec) = &deployment.spec else { return };
        let family = self.family(&deployment, spec);
        let plan = match family.stage {
            Stage::Deleted => None,
            Stage::Paused | Stage::Scaled => Some(family.rollout.scale()),
            Stage::RollingOut => Some(family.rollout.step()),
        };
        for (index, replicas) in plan.iter().flat_map(|plan| &plan.sets).enumerate() {
            self.change_set(&family, index, *replicas);
        }
        let newest = match (family.new_set(), plan.and_then(|plan| plan.another)) {
            (Some(set), _) => Newest::Found(name_of(&set.metadata).name),
            (None, Some(replicas)) => self.create_set(&family, replicas),
            (None, None) => Newest::None,
        };
        let status = status::status(&family, &newest, &self.store().now());
        if family.stage == Stage::Paused
            || (family.stage == Stage::RollingOut && status::is_complete(spec, &status))
        {
            self.forget_history(&family);
        }
        self.timers.set(key, status::gives_up(spec, &status));
        let revision = family.revision(&newest);
        // A deployment that was deleted in between needs no status.
        let _ = self.store().modify(name, |deployment: &mut Deployment| {
            if let Some(revision) = revision {
                let annotations = deployment.metadata.annotations.get_or_insert_default();
                annotations.insert(annotations::REVISION.to_owned(), revision.to_string());
            }
            deployment.status = Some(status);
        });
    }

    fn family<'a>(&self, deployment: &'a Deployment, spec: &'a DeploymentSpec) -> Family<'a> {
        let mut sets = self.claim::<ReplicaSet>(deployment, Selector::new(&spec.selector), |_| true);
        sets.sort_by_key(|set| set.metadata.creation_timestamp.clone());
        let strategy = Strategy::of(spec);
        let new = template::find(&spec.template, sets.iter().map(|set| &**set));
        let old = sets.iter().enumerate().filter(|(index, _)| new != Some(*index));
        // Only who recreates has to look at pods.
        let mut recreated = old.filter(|_| strategy == Strategy::Recreate);
        let runs = |set: &ReplicaSet| self.owned::<Pod>(&set.metadata).iter().any(|pod| !is_over(pod));
        let rollout = Rollout {
            replicas: spec.replicas.unwrap_or(1),
            strategy,
            old_pods_run: recreated.any(|(_, set)| runs(set)),
            sets: sets.iter().map(|set| Count::of(set)).collect(),
            new,
        };
        Family::new(deployment, spec, sets, rollout)
    }

    fn change_set(&self, family: &Family, index: usize, replicas: i32) {
        let set = &family.sets[index];
        let is_new = family.rollout.new == Some(index);
        let name = name_of(&set.metadata);
        let before = family.rollout.sets[index].asked;
        let is_sized = before != replicas || (family.stage != Stage::RollingOut && replicas > 0);
        let changed = self.store().modify(&name, |set: &mut ReplicaSet| {
            let old = set.spec.clone();
            let spec = set.spec.get_or_insert_default();
            spec.replicas = Some(replicas);
            if is_new {
                spec.min_ready_seconds = family.spec.min_ready_seconds;
                let next = family.next_revision();
                annotations::mark_newest(&family.deployment.metadata, &mut set.metadata, next);
            }
            if is_sized {
                let rollout = &family.rollout;
                annotations::mark_size(&mut set.metadata, rollout.replicas, rollout.max());
            }
            if set.spec != old {
                set.metadata.generation = set.metadata.generation.map(|generation| generation + 1);
            }
        });
        if changed.is_ok() && before != replicas {
            self.tell_scaled(family.deployment, &name.name, before, replicas);
        }
    }

    fn create_set(&self, family: &Family, replicas: i32) -> Newest {
        let set = new_set(family, replicas);
        let name = name_of(&set.metadata).name;
        match self.registry.create(Object::ReplicaSet(set), Mode::Commit) {
            Ok(_) => {
                if replicas > 0 {
                    self.tell_scaled(family.deployment, &name, 0, replicas);
                }
                Newest::Created(name)
            }
            Err(ApiError::Store(StoreError::AlreadyExists { .. })) => Newest::NameTaken,
            // Its namespace goes, and it with that.
            Err(ApiError::Forbidden { .. } | ApiError::NoNamespace(_)) => Newest::None,
            Err(error) => {
                let why = format!("Failed to create new replica set \"{name}\": {error}");
                let recorder = &self.recorders.deployment;
                let reason = status::NOT_CREATED;
                recorder.event(family.deployment, EventType::Warning, reason, why.clone());
                Newest::Refused(why)
            }
        }
    }

    fn tell_scaled(&self, deployment: &Deployment, set: &str, before: i32, after: i32) {
        let way = if after > before { "up" } else { "down" };
        let message = format!("Scaled {way} replica set {set} from {before} to {after}");
        let recorder = &self.recorders.deployment;
        recorder.event(deployment, EventType::Normal, "ScalingReplicaSet", message);
    }

    /// Deletes the oldest sets that nothing is left of, but as many as the deployment wants to keep.
    fn forget_history(&self, family: &Family) {
        let limit = family.spec.revision_history_limit;
        let Some(limit) = limit.filter(|limit| *limit != i32::MAX) else {
            return;
        };
        let mut old: Vec<_> = family
            .old_sets()
            .filter(|set| set.metadata.deletion_timestamp.is_none())
            .collect();
        old.sort_by_key(|set| annotations::revision(&set.metadata));
        let surplus = old
            .len()
            .saturating_sub(usize::try_from(limit).unwrap_or_default());
        for set in old.into_iter().take(surplus).filter(|set| is_empty(set)) {
            // Not found: somebody else was faster.
            let _ = self.registry.delete(Kind::ReplicaSet, &name_of(&set.metadata));
        }
    }
}

fn new_set(family: &Family, replicas: i32) -> ReplicaSet {
    let (deployment, spec) = (family.deployment, family.spec);
    let collisions = deployment
        .status
        .as_ref()
        .and_then(|status| status.collision_count);
    let hash = template::hash(&spec.template, collisions.unwrap_or_default());
    let name = name_of(&deployment.metadata).name;
    let mut template = spec.template.clone();
    let labels = template
        .metadata
        .get_or_insert_default()
        .labels
        .get_or_insert_default();
    labels.insert(template::HASH.to_owned(), hash.clone());
    let mut metadata = ObjectMeta {
        name: Some(format!("{name}-{hash}")),
        namespace: deployment.metadata.namespace.clone(),
        labels: Some(labels.clone()),
        owner_references: Some(vec![controller_reference(deployment)]),
        ..ObjectMeta::default()
    };
    annotations::mark_newest(&deployment.metadata, &mut metadata, family.next_revision());
    annotations::mark_size(&mut metadata, family.rollout.replicas, family.rollout.max());
    let mut selector = spec.selector.clone();
    selector
        .match_labels
        .get_or_insert_default()
        .insert(template::HASH.to_owned(), hash);
    ReplicaSet {
        metadata,
        spec: Some(ReplicaSetSpec {
            replicas: Some(replicas),
            selector,
            template: Some(template),
            min_ready_seconds: spec.min_ready_seconds,
        }),
        status: None,
    }
}

fn is_empty(set: &ReplicaSet) -> bool {
    let count = Count::of(set);
    let observed = set.status.as_ref().and_then(|status| status.observed_generation);
    count.asked == 0 && count.there == 0 && observed >= set.metadata.generation
}
