//! The Kubernetes API over HTTPS.

mod api;
mod apply;
pub mod authn;
mod channels;
mod deletion;
mod discovery;
mod documents;
mod failure;
mod fields;
#[cfg(fuzzing)]
pub mod fuzzing;
mod golang;
pub mod in_process;
pub mod kubeconfig;
pub mod listen;
mod log;
#[cfg(test)]
mod loopback;
mod managed;
mod negotiate;
mod openapi;
mod options;
mod patch;
mod patch_type;
mod path;
pub mod pki;
mod pods;
mod port_forward;
mod protobuf;
mod query;
mod read;
mod remote_command;
mod render;
mod resources;
mod scale;
pub mod schema;
mod server;
mod spdy;
mod status;
mod stream;
mod structure;
pub mod table;
mod tls;
mod upgrade;
mod watch;
mod write;

pub use server::router;
