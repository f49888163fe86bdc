//! A whole cluster: one control plane, its nodes, and a host outside, in a sandbox of their own.
