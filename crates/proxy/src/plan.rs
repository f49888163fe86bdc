//! What the maps should hold, kept up with the store, and what each change of the cluster changes in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use podlab_api::labels::{SERVICE_NAME, ZONE};
use podlab_api::object::Object;
use podlab_api::steps::NamespacedName;
use podlab_control::store::{Change, Event, Shared, name_of};
use podlab_kernel::conntrack::Protocol;

use crate::desired::{Desired, is_left_alone};
use crate::elements::{Element, Frontend, Verdict};
use crate::pick::{Chain, Chains};
use crate::served::{Identities, ServedPort};
use crate::topology::Place;
use crate::transaction::Transaction;

/// The services of a cluster, and what the maps hold for them. The work of a change is that of the services that
/// it touches, however many there are.
#[derive(Default)]
pub struct Plan {
    services: HashMap<NamespacedName, Shared<Service>>,
    slices: HashMap<NamespacedName, BTreeMap<String, Shared<EndpointSlice>>>,
    /// Services to be looked at again.
    touched: BTreeSet<NamespacedName>,
    served: HashMap<NamespacedName, Served>,
    /// A ClusterIP serves the service that had it first.
    owners: HashMap<IpAddr, NamespacedName>,
    /// In how many slots each pod is.
    slots_of: HashMap<IpAddr, usize>,
    chains: Chains,
    identities: Identities,
    place: Place,
    ranges: PodRanges,
    service_cidrs: BTreeMap<NamespacedName, Vec<IpNet>>,
    /// The elements of `service-ranges`.
    service_ranges: BTreeSet<Element>,
}

/// Where pods have their addresses from.
#[derive(Debug, Clone, Copy, Default)]
pub struct PodRanges {
    /// The whole cluster's.
    pub cluster: IpNet,
    /// The node's part of them.
    pub node: IpNet,
}

impl PodRanges {
    /// Whether it may be on this node that an endpoint meets itself: a pod of another node does so there.
    fn may_be_here(&self, address: IpAddr) -> bool {
        self.node.contains(&address) || !self.cluster.contains(&address)
    }
}

/// What the maps hold for a service; its ports are in order.
#[derive(Default)]
struct Served {
    addresses: Vec<IpAddr>,
    ports: Vec<(Frontend, ServedPort)>,
}

impl Plan {
    /// What the maps of a node should hold, before anything is in the store.
    pub fn new(node: String, ranges: PodRanges) -> Self {
        Self {
            place: Place { node, zone: None },
            ranges,
            ..Self::default()
        }
    }

    /// Takes note of a change in the store; [`Self::commit`] says what comes of it.
    pub fn record(&mut self, event: &Event) {
        match &*event.object {
            Object::Service(service) => {
                let name = name_of(&service.metadata);
                let service =
                    (event.change != Change::Deleted).then(|| Shared::from_object(event.object.clone()));
                match service.flatten() {
                    Some(service) => self.services.insert(name.clone(), service),
                    None => self.services.remove(&name),
                };
                self.touched.insert(name);
            }
            Object::EndpointSlice(_) => {
                if let Some(old) = &event.old {
                    self.set_slice(old, false);
                }
                self.set_slice(&event.object, event.change != Change::Deleted);
            }
            Object::Node(node) => self.set_node(node),
            Object::ServiceCIDR(range) => {
                let name = name_of(&range.metadata);
                if event.change == Change::Deleted {
                    self.service_cidrs.remove(&name);
                } else {
                    self.service_cidrs.insert(name, cidrs(range));
                }
            }
            _ => {}
        }
    }

    /// Services may prefer endpoints of the node's zone.
    fn set_node(&mut self, node: &Node) {
        let labels = node.metadata.labels.as_ref();
        let zone = labels.and_then(|labels| labels.get(ZONE)).cloned();
        if node.metadata.name.as_ref() == Some(&self.place.node) && zone != self.place.zone {
            self.place.zone = zone;
            self.touched.extend(self.services.keys().cloned());
        }
    }

