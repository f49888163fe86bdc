//! What a cluster's names stand for, kept up with its objects.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use hickory_proto::rr::Name;
use k8s_openapi::api::core::v1::{Namespace, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The label of an EndpointSlice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The service that the name server itself is behind.
pub(crate) const OWN_SERVICE: (&str, &str) = ("kube-system", "kube-dns");

/// The names of a cluster. The work of a change is that of the service which it concerns.
#[derive(Debug)]
pub struct Zone {
    domain: Name,
    /// Counts the changes, as the zone's SOA record does.
    serial: u32,
    namespaces: HashMap<String, Members>,
    /// The service that a slice, by its namespace and name, is of.
    homes: HashMap<(String, String), String>,
    reverse: HashMap<IpAddr, BTreeSet<ReverseName>>,
}

/// A namespace; its services may be known before it, and after it.
#[derive(Debug, Default)]
struct Members {
    is_there: bool,
    services: HashMap<String, Known>,
}

/// A service, its slices, and the names that follow from both.
#[derive(Debug, Default)]
struct Known {
    service: Option<ServiceRecord>,
    slices: BTreeMap<String, Vec<EndpointRecord>>,
    reverse: BTreeSet<(IpAddr, ReverseName)>,
}

/// What an address is called, without the domain. A service comes before all endpoints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum ReverseName {
    Service(String),
    Endpoint(String),
}

/// What names need to know of a service.
#[derive(Debug, PartialEq)]
pub(crate) struct ServiceRecord {
    pub(crate) kind: Kind,
    pub(crate) ports: Vec<Port>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    /// With these addresses.
    ClusterIp(Vec<IpAddr>),
    /// Its name is that of its endpoints.
    Headless,
    /// Its name is another one's.
    External(Name),
}

/// A ready endpoint.
#[derive(Debug, PartialEq)]
pub(crate) struct EndpointRecord {
    pub(crate) address: IpAddr,
    /// Its own name within the service: the pod's host name, or its address with dashes.
    pub(crate) name: String,
    pub(crate) ports: Vec<Port>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Port {
    pub(crate) name: String,
    /// In small letters.
    pub(crate) protocol: String,
    /// None when all ports are meant.
    pub(crate) number: Option<u16>,
}

impl Zone {
    /// A zone without services, such as that of `cluster.local.`
    pub fn new(domain: Name) -> Self {
        Self {
            domain: domain.to_lowercase(),
            serial: 1,
            namespaces: HashMap::new(),
            homes: HashMap::new(),
            reverse: HashMap::new(),
        }
    }

    /// The name at its top.
    pub fn domain(&self) -> &Name {
        &self.domain
    }

    pub(crate) fn serial(&self) -> u32 {
        self.serial
    }

    pub(crate) fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.get(name).is_some_and(|members| members.is_there)
    }

    pub(crate) fn service(&self, namespace: &str, name: &str) -> Option<&ServiceRecord> {
        let members = self.namespaces.get(namespace)?;
        members.services.get(name)?.service.as_ref()
    }

    pub(crate) fn endpoints(&self, namespace: &str, service: &str) -> impl Iterator<Item = &EndpointRecord> {
        let members = self.namespaces.get(namespace);
        let known = members.and_then(|members| members.services.get(service));
        known
            .into_iter()
            .flat_map(|known| known.slices.values().flatten())
    }

    /// The names that an address has, without the domain: a service's, or else those of endpoints.
    pub(crate) fn names_of(&self, address: IpAddr) -> Vec<&str> {
        let mut names = self.reverse.get(&address).into_iter().flatten().peekable();
        if let Some(ReverseName::Service(name)) = names.peek() {
            return vec![name];
        }
        names.map(ReverseName::as_str).collect()
    }

    /// The addresses of the name server itself.
    pub(crate) fn own_addresses(&self) -> &[IpAddr] {
        let (namespace, name) = OWN_SERVICE;
        match self.service(namespace, name).map(|service| &service.kind) {
            Some(Kind::ClusterIp(addresses)) => addresses,
            _ => &[],
        }
    }

    /// A namespace is there, or isn't any more.
    pub fn set_namespace(&mut self, namespace: &Namespace, is_there: bool) {
        self.serial = self.serial.wrapping_add(1);
        let name = namespace.metadata.name.clone().unwrap_or_default();
        self.namespaces.entry(name.clone()).or_default().is_there = is_there;
        self.forget_if_empty(&name);
    }

    /// A service is new, has changed, or isn't there any more.
    pub fn set_service(&mut self, service: &Service, is_there: bool) {
        let record = is_there.then(|| service_record(service)).flatten();
        let (namespace, name) = key_of(&service.metadata);
        self.change(&namespace, &name, |known| known.service = record);
    }

    /// A slice is new, has changed, or isn't there any more.
    pub fn set_slice(&mut self, slice: &EndpointSlice, is_there: bool) {
        let labels = slice.metadata.labels.as_ref().filter(|_| is_there);
        let service = labels.and_then(|labels| labels.get(SERVICE_NAME));
        let (namespace, name) = key_of(&slice.metadata);
        let home = (namespace.clone(), name.clone());
        if let Some(former) = self.homes.remove(&home)
            && Some(&former) != service
        {
            self.change(&namespace, &former, |known| drop(known.slices.remove(&name)));
        }
        if let Some(service) = service {
            self.homes.insert(home, service.clone());
            self.change(&namespace, service, |known| {
                known.slices.insert(name, endpoint_records(slice));
            });
        }
    }

