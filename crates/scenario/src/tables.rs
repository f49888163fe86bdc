//! Pods and services as rows of a table, as `kubectl get` shows them.

use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_control::pods::summary;
use podlab_control::store::{Shared, Store, name_of};

use crate::lookup;
use crate::report::{PodRow, ServiceRow};

/// All pods but the cluster's own, by namespace and name.
pub(crate) fn pods(store: &Store) -> Vec<PodRow> {
    let pods = store.list::<Pod>();
    let users = pods.iter().filter(|pod| !is_clusters_own(&pod.metadata));
    users.map(|pod| pod_row(pod)).collect()
}

/// All services but the cluster's own, by namespace and name.
pub(crate) fn services(store: &Store) -> Vec<ServiceRow> {
    let services = store.list::<Service>();
    let slices = lookup::slices_by_service(store);
    let users = services
        .iter()
        .filter(|service| !is_clusters_own(&service.metadata));
    users
        .map(|service| {
            let slices = slices.get(&name_of(&service.metadata));
            service_row(service, slices.map_or(&[], Vec::as_slice))
        })
        .collect()
}

/// Whether it is there whatever a user has written: the API's service, and all that is of the name server.
fn is_clusters_own(metadata: &ObjectMeta) -> bool {
    let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
    match metadata.namespace.as_deref() {
        Some("default") => metadata.name.as_deref() == Some("kubernetes"),
        Some("kube-system") => label("k8s-app").is_some_and(|app| app == "kube-dns"),
        _ => false,
    }
}

fn pod_row(pod: &Pod) -> PodRow {
    let name = name_of(&pod.metadata);
    let summary = summary(pod);
    let text = |text: Option<&String>| text.map_or_else(|| "<none>".to_owned(), Clone::clone);
    PodRow {
        namespace: name.namespace,
        name: name.name,
        ready: format!("{}/{}", summary.ready, summary.containers),
        status: summary.status,
        restarts: summary.restarts,
        ip: text(pod.status.as_ref().and_then(|status| status.pod_ip.as_ref())),
        node: text(pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref())),
    }
}

fn service_row(service: &Service, slices: &[Shared<EndpointSlice>]) -> ServiceRow {
    let name = name_of(&service.metadata);
    let spec = service.spec.clone().unwrap_or_default();
    let ports: Vec<String> = spec
        .ports
        .iter()
        .flatten()
        .map(|port| format!("{}/{}", port.port, port.protocol.as_deref().unwrap_or("TCP")))
        .collect();
    let endpoints = endpoints(slices);
    let or_none = |texts: Vec<String>| {
        if texts.is_empty() {
            "<none>".to_owned()
        } else {
            texts.join(",")
        }
    };
    ServiceRow {
        namespace: name.namespace,
        name: name.name,
        type_: spec.type_.unwrap_or_else(|| "ClusterIP".to_owned()),
        cluster_ip: spec.cluster_ip.unwrap_or_else(|| "<none>".to_owned()),
        ports: or_none(ports),
        endpoints: or_none(endpoints),
    }
}

/// Address and port of every ready endpoint.
fn endpoints(slices: &[Shared<EndpointSlice>]) -> Vec<String> {
    let mut found = Vec::new();
    for slice in slices {
        for endpoint in &slice.endpoints {
            let conditions = endpoint.conditions.as_ref();
            if conditions.and_then(|conditions| conditions.ready) == Some(false) {
                continue;
            }
            let ports = slice.ports.iter().flatten().filter_map(|port| port.port);
            for port in ports {
                found.extend(
                    endpoint
                        .addresses
                        .iter()
                        .map(|address| format!("{address}:{port}")),
                );
            }
        }
    }
    found.sort();
    found.dedup();
    found
}
