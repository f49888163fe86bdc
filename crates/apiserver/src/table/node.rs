//! Nodes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;

use super::text::{age, given, name, or_none};
use super::{AGE, Cell, Column, NAME, Printed, cells};

impl Printed for Node {
    const COLUMNS: &'static [Column] = &[
        NAME,
        Column::text("Status", "Whether the node is ready, and takes new pods."),
        Column::text("Roles", "What the node is for, by its labels."),
        AGE,
        Column::text("Version", "The version of the node's kubelet."),
        Column::text("Internal-IP", "The node's address in the cluster.").wide(),
        Column::text("External-IP", "The node's address outside of the cluster.").wide(),
        Column::text("OS-Image", "The node's operating system.").wide(),
        Column::text("Kernel-Version", "The node's kernel.").wide(),
        Column::text("Container-Runtime", "What runs the node's containers.").wide(),
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell<'_>> {
        let info = self.status.as_ref().and_then(|status| status.node_info.as_ref());
        cells![
            name(&self.metadata),
            status(self),
            roles(self),
            age(&self.metadata, now),
            given(info.map(|info| info.kubelet_version.as_str()), ""),
            ip(self, "InternalIP"),
            ip(self, "ExternalIP"),
            given(info.map(|info| info.os_image.as_str()), "<unknown>"),
            given(info.map(|info| info.kernel_version.as_str()), "<unknown>"),
            given(
                info.map(|info| info.container_runtime_version.as_str()),
                "<unknown>"
            ),
        ]
    }
}

/// `Ready`, `NotReady,SchedulingDisabled`
fn status(node: &Node) -> String {
    let mut conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let ready = match conditions.find(|condition| condition.type_ == "Ready") {
        Some(condition) if condition.status == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
    format!("{ready}{}", if cordoned { ",SchedulingDisabled" } else { "" })
}

fn roles(node: &Node) -> String {
    let labels = node.metadata.labels.iter().flatten();
    let roles = labels.filter_map(
        |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role),
            None => (key == "kubernetes.io/role").then_some(value.as_str()),
        },
    );
    let roles: BTreeSet<&str> = roles.filter(|role| !role.is_empty()).collect();
    or_none(roles.into_iter().collect::<Vec<&str>>().join(","))
}

fn ip<'a>(node: &'a Node, type_: &str) -> &'a str {
    let mut addresses = node
        .status
        .iter()
        .flat_map(|status| status.addresses.iter().flatten());
    let address = addresses.find(|address| address.type_ == type_);
    address.map_or("<none>", |address| address.address.as_str())
}
