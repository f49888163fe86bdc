//! What is measured, row by row. A row says which cases it has; each is measured in a process of its own.

pub(crate) mod connections;
pub(crate) mod control_plane;
pub(crate) mod idle;
pub(crate) mod pods;
pub(crate) mod scenarios;
pub(crate) mod services;
pub(crate) mod throughput;

use crate::Result;
use crate::figures::Peer;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Within five minutes.
    Quick,
    /// Also what takes long.
    Full,
}

/// One kind of work, by podlab and by its peers.
pub(crate) struct Row {
    /// Its name on the command line.
    pub(crate) id: &'static str,
    /// What is to be measured, in the order in which each round goes through it.
    pub(crate) cases: fn(Scale) -> Vec<Case>,
    /// Measures a case, and tells of the figures. Called in a process of its own that has one thread.
    pub(crate) measure: fn(&Case) -> Result<()>,
}

/// One thing to measure.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Whose figures. Several when they can only be compared within one process.
    pub(crate) peers: Vec<Peer>,
    /// How many pods or services.
    pub(crate) size: u32,
    /// How often.
    pub(crate) rounds: u32,
    /// Why it isn't measured, if it isn't.
    pub(crate) left_out: Option<&'static str>,
}

impl Case {
    fn new(peer: Peer, size: u32, rounds: u32) -> Self {
        Self {
            peers: vec![peer],
            size,
            rounds,
            left_out: None,
        }
    }

    fn left_out(peer: Peer, size: u32, why: &'static str) -> Self {
        Self {
            left_out: Some(why),
            ..Self::new(peer, size, 0)
        }
    }
}

const ONLY_IN_FULL: &str = "only in make bench-full";

pub(crate) const ROWS: &[Row] = &[
    pods::ROW,
    services::ROW,
    connections::ROW,
    throughput::ROW,
    scenarios::ROW,
    idle::ROW,
    control_plane::ROW,
];
