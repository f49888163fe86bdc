//! SPDY/3.1, as far as Kubernetes' clients use it: streams that the client opens, over one connection.
//!
//! Those clients keep no flow control windows, so none are kept here: who reads slowly makes the connection wait.

#[cfg(test)]
pub(crate) mod client;
pub(crate) mod frame;
pub(crate) mod headers;
mod session;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use frame::Frame;
pub(crate) use session::{Opened, carry};
