//! What the maps should hold, kept up with the store, and what each change of the cluster changes in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use podlab_api::object::Object;
use podlab_api::steps::NamespacedName;
use podlab_control::store::{Change, Event, Shared, name_of};
use podlab_kernel::conntrack::Protocol;

use crate::desired::{Desired, Port};
use crate::elements::{Element, Frontend, Transaction};

/// The label of an EndpointSlice that names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

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
    /// The `pick-N` chains that there are.
    chains: BTreeSet<usize>,
}

/// What the maps hold for a service.
#[derive(Default)]
struct Served {
    addresses: BTreeSet<IpAddr>,
    ports: BTreeMap<Frontend, ServedPort>,
}

#[derive(Default)]
struct ServedPort {
    /// `NAMESPACE/NAME:PORT`
    name: String,
    slots: Vec<SocketAddr>,
}

impl Plan {
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
            _ => {}
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
        Desired::new(service, &slices.map(|slice| &**slice).collect::<Vec<_>>())
    }

    /// Takes away the addresses and ports that a service has no longer.
    fn release(&mut self, name: &NamespacedName, desired: &Desired, changes: &mut Changes) {
        let Some(served) = self.served.get_mut(name) else {
            return;
        };
        served.ports.retain(|frontend, port| {
            let stays = desired.ports.contains_key(frontend);
            if !stays {
                port.become_(*frontend, String::new(), Vec::new(), changes);
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
                    .insert(Element::ClusterIp { address, service });
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
            if served.addresses.insert(address) {
                let service = name.to_string();
                changes
                    .transaction
                    .add
                    .insert(Element::ClusterIp { address, service });
            }
        }
        for (
            frontend,
            Port {
                name: port,
                endpoints,
            },
        ) in desired.ports
        {
            if !served.addresses.contains(&frontend.address) {
                continue;
            }
            let name = if port.is_empty() {
                name.to_string()
            } else {
                format!("{name}:{port}")
            };
            let served = served.ports.entry(frontend).or_default();
            let slots = assign(&served.slots, endpoints);
            served.become_(frontend, name, slots, changes);
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
            let hairpin = Element::Hairpin { address };
            match (before, after) {
                (0, 1..) => transaction.add.insert(hairpin),
                (1.., 0) => transaction.delete.insert(hairpin),
                _ => continue,
            };
        }
        for element in &transaction.add {
            if let Element::ServiceIp { endpoints, .. } = element
                && self.chains.insert(*endpoints)
            {
                transaction.chains.insert(*endpoints);
            }
        }
        transaction
    }
}

/// A transaction in the making.
#[derive(Default)]
struct Changes {
    transaction: Transaction,
    /// In how many slots more, or less, each pod is.
    slots_of: BTreeMap<IpAddr, isize>,
}

impl ServedPort {
    fn become_(&mut self, frontend: Frontend, name: String, slots: Vec<SocketAddr>, changes: &mut Changes) {
        let transaction = &mut changes.transaction;
        for slot in 0..self.slots.len().max(slots.len()) {
            let (old, new) = (self.slots.get(slot), slots.get(slot));
            if old == new {
                continue;
            }
            let element = |endpoint: &SocketAddr| Element::Endpoint {
                frontend,
                slot,
                endpoint: *endpoint,
            };
            transaction.delete.extend(old.map(element));
            transaction.add.extend(new.map(element));
            if let Some(old) = old {
                *changes.slots_of.entry(old.ip()).or_default() -= 1;
            }
            if let Some(new) = new {
                *changes.slots_of.entry(new.ip()).or_default() += 1;
            }
        }
        let verdict = |name: &str, slots: &[SocketAddr]| {
            (!slots.is_empty()).then(|| Element::ServiceIp {
                frontend,
                endpoints: slots.len(),
                name: name.to_owned(),
            })
        };
        let (old, new) = (verdict(&self.name, &self.slots), verdict(&name, &slots));
        if old != new {
            transaction.delete.extend(old);
            transaction.add.extend(new);
        }
        let has_lost = || self.slots.iter().any(|endpoint| !slots.contains(endpoint));
        let has_first = self.slots.is_empty() && !slots.is_empty();
        if frontend.protocol == Protocol::Udp && (has_first || has_lost()) {
            let service = SocketAddr::new(frontend.address, frontend.port);
            transaction.udp.insert(service, slots.iter().copied().collect());
        }
        *self = Self { name, slots };
    }
}

/// Keeps as many endpoints as possible in their slots: who is new goes where somebody left, and when there are
/// more that left, the last slots move into the gaps.
fn assign(old: &[SocketAddr], mut endpoints: BTreeSet<SocketAddr>) -> Vec<SocketAddr> {
    let mut slots: Vec<_> = old.iter().map(|endpoint| endpoints.take(endpoint)).collect();
    let mut new = endpoints.into_iter();
    for slot in slots.iter_mut().filter(|slot| slot.is_none()) {
        *slot = new.next();
    }
    slots.extend(new.map(Some));
    while let Some(gap) = slots.iter().position(Option::is_none) {
        slots.swap_remove(gap);
    }
    slots.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