    fn set_slice(&mut self, object: &Arc<Object>, is_there: bool) {
        let Some(slice) = Shared::<EndpointSlice>::from_object(object.clone()) else {
            return;
        };
        let labels = slice.metadata.labels.as_ref();
        let Some(service) = labels.and_then(|labels| labels.get(SERVICE_NAME)) else {
            return;
        };
        let is_there = is_there && !is_left_alone(&slice.metadata);
        let NamespacedName { namespace, name } = name_of(&slice.metadata);
        let service = NamespacedName {
            namespace,
            name: service.clone(),
        };
        let slices = self.slices.entry(service.clone()).or_default();
        if is_there {
            slices.insert(name, slice);
        } else {
            slices.remove(&name);
            if slices.is_empty() {
                self.slices.remove(&service);
            }
        }
        self.touched.insert(service);
    }

    /// What brings the maps from where the last commit left them to where they should be now.
    pub fn commit(&mut self) -> Transaction {
        let touched: Vec<_> = std::mem::take(&mut self.touched)
            .into_iter()
            .map(|name| (self.desired(&name), name))
            .collect();
        let mut change = Changes::default();
        // A ClusterIP may go from one service to another: it is given back before it is taken.
        for (desired, name) in &touched {
            self.release(name, desired, &mut change);
        }
        for (desired, name) in touched {
            self.serve(name, desired, &mut change);
        }
        self.finish(change)
    }

    fn desired(&self, name: &NamespacedName) -> Desired {
        let Some(service) = self.services.get(name) else {
            return Desired::default();
        };
        let slices = self.slices.get(name).into_iter().flat_map(BTreeMap::values);
        let slices: Vec<_> = slices.map(|slice| &**slice).collect();
        Desired::new(service, &slices, &self.place)
    }

    /// Takes away the addresses and ports that a service has no longer.
    fn release(&mut self, name: &NamespacedName, desired: &Desired, changes: &mut Changes) {
        let Some(served) = self.served.get_mut(name) else {
            return;
        };
        served.ports.retain(|(frontend, port)| {
            let stays = desired.has_port(frontend);
            if !stays {
                changes.replace(*frontend, port, &ServedPort::default(), &mut self.chains);
            }
            stays
        });
        served.addresses.retain(|&address| {
            let stays = desired.addresses.contains(&address);
            if !stays {
                self.owners.remove(&address);
                let service = name.to_string();
                changes
                    .transaction
                    .delete
                    .push(Element::ClusterIp { address, service });
            }
            stays
        });
        if served.addresses.is_empty() {
            self.served.remove(name);
        }
    }

    fn serve(&mut self, name: NamespacedName, desired: Desired, changes: &mut Changes) {
        if desired.addresses.is_empty() {
            return;
        }
        let served = self.served.entry(name.clone()).or_default();
        for address in desired.addresses {
            let owner = self.owners.entry(address).or_insert_with(|| name.clone());
            if *owner != name {
                tracing::error!(%address, "the ClusterIP of {name} is that of {owner}");
                continue;
            }
            if !served.addresses.contains(&address) {
                served.addresses.push(address);
                let service = name.to_string();
                changes
                    .transaction
                    .add
                    .push(Element::ClusterIp { address, service });
            }
        }
        for (frontend, port) in desired.ports {
            if !served.addresses.contains(&frontend.address) {
                continue;
            }
            let name = if port.name.is_empty() {
                name.to_string()
            } else {
                format!("{name}:{}", port.name)
            };
            let index = served
                .ports
                .binary_search_by_key(&frontend, |(frontend, _)| *frontend);
            let index = index.unwrap_or_else(|index| {
                served.ports.insert(index, (frontend, ServedPort::default()));
                index
            });
            let port_now = &mut served.ports[index].1;
            let next = port_now.next(name, port, &mut self.identities);
            changes.replace(frontend, port_now, &next, &mut self.chains);
            *port_now = next;
        }
        if served.addresses.is_empty() {
            self.served.remove(&name);
        }
    }

