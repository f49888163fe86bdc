//! Gives each Deployment a ReplicaSet for its template, and moves its pods from the old ones to that.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus, ReplicaSet, ReplicaSetSpec,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use podlab_api::steps::NamespacedName;

use super::Controllers;
use super::replicaset::controller_reference;
use crate::store::{Shared, name_of};

const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

impl Controllers {
    pub(super) fn reconcile_deployment(&mut self, name: &NamespacedName) {
        let Some(deployment) = self.store().get::<Deployment>(name) else {
            return;
        };
        let Some(spec) = &deployment.spec else { return };
        let sets: Vec<Shared<ReplicaSet>> = self.owned(&*deployment);
        let hash = template_hash(&spec.template);
        let (new, old): (Vec<_>, Vec<_>) = sets
            .iter()
            .partition(|set| set.metadata.labels.as_ref().and_then(|labels| labels.get(HASH)) == Some(&hash));
        let rollout = Rollout::new(spec, new.first().copied(), &old);
        let wanted = rollout.new_replicas();
        match new.first() {
            None => self.create_set(&deployment, spec, &hash, wanted, sets.len() + 1),
            Some(set) => self.set_replicas(set, wanted),
        }
        for (set, replicas) in old.iter().zip(rollout.old_replicas()) {
            self.set_replicas(set, replicas);
        }
        let status = status(&deployment, spec, new.first().copied(), &sets);
        let _ = self.store().modify(name, |deployment: &mut Deployment| {
            if let Some(set) = sets.iter().map(|set| revision(set)).max() {
                let annotations = deployment.metadata.annotations.get_or_insert_default();
                annotations.insert(REVISION.to_owned(), set.to_string());
            }
            deployment.status = Some(status);
        });
    }

    fn create_set(
        &self,
        deployment: &Deployment,
        spec: &DeploymentSpec,
        hash: &str,
        replicas: i32,
        revision: usize,
    ) {
        let mut template = spec.template.clone();
        let labels = template
            .metadata
            .get_or_insert_default()
            .labels
            .get_or_insert_default();
        labels.insert(HASH.to_owned(), hash.to_owned());
        let labels = labels.clone();
        let mut selector = spec.selector.clone();
        selector
            .match_labels
            .get_or_insert_default()
            .insert(HASH.to_owned(), hash.to_owned());
        let set = ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!(
                    "{}-{hash}",
                    deployment.metadata.name.as_deref().unwrap_or_default()
                )),
                namespace: deployment.metadata.namespace.clone(),
                labels: Some(labels),
                annotations: Some([(REVISION.to_owned(), revision.to_string())].into()),
                owner_references: Some(vec![controller_reference(deployment, "apps/v1")]),
                generation: Some(1),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: Some(replicas),
                selector,
                template: Some(template),
                min_ready_seconds: spec.min_ready_seconds,
            }),
            status: None,
        };
        if let Err(error) = self.store().create(set) {
            tracing::warn!(%error, "deployment");
        }
    }

    fn set_replicas(&self, set: &ReplicaSet, replicas: i32) {
        let _ = self
            .store()
            .modify(&name_of(&set.metadata), |set: &mut ReplicaSet| {
                let spec = set.spec.get_or_insert_default();
                if spec.replicas != Some(replicas) {
                    spec.replicas = Some(replicas);
                    set.metadata.generation = set.metadata.generation.map(|generation| generation + 1);
                }
            });
    }
}

/// A set's replicas: asked for, there, available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    asked: i32,
    there: i32,
    available: i32,
}

/// How far a deployment is on its way to a new template. Pure: counts in, counts out.
#[derive(Debug)]
struct Rollout {
    replicas: i32,
    /// How many pods there may be at most; none: the old ones go before the new ones come (`Recreate`).
    surge: Option<i32>,
    unavailable: i32,
    new: Count,
    old: Vec<Count>,
}

impl Rollout {
    fn new(spec: &DeploymentSpec, new: Option<&Shared<ReplicaSet>>, old: &[&Shared<ReplicaSet>]) -> Self {
        let replicas = spec.replicas.unwrap_or(1);
        let strategy = spec.strategy.clone().unwrap_or_default();
        let rolling = strategy.rolling_update.unwrap_or_default();
        let part = |value: Option<IntOrString>, round_up| share(value, replicas, round_up);
        let surge = part(rolling.max_surge, true);
        let unavailable = part(rolling.max_unavailable, false);
        let recreate = strategy.type_.as_deref() == Some("Recreate");
        Self {
            replicas,
            surge: (!recreate).then_some(surge),
            unavailable: if surge == 0 && unavailable == 0 {
                1
            } else {
                unavailable
            },
            new: new.map(|set| count(set)).unwrap_or_default(),
            old: old.iter().map(|set| count(set)).collect(),
        }
    }

    fn new_replicas(&self) -> i32 {
        let old: i32 = self.old.iter().map(|set| set.asked).sum();
        let Some(surge) = self.surge else {
            let gone = self.old.iter().all(|set| set.asked == 0 && set.there == 0);
            return if gone { self.replicas } else { self.new.asked };
        };
        let room = self
            .replicas
            .saturating_add(surge)
            .saturating_sub(old)
            .max(self.new.asked.min(self.replicas));
        room.clamp(0, self.replicas)
    }

