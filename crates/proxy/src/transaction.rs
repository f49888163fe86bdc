//! Changes of what the maps hold, and of the chains that they lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use podlab_kernel::conntrack::{Flow, Protocol};
use podlab_kernel::maps::Change;

use crate::elements::{Element, Frontend};
use crate::pick::Chain;

/// A change that the kernel makes as a whole or not at all. Its text form is the nft commands that it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The chains to be made, before anything else.
    pub add_chains: BTreeSet<Chain>,
    /// What is to be deleted, before anything is added; in order.
    pub delete: Vec<Element>,
    /// What is to be added; in order.
    pub add: Vec<Element>,
    /// The chains to be deleted, when nothing leads there any more.
    pub delete_chains: BTreeSet<Chain>,
    /// After that: where clients don't stay with their endpoints any longer. What they remember is forgotten.
    pub forgotten: BTreeSet<Frontend>,
    /// After that: the UDP services that have lost somebody who served, or got their first endpoint, with those who
    /// serve now. Clients would go on sending to whom conntrack remembers.
    pub udp: BTreeMap<SocketAddr, BTreeSet<SocketAddr>>,
}

impl Transaction {
    /// Whether a flow is to be forgotten: one to a service, with somebody who doesn't serve it any more.
    pub fn makes_stale(&self, flow: &Flow) -> bool {
        flow.protocol == Protocol::Udp
            && self
                .udp
                .get(&flow.original.destination)
                .is_some_and(|serving| !serving.contains(&flow.reply.source))
    }

    /// Of a transaction that holds all there is: whether a flow is to a service that isn't there any more.
    pub fn knows_nothing_of(&self, flow: &Flow) -> bool {
        flow.protocol == Protocol::Udp
            && flow.original.destination != flow.reply.source
            && !self.udp.contains_key(&flow.original.destination)
    }

    /// What nft has to do before [`Self::changes`]: new chains, and ranges of ClusterIPs, which are intervals.
    pub fn rules_before(&self) -> String {
        let mut text = String::new();
        let is_range = |element: &&Element| matches!(element, Element::ServiceRange { .. });
        let (gone, new) = (
            self.delete.iter().filter(is_range),
            self.add.iter().filter(is_range),
        );
        text.extend(self.add_chains.iter().map(Chain::to_string));
        text.extend(gone.map(Element::deletion));
        text.extend(new.map(Element::addition));
        text
    }

    /// What nft has to do after [`Self::changes`]: the chains that nothing leads to any more go.
    pub fn rules_after(&self) -> String {
        self.delete_chains.iter().map(Chain::deletion).collect()
    }

    /// The changes of elements in maps and sets. Their order is such that services work after each of them: endpoints
    /// come before what leads to them, and go after it.
    pub fn changes(&self) -> Vec<(&'static str, Change)> {
        let mut phases: [Vec<_>; Phase::Gone as usize + 1] = Default::default();
        let mut put = |element: &Element, change| {
            // Ranges are nft's.
            if !matches!(element, Element::ServiceRange { .. }) {
                phases[Phase::of(element, &change) as usize].push((element.map(), change));
            }
        };
        let mut deleted = self.delete.iter().peekable();
        for element in &self.add {
            while let Some(gone) = deleted.next_if(|gone| gone.key() < element.key()) {
                put(gone, Change::Delete(gone.key().fields()));
            }
            let is_replaced = deleted.next_if(|gone| gone.key() == element.key()).is_some();
            let change = if is_replaced { Change::Replace } else { Change::Add };
            put(element, change(element.content()));
        }
        deleted.for_each(|gone| put(gone, Change::Delete(gone.key().fields())));
        phases.into_iter().flatten().collect()
    }
}

/// When a change of an element takes its turn.
#[derive(Debug, Clone, Copy)]
enum Phase {
    New,
    Replaced,
    Services,
    NoServices,
    Gone,
}

impl Phase {
    fn of(element: &Element, change: &Change) -> Self {
        match (element, change) {
            (Element::ServiceIp { .. }, Change::Delete(_)) => Self::NoServices,
            (Element::ServiceIp { .. }, _) => Self::Services,
            (_, Change::Add(_)) => Self::New,
            (_, Change::Replace(_)) => Self::Replaced,
            (_, Change::Delete(_)) => Self::Gone,
        }
    }
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chain in &self.add_chains {
            write!(f, "{chain}")?;
        }
        self.delete
            .iter()
            .try_for_each(|element| f.write_str(&element.deletion()))?;
        self.add
            .iter()
            .try_for_each(|element| f.write_str(&element.addition()))?;
        self.delete_chains
            .iter()
            .try_for_each(|chain| f.write_str(&chain.deletion()))?;
        for frontend in &self.forgotten {
            writeln!(
                f,
                "# clients of {frontend} don't stay with their endpoints any longer"
            )?;
        }
        for (service, serving) in &self.udp {
            let serving: Vec<_> = serving.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "# UDP flows to {service} with others than [{}] are forgotten",
                serving.join(", ")
            )?;
        }
        Ok(())
    }
}
