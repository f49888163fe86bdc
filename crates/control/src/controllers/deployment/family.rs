//! A deployment with its sets, and what its controller does with them.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet, ReplicaSetCondition};

use super::annotations;
use super::rollout::Rollout;
use crate::store::Shared;

/// A deployment and its sets, the oldest first, as `rollout` counts them.
pub(super) struct Family<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) spec: &'a DeploymentSpec,
    pub(super) sets: Vec<Shared<ReplicaSet>>,
    pub(super) rollout: Rollout,
    pub(super) stage: Stage,
}

/// What the controller does with a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It goes: nothing.
    Deleted,
    /// Sizes only.
    Paused,
    /// Sizes first.
    Scaled,
    /// It brings the pods to its template.
    RollingOut,
}

/// What came of the set that has the deployment's template.
#[derive(Debug)]
pub(super) enum Newest {
    /// It is not to be there yet.
    None,
    /// It was there.
    Found(String),
    /// It was made just now.
    Created(String),
    /// It would have the name of another set.
    NameTaken,
    /// It can't be made.
    Refused(String),
}

impl<'a> Family<'a> {
    pub(super) fn new(
        deployment: &'a Deployment,
        spec: &'a DeploymentSpec,
        sets: Vec<Shared<ReplicaSet>>,
        rollout: Rollout,
    ) -> Self {
        let stage = if deployment.metadata.deletion_timestamp.is_some() {
            Stage::Deleted
        } else if spec.paused == Some(true) {
            Stage::Paused
        } else if rollout.is_scaled() {
            Stage::Scaled
        } else {
            Stage::RollingOut
        };
        Self {
            deployment,
            spec,
            sets,
            rollout,
            stage,
        }
    }

    /// The set that has the deployment's template.
    pub(super) fn new_set(&self) -> Option<&Shared<ReplicaSet>> {
        self.rollout.new.map(|index| &self.sets[index])
    }

    /// The other sets.
    pub(super) fn old_sets(&self) -> impl Iterator<Item = &Shared<ReplicaSet>> {
        let sets = self.sets.iter().enumerate();
        let old = sets.filter(|(index, _)| self.rollout.new != Some(*index));
        old.map(|(_, set)| set)
    }

    /// The revision that a set has which is the newest.
    pub(super) fn next_revision(&self) -> i64 {
        let old = self.old_sets().map(|set| annotations::revision(&set.metadata));
        old.max().unwrap_or_default() + 1
    }

    /// The deployment's revision; none as long as it has no set.
    pub(super) fn revision(&self, newest: &Newest) -> Option<i64> {
        let next = self.next_revision();
        match newest {
            Newest::Created(_) => Some(next),
            _ => self
                .new_set()
                .map(|set| annotations::revision(&set.metadata).max(next)),
        }
    }

    /// Why a set can't have the pods that it wants, the newest one first.
    pub(super) fn failure(&self) -> Option<&ReplicaSetCondition> {
        let sets = self.new_set().into_iter().chain(&self.sets);
        let conditions = sets.filter_map(|set| set.status.as_ref()?.conditions.as_ref());
        conditions
            .flatten()
            .find(|condition| condition.type_ == "ReplicaFailure")
    }
}
