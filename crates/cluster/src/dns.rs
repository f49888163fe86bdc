//! The cluster's name server: a Service and a Deployment as any other, there from the beginning.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use podlab_api::builtin::{dns_deployment, dns_service};
use podlab_api::object::Object;

/// The domain of the cluster's names.
pub const DOMAIN: &str = "cluster.local";

/// The name server's address: the tenth of the service range, as kubeadm has it. None in a range that is too small for
/// it: a cluster with such a range has no names.
pub fn address(service_cidr: IpNet) -> Option<IpAddr> {
    service_cidr.hosts().nth(9)
}

/// The name server's objects. It answers the cluster's pods, and asks `upstream` for names of other domains.
pub fn objects(service_cidr: IpNet, pod_cidr: IpNet, upstream: Option<Ipv4Addr>) -> Vec<Object> {
    let Some(address) = address(service_cidr) else {
        return Vec::new();
    };
    let mut service = dns_service();
    service.spec.get_or_insert_default().cluster_ip = Some(address.to_string());
    let mut arguments = vec![
        format!("--domain={DOMAIN}"),
        format!("--client={}", pod_cidr.trunc()),
    ];
    arguments.extend(upstream.map(|upstream| format!("--upstream={upstream}")));
    vec![
        Object::Service(service),
        Object::Deployment(dns_deployment(arguments)),
    ]
}
