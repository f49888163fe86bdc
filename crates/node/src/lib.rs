//! What a node does: sandbox, cni, kubelet.

pub mod kubelet;