    /// Whether nothing is left of anything.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && self.homes.is_empty() && self.reverse.is_empty()
    }

    fn change(&mut self, namespace: &str, service: &str, change: impl FnOnce(&mut Known)) {
        self.serial = self.serial.wrapping_add(1);
        let members = self.namespaces.entry(namespace.to_owned()).or_default();
        let known = members.services.entry(service.to_owned()).or_default();
        change(known);
        let wanted = reverse_names(namespace, service, known);
        for (address, name) in known.reverse.difference(&wanted) {
            if let Some(names) = self.reverse.get_mut(address) {
                names.remove(name);
                if names.is_empty() {
                    self.reverse.remove(address);
                }
            }
        }
        for (address, name) in wanted.difference(&known.reverse) {
            self.reverse.entry(*address).or_default().insert(name.clone());
        }
        known.reverse = wanted;
        if known.service.is_none() && known.slices.is_empty() {
            members.services.remove(service);
            self.forget_if_empty(namespace);
        }
    }

    fn forget_if_empty(&mut self, namespace: &str) {
        let members = self.namespaces.get(namespace);
        if members.is_some_and(|members| !members.is_there && members.services.is_empty()) {
            self.namespaces.remove(namespace);
        }
    }
}

impl ReverseName {
    fn as_str(&self) -> &str {
        match self {
            Self::Service(name) | Self::Endpoint(name) => name,
        }
    }
}

fn key_of(metadata: &ObjectMeta) -> (String, String) {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    (part(&metadata.namespace), part(&metadata.name))
}

fn reverse_names(namespace: &str, service: &str, known: &Known) -> BTreeSet<(IpAddr, ReverseName)> {
    let mut names = BTreeSet::new();
    if let Some(Kind::ClusterIp(addresses)) = known.service.as_ref().map(|record| &record.kind) {
        let name = ReverseName::Service(format!("{service}.{namespace}.svc"));
        names.extend(addresses.iter().map(|address| (*address, name.clone())));
    }
    for endpoint in known.slices.values().flatten() {
        let name = ReverseName::Endpoint(format!("{}.{service}.{namespace}.svc", endpoint.name));
        names.insert((endpoint.address, name));
    }
    names
}

/// None for a service that has no address yet.
fn service_record(service: &Service) -> Option<ServiceRecord> {
    let spec = service.spec.as_ref()?;
    let kind = match (spec.type_.as_deref(), spec.cluster_ip.as_deref()) {
        (Some("ExternalName"), _) => Kind::External(external_name(spec.external_name.as_deref()?)?),
        (_, Some("None")) => Kind::Headless,
        (_, first) => {
            let all = first
                .into_iter()
                .chain(spec.cluster_ips.iter().flatten().map(String::as_str));
            let addresses: BTreeSet<IpAddr> = all.filter_map(|address| address.parse().ok()).collect();
            if addresses.is_empty() {
                return None;
            }
            Kind::ClusterIp(addresses.into_iter().collect())
        }
    };
    let port =
        |port: &ServicePort| Port::new(port.name.as_deref(), port.protocol.as_deref(), Some(port.port));
    Some(ServiceRecord {
        kind,
        ports: or_all(spec.ports.iter().flatten().map(port).collect()),
    })
}

/// None for an address: it is no name, though it looks like one to Kubernetes.
fn external_name(name: &str) -> Option<Name> {
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let mut name = Name::from_utf8(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// The ready ones.
fn endpoint_records(slice: &EndpointSlice) -> Vec<EndpointRecord> {
    let port = |port: &EndpointPort| Port::new(port.name.as_deref(), port.protocol.as_deref(), port.port);
    let ports = or_all(slice.ports.iter().flatten().map(port).collect());
    let mut records = Vec::new();
    for endpoint in &slice.endpoints {
        let conditions = endpoint.conditions.as_ref();
        if conditions.and_then(|conditions| conditions.ready) == Some(false) {
            continue;
        }
        let hostname = endpoint.hostname.as_deref().filter(|name| !name.is_empty());
        let addresses = endpoint
            .addresses
            .iter()
            .filter_map(|address| address.parse::<IpAddr>().ok());
        records.extend(addresses.map(|address| EndpointRecord {
            address,
            name: hostname.map_or_else(|| dashed(address), str::to_lowercase),
            ports: ports.clone(),
        }));
    }
    records
}

/// Whoever has no ports is there all the same.
fn or_all(mut ports: Vec<Port>) -> Vec<Port> {
    if ports.is_empty() {
        ports.push(Port::new(None, Some(""), None));
    }
    ports
}

/// `172-0-0-2`, `5678-abcd--1`, `fd00--0`: a label doesn't end in a dash.
fn dashed(address: IpAddr) -> String {
    let mut name = address.to_string().replace(['.', ':'], "-");
    if name.ends_with('-') {
        name.push('0');
    }
    name
}

impl Port {
    fn new(name: Option<&str>, protocol: Option<&str>, number: Option<i32>) -> Self {
        Self {
            name: name.unwrap_or_default().to_lowercase(),
            protocol: protocol.unwrap_or("TCP").to_lowercase(),
            number: number.and_then(|number| u16::try_from(number).ok()),
        }
    }
}
