//! What a deployment's status says: its counts, and its conditions `Available` and `Progressing`. Pure.

use k8s_openapi::api::apps::v1::{
    DeploymentCondition, DeploymentSpec, DeploymentStatus, ReplicaSetCondition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::family::{Family, Newest, Stage};
use super::rollout::{Count, Rollout};
use crate::store::name_of;

const PROGRESSING: &str = "Progressing";
const REPLICA_FAILURE: &str = "ReplicaFailure";
const PAUSED: &str = "DeploymentPaused";
const COMPLETE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
pub(super) const NOT_CREATED: &str = "ReplicaSetCreateError";

/// The status that follows from what is there.
pub(super) fn status(family: &Family, newest: &Newest, now: &Time) -> DeploymentStatus {
    let (spec, stage) = (family.spec, family.stage);
    let old = family.deployment.status.clone().unwrap_or_default();
    let mut status = counts(family);
    status.collision_count = match newest {
        Newest::NameTaken => Some(old.collision_count.unwrap_or_default().saturating_add(1)),
        _ => old.collision_count,
    };
    let mut conditions = Conditions {
        list: old.conditions.clone().unwrap_or_default(),
        now,
    };
    if spec.progress_deadline_seconds.is_some() && stage != Stage::Deleted {
        conditions.pause(spec.paused == Some(true));
    }
    if deadline(spec).is_some() {
        conditions.begin(newest);
    }
    conditions.available(status.available_replicas.unwrap_or_default(), &family.rollout);
    if stage == Stage::RollingOut {
        match deadline(spec) {
            None => conditions.remove(PROGRESSING),
            Some(limit) => conditions.progress(family, newest, (&old, &status), limit),
        }
        match family.failure() {
            Some(failure) => conditions.fail(failure),
            None => conditions.remove(REPLICA_FAILURE),
        }
    }
    status.conditions = Some(conditions.list).filter(|list| !list.is_empty());
    status
}

/// Whether all pods are of the deployment's template, as many as it wants, and available.
pub(super) fn is_complete(spec: &DeploymentSpec, status: &DeploymentStatus) -> bool {
    let wanted = spec.replicas.unwrap_or(1);
    let counts = [
        status.updated_replicas,
        status.replicas,
        status.available_replicas,
    ];
    counts.iter().all(|count| count.unwrap_or_default() == wanted)
}

/// When a deployment that makes no progress is to be given up.
pub(super) fn gives_up(spec: &DeploymentSpec, status: &DeploymentStatus) -> Option<Timestamp> {
    let limit = deadline(spec).filter(|_| spec.paused != Some(true) && !is_complete(spec, status))?;
    let mut conditions = status.conditions.iter().flatten();
    let progressing = conditions.find(|condition| condition.type_ == PROGRESSING)?;
    timeout(progressing, limit)
}

fn timeout(progressing: &DeploymentCondition, limit: SignedDuration) -> Option<Timestamp> {
    let is_over = matches!(progressing.reason.as_deref(), Some(COMPLETE | TIMED_OUT));
    let last = progressing.last_update_time.as_ref().filter(|_| !is_over)?;
    last.0.checked_add(limit).ok()
}

/// How long a rollout may make no progress; the largest number is no limit.
fn deadline(spec: &DeploymentSpec) -> Option<SignedDuration> {
    let seconds = spec
        .progress_deadline_seconds
        .filter(|limit| *limit != i32::MAX)?;
    Some(SignedDuration::from_secs(seconds.into()))
}

fn counts(family: &Family) -> DeploymentStatus {
    let rollout = &family.rollout;
    let sum = |part: fn(&Count) -> i32| rollout.sets.iter().map(part).fold(0, i32::saturating_add);
    // Kubernetes writes no zeros here.
    let some = |count: i32| Some(count).filter(|count| *count != 0);
    let available = sum(|set| set.available);
    let new = rollout.new.map(|index| rollout.sets[index]);
    DeploymentStatus {
        observed_generation: family.deployment.metadata.generation,
        replicas: some(sum(|set| set.there)),
        updated_replicas: some(new.map_or(0, |new| new.there)),
        ready_replicas: some(sum(|set| set.ready)),
        available_replicas: some(available),
        unavailable_replicas: some(sum(|set| set.asked).saturating_sub(available).max(0)),
        ..DeploymentStatus::default()
    }
}

struct Conditions<'a> {
    list: Vec<DeploymentCondition>,
    now: &'a Time,
}

