//! kube-proxy's room: Services and EndpointSlices become elements of nftables maps.
//!
//! [`plan`] says what the maps should hold, and with it what a change of the cluster changes in them: a
//! [`transaction::Transaction`]. [`agent`] has the kernel do it. The rules themselves never change; they are read and
//! explained in `skeleton.nft`.

mod affinity;
pub mod agent;
mod desired;
pub mod elements;
pub mod pick;
pub mod plan;
mod served;
mod topology;
pub mod transaction;
