//! Containers: what they have twice, and bytes that are none.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::{Container, ContainerPort, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::containers::containers;
use crate::warnings::Warnings;

/// `path` is that of the pod's specification.
pub(super) fn warn(path: &str, spec: &PodSpec, warnings: &mut Warnings) {
    let mut ports = HashMap::new();
    for (path, container) in containers(path, spec) {
        warn_of_resources(&path, container, warnings);
        warn_of_variables(&path, container, warnings);
        for (index, port) in container.ports.iter().flatten().enumerate() {
            warn_of_port(format!("{path}.ports[{index}]"), port, &mut ports, warnings);
        }
    }
}

fn warn_of_resources(path: &str, container: &Container, warnings: &mut Warnings) {
    let Some(resources) = &container.resources else {
        return;
    };
    let mut warn = |field: &str, amounts: &Option<BTreeMap<String, Quantity>>| {
        for resource in ["memory", "ephemeral-storage"] {
            let amount = amounts.as_ref().and_then(|amounts| amounts.get(resource));
            let Some(Quantity(amount)) = amount.filter(|amount| is_fraction(amount)) else {
                continue;
            };
            let path = format!("{path}.resources.{field}[{resource}]");
            let message = format!("fractional byte value {amount:?} is invalid, must be an integer");
            warnings.add(&path, message);
        }
    };
    warn("limits", &resources.limits);
    warn("requests", &resources.requests);
}

/// In thousandths, of which there aren't enough for whole ones: `100m`, where `100M` was meant.
fn is_fraction(amount: &Quantity) -> bool {
    let thousandths = amount.0.strip_suffix('m').map(str::parse::<i64>);
    matches!(thousandths, Some(Ok(number)) if number % 1000 != 0)
}

fn warn_of_variables(path: &str, container: &Container, warnings: &mut Warnings) {
    let mut seen = BTreeSet::new();
    for (index, variable) in container.env.iter().flatten().enumerate() {
        if seen.insert(&variable.name) {
            continue;
        }
        // One that builds on the one before hides nothing.
        let before = format!("$({})", variable.name);
        let value = variable.value.as_deref().unwrap_or_default();
        if variable.value_from.is_some() || value == before || !value.contains(&before) {
            let message = format!(
                "hides previous definition of {:?}, which may be dropped when using apply",
                variable.name
            );
            warnings.add(&format!("{path}.env[{index}]"), message);
        }
    }
}

/// With how many others of its number a port is compared: each may be worth a warning.
const COMPARED: usize = 10;

/// By number and protocol, with their paths.
type Ports<'a> = HashMap<(i32, Option<&'a str>), Vec<(String, &'a ContainerPort)>>;

/// `others` are those before it.
fn warn_of_port<'a>(path: String, port: &'a ContainerPort, others: &mut Ports<'a>, warnings: &mut Warnings) {
    let (host_ip, host_port) = host(port);
    if !host_ip.is_empty() && host_port == 0 {
        let (name, protocol) = (port.name.as_deref(), port.protocol.as_deref());
        let message = format!(
            "hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{} Protocol:{} HostIP:{host_ip}}}",
            name.unwrap_or_default(),
            port.container_port,
            protocol.unwrap_or_default(),
        );
        warnings.add(&path, message);
    }
    let others = others
        .entry((port.container_port, port.protocol.as_deref()))
        .or_default();
    for (other_path, other) in others.iter() {
        let (other_ip, other_port) = host(other);
        let kind = if (host_ip, host_port) == (other_ip, other_port) {
            "duplicate"
        } else if host_port == 0 || other_port == 0 {
            "overlapping"
        } else if host_port == other_port && host_ip.is_empty() != other_ip.is_empty() {
            "dangerously ambiguous"
        } else {
            continue;
        };
        warnings.add(&path, format!("{kind} port definition with {other_path}"));
    }
    if others.len() < COMPARED {
        others.push((path, port));
    }
}

fn host(port: &ContainerPort) -> (&str, i32) {
    (
        port.host_ip.as_deref().unwrap_or_default(),
        port.host_port.unwrap_or(0),
    )
}
