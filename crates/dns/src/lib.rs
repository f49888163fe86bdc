//! CoreDNS's room: the names of a cluster's Services and pods, and the server that answers for them.
//!
//! [`zone`] says what there is (Kubernetes' DNS specification 1.1.0, and where that is silent what CoreDNS's plugin
//! `kubernetes` does); [`responder`] turns a message into its answer. Both are pure. [`server`] reads changes from its
//! standard input in the form of Kubernetes' watches, and has the sockets.

mod feed;
#[cfg(fuzzing)]
pub mod fuzzing;
mod lookup;
mod records;
pub mod responder;
pub mod server;
pub mod zone;

#[cfg(test)]
mod tests;
