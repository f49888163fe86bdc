//! The ports of nodes that pods have taken, as kube-scheduler's filter NodePorts has them.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod;

/// Where a pod takes a port of its node when it doesn't say.
const ANY_ADDRESS: &str = "0.0.0.0";

/// Node, protocol and number.
type Port = (String, String, i32);

/// Which ports are taken, and at which addresses.
#[derive(Debug, Default, PartialEq)]
pub(super) struct HostPorts(HashMap<Port, Vec<String>>);

impl HostPorts {
    pub(super) fn add(&mut self, pod: &Pod, node: &str) {
        for (port, address) in wanted(pod, node) {
            self.0.entry(port).or_default().push(address);
        }
    }

    pub(super) fn remove(&mut self, pod: &Pod, node: &str) {
        for (port, address) in wanted(pod, node) {
            let Some(addresses) = self.0.get_mut(&port) else {
                continue;
            };
            if let Some(index) = addresses.iter().position(|other| *other == address) {
                addresses.swap_remove(index);
            }
            if addresses.is_empty() {
                self.0.remove(&port);
            }
        }
    }

    /// Whether a node has the ports free that a pod wants of it.
    pub(super) fn are_free(&self, pod: &Pod, node: &str) -> bool {
        wanted(pod, node).all(|(port, address)| {
            let mut taken = self.0.get(&port).into_iter().flatten();
            !taken.any(|other| *other == address || other == ANY_ADDRESS || address == ANY_ADDRESS)
        })
    }
}

fn wanted(pod: &Pod, node: &str) -> impl Iterator<Item = (Port, String)> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.filter_map(move |port| {
        let number = port.host_port.filter(|number| *number > 0)?;
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        let address = port.host_ip.clone().filter(|address| !address.is_empty());
        let address = address.unwrap_or_else(|| ANY_ADDRESS.to_owned());
        Some(((node.to_owned(), protocol, number), address))
    })
}
