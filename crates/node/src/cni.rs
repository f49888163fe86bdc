//! The network of nodes and pods: bridges, veth pairs, addresses, routes.
//!
//! A pod has a /32 (or /128) address, and one way out: its default route through its node's bridge, whose ports
//! are isolated from each other. So all of a pod's traffic is routed by its node's IP stack, also that between two
//! pods of one node: conntrack sees both directions of every connection, and nothing depends on `br_netfilter`.

mod addresses;
mod leaving;
pub mod links;
mod node;
mod rules;
mod sysctl;
mod underlay;

use std::error::Error;
use std::sync::Arc;

use podlab_kernel::rtnl::Refused;

pub use addresses::{AddressPool, PoolExhausted};
pub use node::{NodeNetwork, PodLink};
pub use underlay::{Host, Underlay};

/// The kernel refused a change of the network.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {what}: {source}")]
pub struct CniError {
    /// What was to be done.
    pub what: String,
    /// What the kernel says.
    pub source: Arc<dyn Error + Send + Sync>,
}

impl CniError {
    fn because<E: Into<Box<dyn Error + Send + Sync>>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self {
            what,
            source: source.into().into(),
        }
    }
}

impl From<Refused> for CniError {
    fn from(refused: Refused) -> Self {
        Self::because(refused.what)(refused.source)
    }
}
