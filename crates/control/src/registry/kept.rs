//! What an update leaves as it is though it doesn't say so: what the cluster has given, and what only the old type had.

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort, ServiceSpec};
use podlab_api::object::Object;

/// Expects both with their defaults filled in.
pub(super) fn keep(new: &mut Object, stored: &Object) {
    match (new, stored) {
        (Object::Pod(new), Object::Pod(stored)) => keep_node(new, stored),
        (Object::Service(new), Object::Service(stored)) => keep_in_service(new, stored),
        _ => {}
    }
}

pub(super) fn keep_node(new: &mut Pod, stored: &Pod) {
    let node = stored.spec.as_ref().and_then(|spec| spec.node_name.clone());
    if let Some(spec) = &mut new.spec
        && spec.node_name.is_none()
    {
        spec.node_name = node;
    }
}

fn keep_in_service(new: &mut Service, stored: &Service) {
    let (Some(new), Some(stored)) = (&mut new.spec, &stored.spec) else {
        return;
    };
    keep_given(new, stored);
    drop_unneeded(new, stored);
}

/// Addresses and ports that the cluster has given.
fn keep_given(new: &mut ServiceSpec, stored: &ServiceSpec) {
    if has_address(new) && has_address(stored) {
        if new.cluster_ip.as_deref().is_none_or(str::is_empty) {
            new.cluster_ip.clone_from(&stored.cluster_ip);
        }
        // Whoever changes the one means the first of the others.
        if new.cluster_ips == stored.cluster_ips && new.cluster_ip != stored.cluster_ip {
            new.cluster_ips = new.cluster_ip.clone().map(|address| vec![address]);
        }
        if new.cluster_ips.as_ref().is_none_or(Vec::is_empty) && new.cluster_ip == stored.cluster_ip {
            new.cluster_ips.clone_from(&stored.cluster_ips);
        }
    }
    if has_node_ports(new) && has_node_ports(stored) {
        let given = |port: &ServicePort| {
            let mut ports = stored.ports.iter().flatten();
            ports
                .find(|other| (other.port, &other.protocol) == (port.port, &port.protocol))?
                .node_port
        };
        for port in new.ports.iter_mut().flatten() {
            port.node_port = port
                .node_port
                .filter(|number| *number != 0)
                .or_else(|| given(port));
        }
    }
    if is_checked(new) && is_checked(stored) && new.health_check_node_port.is_none() {
        new.health_check_node_port = stored.health_check_node_port;
    }
}

/// What the new type has no use for, if it only repeats what was there.
fn drop_unneeded(new: &mut ServiceSpec, stored: &ServiceSpec) {
    if has_address(stored) && !has_address(new) {
        if new.cluster_ips == stored.cluster_ips {
            new.cluster_ip = None;
            new.cluster_ips = None;
        }
        drop_repeated(&mut new.ip_families, &stored.ip_families);
        drop_repeated(&mut new.ip_family_policy, &stored.ip_family_policy);
    }
    if has_node_ports(stored) && !has_node_ports(new) && node_ports(new) == node_ports(stored) {
        new.ports
            .iter_mut()
            .flatten()
            .for_each(|port| port.node_port = None);
    }
    if is_checked(stored) && !is_checked(new) {
        drop_repeated(&mut new.health_check_node_port, &stored.health_check_node_port);
    }
    if is_load_balancer(stored) && !is_load_balancer(new) {
        drop_repeated(
            &mut new.allocate_load_balancer_node_ports,
            &stored.allocate_load_balancer_node_ports,
        );
        drop_repeated(&mut new.load_balancer_class, &stored.load_balancer_class);
    }
    if has_node_ports(stored) && !has_node_ports(new) && new.external_ips.iter().flatten().count() == 0 {
        drop_repeated(&mut new.external_traffic_policy, &stored.external_traffic_policy);
    }
}

fn drop_repeated<T: PartialEq>(field: &mut Option<T>, stored: &Option<T>) {
    if field == stored {
        *field = None;
    }
}

fn node_ports(spec: &ServiceSpec) -> Vec<Option<i32>> {
    spec.ports.iter().flatten().map(|port| port.node_port).collect()
}

fn has_address(spec: &ServiceSpec) -> bool {
    spec.type_.as_deref() != Some("ExternalName")
}

fn has_node_ports(spec: &ServiceSpec) -> bool {
    matches!(spec.type_.as_deref(), Some("NodePort" | "LoadBalancer"))
}

fn is_load_balancer(spec: &ServiceSpec) -> bool {
    spec.type_.as_deref() == Some("LoadBalancer")
}

fn is_checked(spec: &ServiceSpec) -> bool {
    is_load_balancer(spec) && spec.external_traffic_policy.as_deref() == Some("Local")
}
