//! What another number of replicas means for the sets of a deployment that is on its way, or paused. Pure.

use std::cmp::Reverse;

use super::rollout::{Count, Plan, Rollout, Strategy};

impl Rollout {
    /// Whether the deployment's number of replicas is another than the one that its sets have theirs from.
    pub(super) fn is_scaled(&self) -> bool {
        let differs =
            |set: &Count| set.asked > 0 && set.desired.is_some_and(|desired| desired != self.replicas);
        self.sets.iter().any(differs)
    }

    /// Gives the only set with pods all replicas; several get or lose them by their sizes.
    pub(super) fn scale(&self) -> Plan {
        let active: Vec<usize> = (0..self.sets.len())
            .filter(|index| self.sets[*index].asked > 0)
            .collect();
        let mut sets: Vec<i32> = self.sets.iter().map(|set| set.asked).collect();
        let newest = self.new.or(self.sets.len().checked_sub(1));
        match active.as_slice() {
            [] => newest.into_iter().for_each(|index| sets[index] = self.replicas),
            [only] => sets[*only] = self.replicas,
            _ if self.is_saturated() => {
                let old = active.iter().filter(|index| self.new != Some(**index));
                old.for_each(|index| sets[*index] = 0);
            }
            _ if self.strategy == Strategy::Recreate => {}
            several => self.scale_in_proportion(several, &mut sets),
        }
        Plan { sets, another: None }
    }

    /// Whether the new set has all replicas, and all of them are available.
    fn is_saturated(&self) -> bool {
        self.new.is_some_and(|index| {
            let new = &self.sets[index];
            new.desired == Some(self.replicas) && new.asked == self.replicas && new.available == self.replicas
        })
    }

    fn scale_in_proportion(&self, active: &[usize], sets: &mut [i32]) {
        let allowed = if self.replicas > 0 { self.max() } else { 0 };
        let asked: i32 = active
            .iter()
            .fold(0, |sum, index| sum.saturating_add(sets[*index]));
        let change = allowed.saturating_sub(asked);
        let mut by_size = active.to_vec();
        if change > 0 {
            by_size.sort_by_key(|index| Reverse((sets[*index], *index)));
        } else {
            by_size.sort_by_key(|index| (Reverse(sets[*index]), *index));
        }
        let mut left = change;
        for index in &by_size {
            let part = self.proportion(&self.sets[*index]);
            let part = if change > 0 {
                part.min(left)
            } else {
                part.max(left)
            };
            sets[*index] = sets[*index].saturating_add(part);
            left -= part;
        }
        // What rounding has left is the largest set's.
        if let Some(largest) = by_size.first() {
            sets[*largest] = sets[*largest].saturating_add(left).max(0);
        }
    }

    /// How many replicas a set gains or loses when it keeps its part of the whole.
    fn proportion(&self, set: &Count) -> i32 {
        if self.replicas == 0 {
            return -set.asked;
        }
        let there = self
            .sets
            .iter()
            .fold(0, |sum: i32, set| sum.saturating_add(set.there));
        let before = set.max.filter(|max| *max > 0).unwrap_or(there).max(1);
        let exact = f64::from(set.asked) * f64::from(self.max()) / f64::from(before);
        // Float to integer saturates.
        (exact.round() as i32).saturating_sub(set.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(asked: i32, desired: i32, max: i32) -> Count {
        Count {
            asked,
            there: asked,
            desired: Some(desired),
            max: Some(max),
            ..Count::default()
        }
    }

    #[test]
    fn sets_keep_their_parts_of_the_whole() {
        // Sets from old to new, the last one has the deployment's template; two more pods than replicas are allowed.
        let cases = [
            ("one set", 5, vec![set(3, 3, 5)], vec![5]),
            ("none has pods", 5, vec![set(0, 3, 5), set(0, 3, 5)], vec![0, 5]),
            (
                "only the old one has",
                5,
                vec![set(3, 3, 5), set(0, 3, 5)],
                vec![5, 0],
            ),
            ("doubled", 20, vec![set(8, 10, 12), set(4, 10, 12)], vec![15, 7]),
            ("halved", 5, vec![set(8, 10, 12), set(4, 10, 12)], vec![5, 2]),
            (
                "nothing is wanted",
                0,
                vec![set(8, 10, 12), set(4, 10, 12)],
                vec![0, 0],
            ),
            (
                "equal sets: the newer grows",
                11,
                vec![set(6, 10, 12), set(6, 10, 12)],
                vec![6, 7],
            ),
            (
                "equal sets: the older shrinks",
                9,
                vec![set(6, 10, 12), set(6, 10, 12)],
                vec![5, 6],
            ),
        ];
        for (story, replicas, sets, expected) in cases {
            let rollout = Rollout {
                replicas,
                strategy: Strategy::RollingUpdate {
                    surge: 2,
                    unavailable: 0,
                },
                new: Some(sets.len() - 1),
                sets,
                old_pods_run: true,
            };
            assert_eq!(rollout.scale().sets, expected, "{story}");
        }
    }

    #[test]
    fn old_pods_go_when_the_new_ones_are_enough() {
        let new = Count {
            available: 3,
            ..set(3, 3, 4)
        };
        let rollout = Rollout {
            replicas: 3,
            strategy: Strategy::Recreate,
            new: Some(1),
            sets: vec![set(2, 5, 6), new],
            old_pods_run: true,
        };
        assert!(rollout.is_scaled());
        assert_eq!(rollout.scale().sets, [0, 3]);
    }
}