    fn finish(&mut self, changes: Changes) -> Transaction {
        let Changes {
            mut transaction,
            slots_of,
        } = changes;
        for (address, change) in slots_of {
            let before = self.slots_of.get(&address).copied().unwrap_or(0);
            let after = before
                .checked_add_signed(change)
                .expect("who leaves a slot has been in it");
            if after == 0 {
                self.slots_of.remove(&address);
            } else {
                self.slots_of.insert(address, after);
            }
            if !self.ranges.may_be_here(address) {
                continue;
            }
            let hairpin = Element::Hairpin { address };
            match (before, after) {
                (0, 1..) => transaction.add.push(hairpin),
                (1.., 0) => transaction.delete.push(hairpin),
                _ => continue,
            };
        }
        let ranges = self.service_cidrs.values().flatten().copied().collect();
        // The kernel takes no two intervals with an address in common.
        let ranges = IpNet::aggregate(&ranges).into_iter();
        let ranges = ranges.map(|range| Element::ServiceRange { range }).collect();
        transaction
            .delete
            .extend(self.service_ranges.difference(&ranges).cloned());
        transaction
            .add
            .extend(ranges.difference(&self.service_ranges).cloned());
        self.service_ranges = ranges;
        transaction.delete.sort_unstable();
        transaction.add.sort_unstable();
        self.set_chains(&mut transaction);
        transaction
    }

    /// A chain that services share stays when the last of them has gone; that of a single one goes with it.
    fn set_chains(&mut self, transaction: &mut Transaction) {
        let needed: BTreeSet<_> = transaction.add.iter().filter_map(chain_of).collect();
        for chain in transaction.delete.iter().filter_map(chain_of) {
            if chain.pick.turns.is_some() && !needed.contains(&chain) {
                self.chains.remove(chain);
                transaction.delete_chains.insert(chain);
            }
        }
        transaction.add_chains = self.chains.take_new();
    }
}

fn chain_of(element: &Element) -> Option<Chain> {
    match element {
        Element::ServiceIp {
            verdict: Verdict::Pick(chain),
            ..
        } => Some(*chain),
        _ => None,
    }
}

fn cidrs(range: &ServiceCIDR) -> Vec<IpNet> {
    let cidrs = range.spec.iter().flat_map(|spec| spec.cidrs.iter().flatten());
    let ranges = cidrs.filter_map(|cidr| cidr.parse::<IpNet>().ok());
    // Only IPv4 has its table yet.
    ranges.filter(|range| range.addr().is_ipv4()).collect()
}

/// A transaction in the making.
#[derive(Default)]
struct Changes {
    transaction: Transaction,
    /// In how many slots more, or less, each pod is.
    slots_of: HashMap<IpAddr, isize>,
}

impl Changes {
    /// The maps' elements for a port become others.
    fn replace(&mut self, frontend: Frontend, old: &ServedPort, new: &ServedPort, chains: &mut Chains) {
        if old == new {
            return;
        }
        let (before, after) = (old.elements(frontend, chains), new.elements(frontend, chains));
        for element in before
            .iter()
            .filter(|element| after.binary_search(element).is_err())
        {
            self.count(element, -1);
            self.transaction.delete.push(element.clone());
        }
        for element in after
            .iter()
            .filter(|element| before.binary_search(element).is_err())
        {
            self.count(element, 1);
            self.transaction.add.push(element.clone());
        }
        if old.has_affinity() && !new.has_affinity() {
            self.transaction.forgotten.insert(frontend);
        }
        let service = SocketAddr::new(frontend.address, frontend.port);
        // The service that had the address has just given it back, with nobody serving.
        let is_taken_over = self.transaction.udp.contains_key(&service);
        if frontend.protocol == Protocol::Udp && (is_taken_over || new.makes_flows_stale(old)) {
            self.transaction.udp.insert(service, new.serving());
        }
    }

    fn count(&mut self, element: &Element, change: isize) {
        if let Element::Endpoint { endpoint, .. } = element {
            *self.slots_of.entry(endpoint.ip()).or_default() += change;
        }
    }
}

#[cfg(test)]
mod tests;
