//! What podlab is to reach, as a table of facts, and whether it does.

use crate::figures::{Figures, Peer};
use crate::quantity::Unit;
use crate::statistics::{Summary, growth};

/// A figure, whom it is compared with, and what is to come of that.
pub(crate) struct Fact {
    pub(crate) row: &'static str,
    pub(crate) figure: &'static str,
    pub(crate) what: &'static str,
    pub(crate) unit: Unit,
    pub(crate) peer: Option<Peer>,
    pub(crate) goals: &'static [At],
}

/// At which sizes something is to be reached.
#[derive(Debug, Clone, Copy)]
pub(crate) enum At {
    Each(Goal),
    Size(u32, Goal),
}

/// What is to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No more than so many times what the other takes.
    AtMostTimes(f64),
    /// The other takes at least so many times as much.
    Faster(f64),
    /// At least this part of what the other gets done.
    ShareOf(f64),
}

use At::{Each, Size};
use Goal::{AtMost, AtMostTimes, Faster, ShareOf};
use Peer::{Direct, Floor, KubeProxyIptables, KubeProxyNft, Maps, Mininet, Shell};
use Unit::{Bytes, BytesPerSecond, PerSecond, Seconds, Share};

/// Every figure that is shown.
#[rustfmt::skip]
pub(crate) const FACTS: &[Fact] = &[
    fact("pods", "build", "build pods", Seconds, Some(Floor), &[Each(AtMostTimes(1.5))]),
    fact("pods", "build", "build pods", Seconds, Some(Shell), &[Each(Faster(8.0))]),
    fact("pods", "build", "build pods", Seconds, Some(Mininet), &[Each(Faster(20.0))]),
    fact("pods", "down", "take pods down: the command", Seconds, Some(Floor), &[Each(AtMost(0.050))]),
    fact("pods", "down", "take pods down: the command", Seconds, Some(Shell), &[]),
    fact("pods", "down", "take pods down: the command", Seconds, Some(Mininet), &[]),
    fact("pods", "gone", "take pods down: until nothing is left", Seconds, Some(Floor), &[Each(AtMost(5.0))]),

    fact("services", "load", "load services", Seconds, Some(Maps), &[Each(Faster(1.0))]),
    fact("services", "load", "load services", Seconds, Some(KubeProxyNft), &[Size(10_000, Faster(150.0))]),
    fact("services", "load", "load services", Seconds, Some(KubeProxyIptables), &[]),
    fact("services", "load", "load services", Seconds, None, &[Size(100_000, AtMost(3.0))]),
    fact("services", "change", "change an endpoint", Seconds, Some(KubeProxyNft),
        &[Size(10_000, AtMost(0.002)), Size(100_000, AtMost(0.002))]),
    fact("services", "change-processor", "change an endpoint: processor time", Seconds, Some(KubeProxyNft),
        &[Size(10_000, AtMost(0.002)), Size(100_000, AtMost(0.002))]),

    fact("connections", "connections", "new connections", PerSecond, Some(Direct),
        &[Size(1, ShareOf(0.95)), Size(100_000, ShareOf(0.93))]),
    fact("connections", "connections", "new connections", PerSecond, Some(KubeProxyNft), &[Each(ShareOf(1.0))]),
    fact("connections", "connections", "new connections", PerSecond, Some(KubeProxyIptables), &[Each(ShareOf(1.0))]),
    fact("connections", "p50", "to connect, p50", Seconds, Some(Direct), &[]),
    fact("connections", "p99", "to connect, p99", Seconds, Some(Direct), &[]),
    fact("throughput", "tcp", "TCP throughput", BytesPerSecond, Some(Direct), &[Each(ShareOf(0.97))]),
    fact("throughput", "udp", "UDP packets", PerSecond, Some(Direct), &[Each(ShareOf(0.97))]),

    fact("scenarios", "three-tier", "three-tier, command to verdict", Seconds, None, &[Each(AtMost(1.0))]),
    fact("scenarios", "my-service", "my-service, command to verdict", Seconds, None, &[]),
    fact("idle", "ready", "live cluster: until ready", Seconds, None, &[]),
    fact("idle", "rss", "live cluster, idle: podlab's memory", Bytes, None, &[Each(AtMost(64e6))]),
    fact("idle", "rss-anonymous", "live cluster, idle: of that, not its program's file", Bytes, None, &[]),
    fact("idle", "idle-processor", "live cluster, idle: processor", Share, None, &[Each(AtMost(0.01))]),
    fact("idle", "memory-per-pod", "live cluster: memory of a pod", Bytes, None, &[]),
    fact("idle", "cluster-down", "live cluster: podlab down", Seconds, None, &[]),
    fact("control-plane", "flip", "endpoints follow a pod's readiness", Seconds, None,
        &[Each(AtMost(0.001))]),
];

