//! Whose an address is, among the pods.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Pod;
use podlab_api::steps::NamespacedName;
use podlab_control::store::{Store, name_of};
use podlab_kernel::conntrack::Protocol;

use crate::lookup::address;

/// Which pods have which addresses. Those on their node's network share one, and are told apart by the ports that
/// they declare.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    pub(crate) of_address: HashMap<IpAddr, NamespacedName>,
    pub(crate) of_port: HashMap<(Protocol, SocketAddr), NamespacedName>,
}

impl Owners {
    /// Of all addresses that pods have now.
    pub(crate) fn new(store: &Store) -> Self {
        let mut owners = Self::default();
        for pod in store.list::<Pod>() {
            let Some(address) = address(&pod) else { continue };
            let name = name_of(&pod.metadata);
            let ports = node_ports(&pod);
            let ports = ports.map(|(protocol, port)| (protocol, SocketAddr::new(address, port)));
            owners.of_port.extend(ports.map(|port| (port, name.clone())));
            owners.of_address.insert(address, name);
        }
        owners
    }

    /// The pod that answers there; of several that share the address, without a declared port, any.
    pub(crate) fn at(&self, protocol: Protocol, end: SocketAddr) -> Option<&NamespacedName> {
        let by_port = self.of_port.get(&(protocol, end));
        by_port.or_else(|| self.of_address.get(&end.ip()))
    }
}

/// The ports of its node that a pod has declared to be its own.
fn node_ports(pod: &Pod) -> impl Iterator<Item = (Protocol, u16)> {
    let on_node = pod.spec.iter().filter(|spec| spec.host_network == Some(true));
    let containers = on_node.flat_map(|spec| &spec.containers);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(|port| {
        let protocol = match port.protocol.as_deref() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some(_) => return None,
        };
        Some((protocol, u16::try_from(port.container_port).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_that_share_an_address_have_their_ports() {
        let store = Store::new(Arc::new(|| Time(Timestamp::UNIX_EPOCH)));
        for (name, ip, on_node, port, protocol) in [
            ("web", "10.244.0.2", false, 80, "TCP"),
            ("agent", "172.18.0.2", true, 9100, "TCP"),
            ("proxy", "172.18.0.2", true, 80, "TCP"),
            ("quic", "172.18.0.2", true, 80, "UDP"),
        ] {
            let container = json!({"name": name, "ports": [{"containerPort": port, "protocol": protocol}]});
            let pod = json!({
                "metadata": {"namespace": "default", "name": name},
                "spec": {"hostNetwork": on_node, "containers": [container]},
                "status": {"podIP": ip},
            });
            store.create(serde_json::from_value::<Pod>(pod).unwrap()).unwrap();
        }
        let owners = Owners::new(&store);
        for (protocol, end, owner) in [
            (Protocol::Tcp, "10.244.0.2:80", Some("web")),
            (Protocol::Tcp, "10.244.0.2:8080", Some("web")),
            (Protocol::Tcp, "172.18.0.2:80", Some("proxy")),
            (Protocol::Udp, "172.18.0.2:80", Some("quic")),
            (Protocol::Tcp, "172.18.0.2:9100", Some("agent")),
            (Protocol::Tcp, "10.244.0.3:80", None),
        ] {
            let found = owners
                .at(protocol, end.parse().unwrap())
                .map(|pod| pod.name.as_str());
            assert_eq!(found, owner, "{protocol} {end}");
        }
    }
}
