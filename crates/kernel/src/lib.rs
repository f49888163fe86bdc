//! The kernel's own things, typed: network namespaces, conntrack flows, nft transactions.