const fn fact(
    row: &'static str,
    figure: &'static str,
    what: &'static str,
    unit: Unit,
    peer: Option<Peer>,
    goals: &'static [At],
) -> Fact {
    Fact {
        row,
        figure,
        what,
        unit,
        peer,
        goals,
    }
}

/// A fact at one size, with what was measured.
pub(crate) struct Line {
    pub(crate) fact: &'static Fact,
    pub(crate) size: u32,
    pub(crate) podlab: Option<Summary>,
    pub(crate) peer: Option<Summary>,
    /// Why there is nothing of the peer, or of podlab.
    pub(crate) missing: Option<String>,
    pub(crate) goal: Option<Goal>,
    /// By what podlab's figure is multiplied for ten times the size, since the size before: told once for each figure.
    pub(crate) growth: Option<f64>,
}

impl Line {
    /// How podlab stands beside the peer: by how much faster it is, or which part or multiple of the peer's it has.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (podlab, peer) = (self.podlab?.median, self.peer?.median);
        Some(if self.is_faster() {
            peer / podlab
        } else {
            podlab / peer
        })
    }

    /// Whether the ratio says by how much podlab is faster.
    pub(crate) fn is_faster(&self) -> bool {
        let is_time = self.fact.unit == Seconds;
        is_time && !matches!(self.fact.peer, Some(Floor | Direct))
    }

    /// Whether the goal is reached; none when there is none, or nothing to tell by.
    pub(crate) fn met(&self) -> Option<bool> {
        // As exact as it is shown.
        let ratio = self.ratio().map(|ratio| (ratio * 100.0).round() / 100.0);
        Some(match self.goal? {
            AtMost(most) => self.podlab?.median <= most,
            AtMostTimes(times) => ratio? <= times,
            Faster(times) | ShareOf(times) => ratio? >= times,
        })
    }
}

/// The table of what was measured.
pub(crate) fn lines(figures: &Figures) -> Vec<Line> {
    FACTS.iter().flat_map(|fact| lines_of(fact, figures)).collect()
}

fn lines_of(fact: &'static Fact, figures: &Figures) -> Vec<Line> {
    let is_first = FACTS
        .iter()
        .find(|other| other.figure == fact.figure)
        .is_some_and(|it| it.peer == fact.peer);
    let mut before = None;
    let mut lines = Vec::new();
    for size in sizes(fact, figures) {
        let of = |peer| figures.get(fact.figure, peer, size).and_then(Summary::of);
        let missing = |peer| figures.missing.get(&(fact.row, peer, size)).cloned();
        let podlab = of(Peer::Podlab);
        let now = podlab.map(|summary| (size, summary.median));
        let line = Line {
            fact,
            size,
            podlab,
            peer: fact.peer.and_then(of),
            missing: missing(Peer::Podlab).or_else(|| fact.peer.and_then(missing)),
            goal: goal_at(fact, size),
            growth: before
                .filter(|_| is_first)
                .zip(now)
                .map(|(before, now)| growth(before, now))
                // Nothing, or from nothing.
                .filter(|growth| growth.is_normal()),
        };
        let is_for_podlab_alone = match line.goal {
            Some(goal) => matches!(goal, AtMost(_)),
            None => fact.peer.is_none() && fact.goals.is_empty(),
        };
        if is_for_podlab_alone || line.peer.is_some() || line.missing.is_some() {
            before = now.or(before);
            lines.push(line);
        }
    }
    lines
}

