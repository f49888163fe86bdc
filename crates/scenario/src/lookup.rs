//! Finds in a cluster what a scenario names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use podlab_api::labels::SERVICE_NAME;
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::scenario::PortSpec;
use podlab_api::selector::LabelSelector;
use podlab_api::steps::{NamespacedName, PodRef, Records};
use podlab_control::pods::{is_ready, is_terminating};
use podlab_control::store::{Shared, Store};
use podlab_kernel::conntrack::Protocol;

use crate::Obstacle;

/// An object by kind and name.
pub(crate) fn find<T: Resource>(store: &Store, name: &NamespacedName) -> Result<Shared<T>, Obstacle> {
    store.get(name).ok_or_else(|| Obstacle::NotFound {
        kind: T::KIND,
        name: name.clone(),
    })
}

/// The objects of a kind that a selector selects, by name.
pub(crate) fn selected(
    store: &Store,
    kind: Kind,
    namespace: &str,
    selector: &LabelSelector,
) -> Vec<Arc<Object>> {
    let unlabelled = BTreeMap::new();
    let mut objects = store.list_objects(kind);
    objects.retain(|object| {
        let metadata = object.metadata();
        let labels = metadata.labels.as_ref().unwrap_or(&unlabelled);
        metadata.namespace.as_deref().unwrap_or_default() == namespace && selector.matches(labels)
    });
    objects
}

/// The pods that a reference stands for, ready or not, by name.
pub(crate) fn pods(store: &Store, which: &PodRef) -> Result<Vec<Shared<Pod>>, Obstacle> {
    match which {
        PodRef::Pod(name) => Ok(vec![find(store, name)?]),
        PodRef::Deployment(name) => {
            let deployment: Shared<Deployment> = find(store, name)?;
            let owned = store.list_in::<ReplicaSet>(&name.namespace);
            let sets: Vec<_> = owned
                .iter()
                .filter(|set| is_owned_by::<ReplicaSet>(set, deployment.metadata.uid.as_deref()))
                .map(|set| set.metadata.uid.as_deref())
                .collect();
            let mut pods = store.list_in::<Pod>(&name.namespace);
            pods.retain(|pod| sets.iter().any(|set| is_owned_by::<Pod>(pod, *set)));
            Ok(pods)
        }
    }
}

fn is_owned_by<T: Resource>(object: &T, uid: Option<&str>) -> bool {
    let owners = object.metadata().owner_references.iter().flatten();
    uid.is_some_and(|uid| owners.into_iter().any(|owner| owner.uid == uid))
}

/// The pods that can send or answer: the named one, or a deployment's ready ones.
pub(crate) fn able_pods(store: &Store, which: &PodRef) -> Result<Vec<Shared<Pod>>, Obstacle> {
    let mut pods = pods(store, which)?;
    if let PodRef::Deployment(name) = which {
        pods.retain(|pod| is_ready(pod) && !is_terminating(pod));
        if pods.is_empty() {
            return Err(Obstacle::NoReadyPod(name.clone()));
        }
    }
    Ok(pods)
}

/// The pod's address, once it has one.
pub(crate) fn address(pod: &Pod) -> Option<IpAddr> {
    pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()
}

/// The ClusterIP of a service, and the number of one of its ports: the named one, or its first of the protocol.
pub(crate) fn cluster_ip(
    store: &Store,
    name: &NamespacedName,
    port: Option<&PortSpec>,
    protocol: Protocol,
) -> Result<SocketAddr, Obstacle> {
    let protocol = protocol.to_string().to_ascii_uppercase();
    let service: Shared<Service> = find(store, name)?;
    let spec = service.spec.clone().unwrap_or_default();
    let ip = spec.cluster_ip.and_then(|ip| ip.parse().ok());
    let ip = ip.ok_or_else(|| Obstacle::NoAddress(format!("service \"{name}\"")))?;
    let ports = spec.ports.iter().flatten();
    let number = match port {
        Some(PortSpec::Number(number)) => Some(*number),
        Some(PortSpec::Name(port)) => ports
            .into_iter()
            .find(|other| other.name.as_ref() == Some(port))
            .and_then(|port| port.port.try_into().ok()),
        None => ports
            .into_iter()
            .find(|port| port.protocol.as_deref().unwrap_or("TCP") == protocol)
            .and_then(|port| port.port.try_into().ok()),
    };
    let number = number.ok_or_else(|| Obstacle::NoPort {
        service: name.clone(),
        port: match port {
            Some(PortSpec::Name(name)) => format!("\"{name}\""),
            _ => format!("of protocol {protocol}"),
        },
    })?;
    Ok(SocketAddr::new(ip, number))
}

