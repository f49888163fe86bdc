//! The addresses of a band, as indices from 0 on: any of them that is free, at the same cost in any state.

use std::collections::{BTreeMap, HashMap};

/// Which indices are free: those that were never taken, and those that were given back, in that order.
///
/// The former are the first `fresh` ones of a permutation of all indices, of which only what has moved is kept.
#[derive(Debug, Default)]
pub(super) struct Band {
    size: u32,
    fresh: u32,
    at: HashMap<u32, u32>,
    place_of: HashMap<u32, u32>,
    /// By when they were given back.
    resting: BTreeMap<u64, u32>,
    rests_since: HashMap<u32, u64>,
    releases: u64,
}

impl Band {
    pub(super) fn new(size: u32) -> Self {
        Self {
            size,
            fresh: size,
            ..Self::default()
        }
    }

    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// A random index that was never taken; without any, the one that was given back first.
    pub(super) fn any(&self) -> Option<u32> {
        if self.fresh > 0 {
            return Some(self.at(rand::random_range(0..self.fresh)));
        }
        self.resting.first_key_value().map(|(_, index)| *index)
    }

    pub(super) fn take(&mut self, index: u32) {
        if let Some(since) = self.rests_since.remove(&index) {
            self.resting.remove(&since);
            return;
        }
        let place = self.place_of.get(&index).copied().unwrap_or(index);
        if place >= self.fresh {
            return;
        }
        self.fresh -= 1;
        let last = self.at(self.fresh);
        self.put(last, place);
        self.put(index, self.fresh);
    }

    pub(super) fn release(&mut self, index: u32) {
        self.releases += 1;
        self.resting.insert(self.releases, index);
        self.rests_since.insert(index, self.releases);
    }

    fn at(&self, place: u32) -> u32 {
        self.at.get(&place).copied().unwrap_or(place)
    }

    fn put(&mut self, index: u32, place: u32) {
        self.at.insert(place, index);
        self.place_of.insert(index, place);
    }
}
