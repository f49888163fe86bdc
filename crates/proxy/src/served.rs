//! What the maps hold for one port of a service, and what a change of it changes there.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::desired::{Answer, Balancing, Port};
use crate::elements::{Element, Frontend, Verdict};
use crate::pick::{Chains, Pick};

/// Identities begin above all slots.
const FIRST_IDENTITY: u32 = 1 << 16;

/// A port of a service, as the maps have it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ServedPort {
    /// `NAMESPACE/NAME:PORT`
    name: String,
    balancing: Balancing,
    /// Whether the endpoints are other nodes' alone.
    silent: bool,
    slots: Vec<Slot>,
    /// Whom UDP clients may stay with: those of the slots, and more; in order.
    serving: Vec<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    endpoint: SocketAddr,
    /// With session affinity only: no other endpoint ever has the same.
    identity: Option<u32>,
}

/// Gives out identities.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    given: u32,
}

impl Identities {
    fn next(&mut self) -> u32 {
        // After four thousand million endpoints, the first ones have been gone for long enough.
        self.given = self.given.wrapping_add(1) % (u32::MAX - FIRST_IDENTITY);
        FIRST_IDENTITY + self.given
    }
}

impl ServedPort {
    /// What follows after `self`: who stays an endpoint keeps slot and identity.
    pub(crate) fn next(&self, name: String, port: Port, identities: &mut Identities) -> Self {
        let (silent, endpoints) = match port.answer {
            Answer::By(endpoints) => (false, endpoints),
            Answer::Silence => (true, Vec::new()),
        };
        let old: Vec<_> = self.endpoints().collect();
        let identity_of = |endpoint: &SocketAddr| {
            let old = self.slots.iter().find(|slot| slot.endpoint == *endpoint);
            old.and_then(|slot| slot.identity)
        };
        let slot = |endpoint: SocketAddr| Slot {
            endpoint,
            identity: port
                .balancing
                .stay
                .map(|_| identity_of(&endpoint).unwrap_or_else(|| identities.next())),
        };
        Self {
            name,
            balancing: port.balancing,
            silent,
            slots: assign(&old, endpoints).into_iter().map(slot).collect(),
            serving: port.serving,
        }
    }

    pub(crate) fn endpoints(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.slots.iter().map(|slot| slot.endpoint)
    }

    /// Whether UDP flows to `old` may now be with somebody who doesn't serve any more, or with nobody.
    pub(crate) fn makes_flows_stale(&self, old: &Self) -> bool {
        let has_first = old.slots.is_empty() && !self.slots.is_empty();
        let still_serves = |it| self.serving.binary_search(it).is_ok();
        has_first || !old.serving.iter().all(still_serves)
    }

    /// Whom UDP clients may stay with.
    pub(crate) fn serving(&self) -> BTreeSet<SocketAddr> {
        self.serving.iter().copied().collect()
    }

    /// Whether clients stay with their endpoints.
    pub(crate) fn has_affinity(&self) -> bool {
        self.balancing.stay.is_some()
    }

    /// What the maps hold for it, in order.
    pub(crate) fn elements(&self, frontend: Frontend, chains: &mut Chains) -> Vec<Element> {
        let mut elements = Vec::with_capacity(1 + 2 * self.slots.len());
        if let Some(verdict) = self.verdict(frontend, chains) {
            let name = self.name.clone();
            elements.push(Element::ServiceIp {
                frontend,
                verdict,
                name,
            });
        }
        for (slot, Slot { endpoint, identity }) in (0..).zip(&self.slots) {
            elements.push(Element::Endpoint {
                frontend,
                number: identity.unwrap_or(slot),
                endpoint: *endpoint,
            });
            elements.extend(identity.map(|identity| Element::Identity {
                frontend,
                slot,
                identity,
            }));
        }
        elements.sort_unstable();
        elements
    }

    /// None: connections are refused.
    fn verdict(&self, frontend: Frontend, chains: &mut Chains) -> Option<Verdict> {
        if self.silent {
            return Some(Verdict::Drop);
        }
        (!self.slots.is_empty()).then(|| {
            Verdict::Pick(chains.that_does(Pick {
                endpoints: self.slots.len(),
                turns: self.balancing.turns.then_some(frontend),
                stay: self.balancing.stay,
            }))
        })
    }
}

/// Keeps as many endpoints as possible in their slots: who is new goes where somebody left, and when there are
/// more that left, the last slots move into the gaps.
fn assign(old: &[SocketAddr], endpoints: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if old.is_empty() {
        return endpoints;
    }
    let mut endpoints: BTreeSet<_> = endpoints.into_iter().collect();
    let mut slots: Vec<_> = old.iter().map(|endpoint| endpoints.take(endpoint)).collect();
    let mut new = endpoints.into_iter();
    for slot in slots.iter_mut().filter(|slot| slot.is_none()) {
        *slot = new.next();
    }
    slots.extend(new.map(Some));
    while let Some(gap) = slots.iter().position(Option::is_none) {
        slots.swap_remove(gap);
    }
    slots.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
