//! What a node does: sandbox, cni, kubelet.

pub mod cgroups;
pub mod cni;
pub mod images;
pub mod kubelet;
pub mod mounts;
pub mod privileges;
pub mod process;
pub mod sandbox;
mod seccomp;
mod terminal;
pub mod variables;
