//! The chains that pick one of a service port's endpoints.

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

    /// The command that deletes its chain.
    pub(crate) fn deletion(&self) -> String {
        format!("delete chain ip {TABLE} {}", self.chain())
    }
}

impl fmt::Display for Pick {
    /// The commands that make its chain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (order, generator) = match self.turns {
            Some(_) => ("in turn", "inc"),
            None => ("at random", "random"),
        };
        let text = match self.stay {
            None => include_str!("pick.nft").to_owned(),
            Some(seconds) => include_str!("stay.nft").replace("TIMEOUT", &seconds.to_string()),
        };
        let endpoints = self.endpoints;
        f.write_str(
            &text
                .replace("CHAIN", &self.chain())
                .replace("ORDER", order)
                .replace("GENERATOR", generator)
                .replace("of N endpoints", &format!("of {endpoints} endpoints"))
                .replace("mod N", &format!("mod {endpoints}")),
        )
    }
}