/// The texts of records that a name server must give.
pub(crate) fn records(store: &Store, wanted: &[Records]) -> Result<BTreeSet<String>, Obstacle> {
    let mut texts = BTreeSet::new();
    for records in wanted {
        match records {
            Records::Text(text) => drop(texts.insert(text.clone())),
            Records::Service(name) => {
                let service: Shared<Service> = find(store, name)?;
                let address = service.spec.as_ref().and_then(|spec| spec.cluster_ip.clone());
                let address = address.filter(|address| address != "None");
                let nothing = || Obstacle::NoAddress(format!("service \"{name}\""));
                texts.insert(address.ok_or_else(nothing)?);
            }
            Records::Pods(which) => {
                let pods = able_pods(store, which)?;
                texts.extend(pods.iter().filter_map(|pod| Some(address(pod)?.to_string())));
            }
        }
    }
    Ok(texts)
}

/// The slices of all services.
pub(crate) fn slices_by_service(store: &Store) -> BTreeMap<NamespacedName, Vec<Shared<EndpointSlice>>> {
    let mut by_service = BTreeMap::<_, Vec<_>>::new();
    for slice in store.list::<EndpointSlice>() {
        let labels = slice.metadata.labels.as_ref();
        if let Some(service) = labels.and_then(|labels| labels.get(SERVICE_NAME)) {
            let service = NamespacedName {
                namespace: slice.metadata.namespace.clone().unwrap_or_default(),
                name: service.clone(),
            };
            by_service.entry(service).or_default().push(slice);
        }
    }
    by_service
}

/// The slices of a service.
pub(crate) fn slices(store: &Store, service: &NamespacedName) -> Vec<Shared<EndpointSlice>> {
    let mut slices = store.list_in::<EndpointSlice>(&service.namespace);
    slices.retain(|slice| {
        let labels = slice.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(SERVICE_NAME)) == Some(&service.name)
    });
    slices
}

/// The pods that answer for a service now: its ready endpoints.
pub(crate) fn endpoints(store: &Store, service: &NamespacedName) -> Vec<NamespacedName> {
    let mut pods: Vec<NamespacedName> = slices(store, service)
        .iter()
        .flat_map(|slice| slice.endpoints.clone())
        .filter(|endpoint| {
            let conditions = endpoint.conditions.as_ref();
            conditions.and_then(|conditions| conditions.ready).unwrap_or(true)
        })
        .filter_map(|endpoint| {
            let target = endpoint.target_ref?;
            Some(NamespacedName {
                namespace: target.namespace.unwrap_or_default(),
                name: target.name?,
            })
        })
        .collect();
    pods.sort();
    pods.dedup();
    pods
}

/// The addresses that nodes masquerade to: their own, and those of their bridges.
pub(crate) fn node_addresses(store: &Store) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    for node in store.list::<Node>() {
        let addresses = node
            .status
            .iter()
            .flat_map(|status| status.addresses.iter().flatten());
        found.extend(
            addresses
                .into_iter()
                .filter_map(|address| address.address.parse::<IpAddr>().ok()),
        );
        let range = node.spec.as_ref().and_then(|spec| spec.pod_cidr.as_ref());
        let range = range.and_then(|range| range.parse::<IpNet>().ok());
        found.extend(range.and_then(|range| range.hosts().next()));
    }
    found
}

/// What a scenario calls an object: `service/shop/orders`, without the default namespace.
pub(crate) fn called(kind: Kind, name: &NamespacedName) -> String {
    let kind = kind.as_str().to_ascii_lowercase();
    match name.namespace.as_str() {
        "" | "default" => format!("{kind}/{}", name.name),
        namespace => format!("{kind}/{namespace}/{}", name.name),
    }
}
