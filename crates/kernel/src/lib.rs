//! The kernel's own things, typed: network namespaces, links and routes, nft transactions, conntrack flows.
//!
//! Thin on purpose: what should be is decided elsewhere; here it is made so, or seen.

mod answer;
pub mod conntrack;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod maps;
pub mod netns;
pub mod nft;
pub mod own_thread;
pub mod rtnl;
