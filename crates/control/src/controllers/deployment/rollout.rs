//! How many pods each set of a deployment gets next. Pure: counts in, counts out.

use k8s_openapi::api::apps::v1::{DeploymentSpec, ReplicaSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::annotations;

/// A set's replicas: asked for, there, ready, available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) asked: i32,
    pub(super) there: i32,
    pub(super) ready: i32,
    pub(super) available: i32,
    /// How many replicas the deployment wanted when the set got its number.
    pub(super) desired: Option<i32>,
    /// How many pods the deployment could have then.
    pub(super) max: Option<i32>,
}

impl Count {
    pub(super) fn of(set: &ReplicaSet) -> Self {
        let status = set.status.clone().unwrap_or_default();
        Self {
            asked: set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
            there: status.replicas,
            ready: status.ready_replicas.unwrap_or_default(),
            available: status.available_replicas.unwrap_or_default(),
            desired: annotations::number(&set.metadata, annotations::DESIRED),
            max: annotations::number(&set.metadata, annotations::MAX),
        }
    }

    /// The status may still count pods that are no longer asked for: nobody can rely on those.
    fn reliable(&self) -> i32 {
        self.available.min(self.asked)
    }
}

/// How old pods make room for new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    /// The old ones are gone before new ones come.
    Recreate,
    /// There are at most so many more than wanted, and at most so many less are available.
    RollingUpdate { surge: i32, unavailable: i32 },
}

impl Strategy {
    pub(super) fn of(spec: &DeploymentSpec) -> Self {
        let strategy = spec.strategy.clone().unwrap_or_default();
        if strategy.type_.as_deref() == Some("Recreate") {
            return Self::Recreate;
        }
        let rolling = strategy.rolling_update.unwrap_or_default();
        let replicas = spec.replicas.unwrap_or(1);
        let surge = share(rolling.max_surge, replicas, true);
        let unavailable = share(rolling.max_unavailable, replicas, false);
        let stuck = surge == 0 && unavailable == 0;
        Self::RollingUpdate {
            surge,
            unavailable: if stuck { 1 } else { unavailable },
        }
    }

    pub(super) fn surge(self) -> i32 {
        match self {
            Self::Recreate => 0,
            Self::RollingUpdate { surge, .. } => surge,
        }
    }

    /// How many of `replicas` need not be available.
    pub(super) fn unavailable(self, replicas: i32) -> i32 {
        match self {
            Self::Recreate => 0,
            Self::RollingUpdate { unavailable, .. } => unavailable.min(replicas),
        }
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

/// Where a deployment stands.
#[derive(Debug)]
pub(super) struct Rollout {
    pub(super) replicas: i32,
    pub(super) strategy: Strategy,
    /// The oldest first.
    pub(super) sets: Vec<Count>,
    /// Which of them has the deployment's template.
    pub(super) new: Option<usize>,
    /// Whether pods of the others still run.
    pub(super) old_pods_run: bool,
}

/// How many replicas sets are to have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Those that are there, in order.
    pub(super) sets: Vec<i32>,
    /// The one that is to be made.
    pub(super) another: Option<i32>,
}

impl Rollout {
    pub(super) fn max(&self) -> i32 {
        self.replicas.saturating_add(self.strategy.surge())
    }

    /// The next step towards the new template.
    pub(super) fn step(&self) -> Plan {
        let mut sets = match self.strategy {
            Strategy::Recreate => self.each(|_| 0),
            Strategy::RollingUpdate { .. } => self.spare(),
        };
        let new = self.new_replicas();
        if let (Some(index), new) = (self.new, new) {
            sets[index] = new.unwrap_or(self.sets[index].asked);
        }
        let another = new.filter(|_| self.new.is_none());
        Plan { sets, another }
    }

    /// What each old set gets; the new one what it has.
    fn each(&self, mut old: impl FnMut(&Count) -> i32) -> Vec<i32> {
        let all = self.sets.iter().enumerate();
        all.map(|(index, set)| {
            if self.new == Some(index) {
                set.asked
            } else {
                old(set)
            }
        })
        .collect()
    }

    fn new_count(&self) -> Count {
        self.new.map(|index| self.sets[index]).unwrap_or_default()
    }

    fn all_asked(&self) -> i64 {
        self.sets.iter().map(|set| i64::from(set.asked)).sum()
    }

