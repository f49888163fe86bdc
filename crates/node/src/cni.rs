//! The network of nodes and pods: bridges, veth pairs, addresses, routes.
//!
//! A pod has a /32 (or /128) address, and one way out: its default route through its node's bridge, whose ports
//! are isolated from each other. So all of a pod's traffic is routed by its node's IP stack, also that between two
//! pods of one node: conntrack sees both directions of every connection, and nothing depends on `br_netfilter`.

mod addresses;
mod links;
mod node;
mod underlay;

pub use addresses::{AddressPool, PoolExhausted};
pub use node::{NodeNetwork, PodLink};
pub use underlay::{Host, Underlay};

/// The kernel refused a change of the network.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}: {source}")]
pub struct CniError {
    /// What was to be done.
    pub what: String,
    /// What the kernel says.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl CniError {
    fn because<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self {
            what,
            source: source.into(),
        }
    }
}