    /// How many replicas each of the old sets keeps.
    fn old_replicas(&self) -> Vec<i32> {
        if self.surge.is_none() {
            return vec![0; self.old.len()];
        }
        let available: i32 = self.new.available + self.old.iter().map(|set| set.available).sum::<i32>();
        let mut spare = available - (self.replicas - self.unavailable);
        let keep = |set: &Count| {
            // What isn't available is no loss; of the rest only what can be spared.
            let lost = (set.asked - set.available).max(0);
            let healthy = (set.asked - lost).min(spare).max(0);
            spare -= healthy;
            set.asked - lost - healthy
        };
        self.old.iter().map(keep).collect()
    }
}

fn count(set: &ReplicaSet) -> Count {
    let status = set.status.clone().unwrap_or_default();
    let asked = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    Count {
        asked,
        there: status.replicas,
        // The status may still count pods that are no longer asked for: nobody can rely on those.
        available: status.available_replicas.unwrap_or_default().min(asked),
    }
}

/// A number or a percentage of `whole`; a quarter when missing.
fn share(value: Option<IntOrString>, whole: i32, round_up: bool) -> i32 {
    let percent = match value {
        Some(IntOrString::Int(number)) => return number,
        Some(IntOrString::String(text)) => text.trim_end_matches('%').parse().unwrap_or(25),
        None => 25,
    };
    let exact = i64::from(whole) * i64::from(percent);
    let share = if round_up { (exact + 99) / 100 } else { exact / 100 };
    i32::try_from(share).unwrap_or(i32::MAX)
}

fn revision(set: &ReplicaSet) -> u64 {
    let annotations = set.metadata.annotations.as_ref();
    annotations
        .and_then(|annotations| annotations.get(REVISION)?.parse().ok())
        .unwrap_or_default()
}

fn status(
    deployment: &Deployment,
    spec: &DeploymentSpec,
    new: Option<&Shared<ReplicaSet>>,
    sets: &[Shared<ReplicaSet>],
) -> DeploymentStatus {
    let wanted = spec.replicas.unwrap_or(1);
    let sum = |part: fn(&Count) -> i32| sets.iter().map(|set| part(&count(set))).sum::<i32>();
    let (there, available) = (sum(|set| set.there), sum(|set| set.available));
    let enough = available >= wanted - share(rolling_unavailable(spec), wanted, false);
    let condition = DeploymentCondition {
        type_: "Available".to_owned(),
        status: if enough { "True" } else { "False" }.to_owned(),
        reason: Some(
            if enough {
                "MinimumReplicasAvailable"
            } else {
                "MinimumReplicasUnavailable"
            }
            .to_owned(),
        ),
        ..DeploymentCondition::default()
    };
    DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: Some(there),
        updated_replicas: Some(new.map(|set| count(set).there).unwrap_or_default()),
        ready_replicas: Some(available),
        available_replicas: Some(available),
        unavailable_replicas: Some((wanted - available).max(0)),
        conditions: Some(vec![condition]),
        ..DeploymentStatus::default()
    }
}

fn rolling_unavailable(spec: &DeploymentSpec) -> Option<IntOrString> {
    spec.strategy
        .as_ref()?
        .rolling_update
        .as_ref()?
        .max_unavailable
        .clone()
}

/// A short name of a template's content: FNV-1a in letters that make no words, as Kubernetes names ReplicaSets.
fn template_hash(template: &PodTemplateSpec) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = serde_json::to_vec(template).unwrap_or_default();
    let hash = text.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    hash.to_string()
        .bytes()
        .map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(asked: i32) -> Count {
        Count {
            asked,
            there: asked,
            available: asked,
        }
    }

    #[test]
    fn a_rollout_moves_as_many_pods_as_it_may() {
        let starting = |asked, available| Count {
            asked,
            there: asked,
            available,
        };
        // Four replicas, at most one more and one less.
        let cases = [
            ("new deployment", all(0), vec![], 4, vec![]),
            ("new template", all(0), vec![all(4)], 1, vec![3]),
            (
                "one new pod is starting",
                starting(1, 0),
                vec![all(3)],
                2,
                vec![3],
            ),
            ("two are there", starting(2, 2), vec![all(3)], 2, vec![1]),
            (
                "an old pod is broken",
                starting(1, 0),
                vec![starting(4, 3)],
                1,
                vec![3],
            ),
            ("the last step", all(4), vec![all(1)], 4, vec![0]),
            ("fewer replicas than before", all(9), vec![], 4, vec![]),
        ];
        for (story, new, old, new_replicas, old_replicas) in cases {
            let rollout = Rollout {
                replicas: 4,
                surge: Some(1),
                unavailable: 1,
                new,
                old,
            };
            assert_eq!(rollout.new_replicas(), new_replicas, "{story}");
            assert_eq!(rollout.old_replicas(), old_replicas, "{story}");
        }
    }

    #[test]
    fn recreate_waits_until_the_old_pods_are_gone() {
        let rollout = |old| Rollout {
            replicas: 4,
            surge: None,
            unavailable: 0,
            new: all(0),
            old: vec![old],
        };
        assert_eq!(rollout(all(4)).new_replicas(), 0);
        assert_eq!(rollout(all(4)).old_replicas(), [0]);
        assert_eq!(
            rollout(Count {
                asked: 0,
                there: 1,
                available: 0
            })
            .new_replicas(),
            0
        );
        assert_eq!(rollout(all(0)).new_replicas(), 4);
    }

    #[test]
    fn shares_are_rounded_as_kubernetes_does() {
        let quarter = || Some(IntOrString::String("25%".into()));
        assert_eq!(share(quarter(), 3, true), 1);
        assert_eq!(share(quarter(), 3, false), 0);
        assert_eq!(share(Some(IntOrString::Int(2)), 3, false), 2);
    }
}
