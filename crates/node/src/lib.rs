//! What a node does: sandbox, cni, kubelet.