impl Conditions<'_> {
    fn get(&self, kind: &str) -> Option<&DeploymentCondition> {
        self.list.iter().find(|condition| condition.type_ == kind)
    }

    fn remove(&mut self, kind: &str) {
        self.list.retain(|condition| condition.type_ != kind);
    }

    /// Sets a condition, unless it is so for this reason already.
    fn set(&mut self, kind: &str, status: &str, reason: &str, message: String) {
        let same = |old: &DeploymentCondition| old.status == status && old.reason.as_deref() == Some(reason);
        if !self.get(kind).is_some_and(same) {
            self.renew(kind, status, reason, message);
        }
    }

    fn renew(&mut self, kind: &str, status: &str, reason: &str, message: String) {
        let old = self.get(kind).filter(|old| old.status == status);
        let since = old.and_then(|old| old.last_transition_time.clone());
        let condition = DeploymentCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_update_time: Some(self.now.clone()),
            last_transition_time: since.or_else(|| Some(self.now.clone())),
        };
        self.remove(kind);
        self.list.push(condition);
    }

    fn pause(&mut self, paused: bool) {
        let reason = self
            .get(PROGRESSING)
            .and_then(|condition| condition.reason.as_deref());
        match (paused, reason) {
            (_, Some(TIMED_OUT)) | (true, Some(PAUSED)) => {}
            (true, _) => self.set(PROGRESSING, "Unknown", PAUSED, "Deployment is paused".to_owned()),
            (false, Some(PAUSED)) => {
                let message = "Deployment is resumed".to_owned();
                self.set(PROGRESSING, "Unknown", "DeploymentResumed", message);
            }
            (false, _) => {}
        }
    }

    fn begin(&mut self, newest: &Newest) {
        match newest {
            Newest::Found(set) if self.get(PROGRESSING).is_none() => {
                let message = format!("Found new replica set \"{set}\"");
                self.set(PROGRESSING, "True", "FoundNewReplicaSet", message);
            }
            Newest::Created(set) => {
                let message = format!("Created new replica set \"{set}\"");
                self.set(PROGRESSING, "True", "NewReplicaSetCreated", message);
            }
            Newest::Refused(why) => self.set(PROGRESSING, "False", NOT_CREATED, why.clone()),
            Newest::None | Newest::NameTaken | Newest::Found(_) => {}
        }
    }

    fn available(&mut self, available: i32, rollout: &Rollout) {
        let needed = rollout.replicas - rollout.strategy.unavailable(rollout.replicas);
        let (status, reason, message) = if available >= needed {
            (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        self.set("Available", status, reason, message.to_owned());
    }

    fn progress(
        &mut self,
        family: &Family,
        newest: &Newest,
        (old, new): (&DeploymentStatus, &DeploymentStatus),
        limit: SignedDuration,
    ) {
        let condition = self.get(PROGRESSING);
        let was_complete = condition.is_some_and(|condition| condition.reason.as_deref() == Some(COMPLETE));
        if was_complete && new.replicas == new.updated_replicas {
            return;
        }
        let who = match newest {
            Newest::Found(set) | Newest::Created(set) => format!("ReplicaSet \"{set}\""),
            _ => format!("Deployment \"{}\"", name_of(&family.deployment.metadata).name),
        };
        let end = condition.and_then(|condition| timeout(condition, limit));
        if is_complete(family.spec, new) {
            let message = format!("{who} has successfully progressed.");
            self.set(PROGRESSING, "True", COMPLETE, message);
        } else if advances(old, new) {
            let message = format!("{who} is progressing.");
            self.renew(PROGRESSING, "True", "ReplicaSetUpdated", message);
        } else if end.is_some_and(|end| end <= self.now.0) {
            let message = format!("{who} has timed out progressing.");
            self.set(PROGRESSING, "False", TIMED_OUT, message);
        }
    }

    fn fail(&mut self, failure: &ReplicaSetCondition) {
        let reason = failure.reason.as_deref().unwrap_or_default();
        let message = failure.message.clone().unwrap_or_default();
        self.set(REPLICA_FAILURE, &failure.status, reason, message);
    }
}

/// Whether there are more new pods, fewer old ones, or more that can be used.
fn advances(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let count = |count: Option<i32>| count.unwrap_or_default();
    let outdated = |status: &DeploymentStatus| count(status.replicas) - count(status.updated_replicas);
    count(new.updated_replicas) > count(old.updated_replicas)
        || outdated(new) < outdated(old)
        || count(new.ready_replicas) > count(old.ready_replicas)
        || count(new.available_replicas) > count(old.available_replicas)
}
