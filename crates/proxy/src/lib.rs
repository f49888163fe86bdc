//! kube-proxy's room: Services and EndpointSlices become elements of nftables maps.
