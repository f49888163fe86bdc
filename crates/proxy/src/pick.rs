//! The chains that pick one of a service port's endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::elements::{Frontend, TABLE};

/// How a service port picks, and with it which chain does so. Services that pick alike share a chain, but for those
/// that take turns: the turn is counted by the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pick {
    /// Of how many endpoints, at least 1.
    pub endpoints: usize,
    /// Strictly one after another, for this service port alone; otherwise at random.
    pub turns: Option<Frontend>,
    /// A client stays with its endpoint until this many seconds after its last connection.
    pub stay: Option<u32>,
}

/// A chain that picks, and the number by which `picks` leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain {
    /// The number of endpoints, for services without wishes of their own; others begin above all of these.
    pub number: u32,
    /// How it picks.
    pub pick: Pick,
}

impl Chain {
    /// The commands that delete it.
    pub(crate) fn deletion(&self) -> String {
        let Self { number, pick } = self;
        format!(
            "delete element ip {TABLE} picks {{ {number} }}\ndelete chain ip {TABLE} {}\n",
            pick.chain()
        )
    }
}

/// Numbers of chains begin here, for those whose number isn't that of their endpoints.
const FIRST_OTHER: u32 = 1 << 16;

/// The chains that there are.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    numbers: BTreeMap<Pick, u32>,
    others: u32,
    new: BTreeSet<Chain>,
}

impl Chains {
    /// The chain that picks like this; a new one if there is none yet.
    pub(crate) fn that_does(&mut self, pick: Pick) -> Chain {
        if let Some(&number) = self.numbers.get(&pick) {
            return Chain { number, pick };
        }
        let number = match (pick.turns, pick.stay, u32::try_from(pick.endpoints)) {
            (None, None, Ok(endpoints)) if endpoints < FIRST_OTHER => endpoints,
            _ => {
                self.others = self.others.wrapping_add(1) % (u32::MAX - FIRST_OTHER);
                FIRST_OTHER + self.others
            }
        };
        self.numbers.insert(pick, number);
        let chain = Chain { number, pick };
        self.new.insert(chain);
        chain
    }

    /// Those that have come since this was last asked.
    pub(crate) fn take_new(&mut self) -> BTreeSet<Chain> {
        std::mem::take(&mut self.new)
    }

    pub(crate) fn remove(&mut self, chain: Chain) {
        self.numbers.remove(&chain.pick);
    }
}

impl Pick {
    /// The name of its chain: `pick-3`, `pick-3-stay-10800`, `pick-3-turns-10.96.0.10-tcp-80`.
    pub fn chain(&self) -> String {
        let mut name = format!("pick-{}", self.endpoints);
        if let Some(Frontend {
            address,
            protocol,
            port,
        }) = self.turns
        {
            name += &format!("-turns-{address}-{protocol}-{port}");
        }
        if let Some(seconds) = self.stay {
            name += &format!("-stay-{seconds}");
        }
        name
    }
}

impl fmt::Display for Chain {
    /// The commands that make it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, pick } = self;
        let (order, generator) = match pick.turns {
            Some(_) => ("in turn", "inc"),
            None => ("at random", "random"),
        };
        let text = match pick.stay {
            None => include_str!("pick.nft").to_owned(),
            Some(seconds) => include_str!("stay.nft").replace("TIMEOUT", &seconds.to_string()),
        };
        let endpoints = pick.endpoints;
        f.write_str(
            &text
                .replace("CHAIN", &pick.chain())
                .replace("NUMBER", &number.to_string())
                .replace("ORDER", order)
                .replace("GENERATOR", generator)
                .replace("of N endpoints", &format!("of {endpoints} endpoints"))
                .replace("mod N", &format!("mod {endpoints}")),
        )
    }
}
