//! Labels by which Kubernetes' components know each other's objects.

/// Of an EndpointSlice: the name of its service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Of a Node: the name of its zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