    /// None: not yet.
    fn new_replicas(&self) -> Option<i32> {
        let asked = self.new_count().asked;
        if self.strategy == Strategy::Recreate {
            return (!self.old_pods_run).then_some(self.replicas);
        }
        let room = i64::from(self.max()) - self.all_asked();
        let more = room.clamp(0, i64::from((self.replicas - asked).max(0)));
        let more = i32::try_from(more).unwrap_or(i32::MAX);
        Some(asked.saturating_add(more).min(self.replicas))
    }

    /// The old sets without the pods that can be spared: first those that aren't available, which are no loss.
    fn spare(&self) -> Vec<i32> {
        let new = self.new_count();
        let needed = i64::from(self.replicas) - i64::from(self.strategy.unavailable(self.replicas));
        let starting = i64::from(new.asked) - i64::from(new.reliable());
        let mut useless = self.all_asked() - needed - starting;
        if useless <= 0 {
            return self.each(|set| set.asked);
        }
        let available: i64 = self.sets.iter().map(|set| i64::from(set.reliable())).sum();
        let mut spare = available - needed;
        self.each(|set| {
            let broken = i64::from(set.asked - set.reliable()).clamp(0, useless.max(0));
            useless -= broken;
            let left = i64::from(set.asked) - broken;
            let healthy = left.min(spare).max(0);
            spare -= healthy;
            i32::try_from(left - healthy).unwrap_or(i32::MAX)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starting(asked: i32, available: i32) -> Count {
        Count {
            asked,
            there: asked,
            ready: available,
            available,
            ..Count::default()
        }
    }

    fn all(asked: i32) -> Count {
        starting(asked, asked)
    }

    #[test]
    fn a_rollout_moves_as_many_pods_as_it_may() {
        // Four replicas, at most one more and one less; the last set is the new one.
        let cases = [
            ("new template", vec![all(4)], Some(all(0)), vec![3, 1]),
            (
                "one new pod is starting",
                vec![all(3)],
                Some(starting(1, 0)),
                vec![3, 2],
            ),
            ("two are there", vec![all(3)], Some(starting(2, 2)), vec![1, 2]),
            (
                "an old pod is broken",
                vec![starting(4, 3)],
                Some(starting(1, 0)),
                vec![3, 1],
            ),
            (
                "new pods don't start, and an old one fails: it is kept, as it may come back",
                vec![starting(3, 2)],
                Some(starting(2, 0)),
                vec![3, 2],
            ),
            (
                "the template changes once more",
                vec![all(3), starting(2, 0)],
                Some(all(0)),
                vec![3, 0, 0],
            ),
            ("the last step", vec![all(1)], Some(all(4)), vec![0, 4]),
            ("fewer replicas than before", vec![], Some(all(9)), vec![4]),
        ];
        for (story, mut sets, new, expected) in cases {
            sets.extend(new);
            let rollout = Rollout {
                replicas: 4,
                strategy: Strategy::RollingUpdate {
                    surge: 1,
                    unavailable: 1,
                },
                new: Some(sets.len() - 1),
                sets,
                old_pods_run: true,
            };
            let plan = Plan {
                sets: expected,
                another: None,
            };
            assert_eq!(rollout.step(), plan, "{story}");
        }
    }

    #[test]
    fn a_new_set_begins_with_the_room_that_there_is() {
        for (sets, another) in [(vec![], 4), (vec![all(4)], 1), (vec![all(5)], 0)] {
            let rollout = Rollout {
                replicas: 4,
                strategy: Strategy::RollingUpdate {
                    surge: 1,
                    unavailable: 0,
                },
                new: None,
                sets,
                old_pods_run: true,
            };
            assert_eq!(rollout.step().another, Some(another));
        }
    }

    #[test]
    fn recreate_waits_until_the_old_pods_are_gone() {
        let rollout = |old, old_pods_run| Rollout {
            replicas: 4,
            strategy: Strategy::Recreate,
            new: None,
            sets: vec![old],
            old_pods_run,
        };
        let plan = |another| Plan {
            sets: vec![0],
            another,
        };
        assert_eq!(rollout(all(4), true).step(), plan(None));
        assert_eq!(rollout(all(0), true).step(), plan(None));
        assert_eq!(rollout(all(0), false).step(), plan(Some(4)));
    }

    #[test]
    fn shares_are_rounded_as_kubernetes_does() {
        let quarter = || Some(IntOrString::String("25%".into()));
        assert_eq!(share(quarter(), 3, true), 1);
        assert_eq!(share(quarter(), 3, false), 0);
        assert_eq!(share(Some(IntOrString::Int(2)), 3, false), 2);
    }
}