fn sizes(fact: &Fact, figures: &Figures) -> Vec<u32> {
    let is_of_fact = |peer: Peer| peer == Peer::Podlab || Some(peer) == fact.peer;
    let missing = figures.missing.keys();
    let missing = missing.filter(|(row, peer, _)| *row == fact.row && is_of_fact(*peer));
    let mut sizes = figures.sizes(fact.figure);
    sizes.extend(missing.map(|(_, _, size)| *size));
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn goal_at(fact: &Fact, size: u32) -> Option<Goal> {
    fact.goals.iter().find_map(|at| match at {
        Each(goal) => Some(*goal),
        Size(only, goal) => (*only == size).then_some(*goal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::key;

    fn measured(values: &[(&str, Peer, u32, f64)]) -> Figures {
        let mut figures = Figures::default();
        for (figure, peer, size, value) in values {
            figures
                .values
                .entry(key(figure, *peer, *size))
                .or_default()
                .push(*value);
        }
        figures
    }

    /// The lines of one figure, beside one peer.
    fn lines_beside(figures: &Figures, figure: &str, peer: Option<Peer>) -> Vec<Line> {
        let all = lines(figures).into_iter();
        all.filter(|line| line.fact.figure == figure && line.fact.peer == peer)
            .collect()
    }

    #[test]
    fn a_floor_may_be_exceeded_by_so_much_and_no_more() {
        for (podlab, met) in [(0.150, true), (0.151, false)] {
            let figures = measured(&[("build", Peer::Podlab, 200, podlab), ("build", Floor, 200, 0.1)]);
            let line = &lines_beside(&figures, "build", Some(Floor))[0];
            assert_eq!(line.met(), Some(met));
            assert!((line.ratio().unwrap() - podlab / 0.1).abs() < 1e-9);
        }
    }

    #[test]
    fn who_is_to_be_faster_is_compared_the_other_way_round() {
        for (podlab, met) in [(0.1, true), (0.11, false)] {
            let figures = measured(&[("build", Peer::Podlab, 200, podlab), ("build", Shell, 200, 0.8)]);
            assert_eq!(lines_beside(&figures, "build", Some(Shell))[0].met(), Some(met));
        }
    }

    #[test]
    fn a_rate_is_a_part_of_the_others_and_judged_as_exactly_as_it_is_shown() {
        for (podlab, met) in [(95.0, true), (94.6, true), (94.4, false)] {
            let figures = measured(&[
                ("connections", Peer::Podlab, 1, podlab),
                ("connections", Direct, 1, 100.0),
            ]);
            assert_eq!(
                lines_beside(&figures, "connections", Some(Direct))[0].met(),
                Some(met)
            );
        }
    }

    #[test]
    fn a_goal_for_one_size_says_nothing_of_others() {
        let at = |size| {
            [
                ("change", Peer::Podlab, size, 0.003),
                ("change", KubeProxyNft, size, 0.1),
            ]
        };
        let figures = measured(&[at(1_000), at(10_000), at(20_000)].concat());
        let met = lines_beside(&figures, "change", Some(KubeProxyNft));
        let met: Vec<_> = met.iter().map(|line| (line.size, line.met())).collect();
        assert_eq!(met, [(1_000, None), (10_000, Some(false)), (20_000, None)]);
    }

    #[test]
    fn without_the_peer_a_goal_beside_it_is_open_and_the_line_says_why() {
        let mut figures = measured(&[("build", Peer::Podlab, 200, 0.1)]);
        figures
            .missing
            .insert(("pods", Mininet, 200), "not installed".into());
        let line = &lines_beside(&figures, "build", Some(Mininet))[0];
        assert_eq!(
            (line.met(), line.missing.as_deref()),
            (None, Some("not installed"))
        );
    }

    #[test]
    fn who_was_not_to_be_measured_at_a_size_has_no_line_there() {
        let figures = measured(&[
            ("connections", Peer::Podlab, 1, 1.0),
            ("connections", Direct, 1, 1.0),
        ]);
        assert!(lines_beside(&figures, "connections", Some(KubeProxyNft)).is_empty());
        assert_eq!(lines_beside(&figures, "connections", Some(Direct)).len(), 1);
    }

    #[test]
    fn growth_is_from_the_size_before_and_told_once() {
        let at = |size, time| [Peer::Podlab, Maps, KubeProxyIptables].map(|peer| ("load", peer, size, time));
        let figures = measured(&[at(1_000, 0.01), at(10_000, 0.1)].concat());
        let growth = |peer| {
            let lines = lines_beside(&figures, "load", Some(peer));
            lines
                .iter()
                .map(|line| line.growth.map(f64::round))
                .collect::<Vec<_>>()
        };
        assert_eq!(growth(Maps), [None, Some(10.0)]);
        assert_eq!(growth(KubeProxyIptables), [None, None]);
    }

    #[test]
    fn every_fact_is_of_a_row() {
        for fact in FACTS {
            assert!(
                crate::rows::ROWS.iter().any(|row| row.id == fact.row),
                "{}",
                fact.row
            );
        }
    }
}
