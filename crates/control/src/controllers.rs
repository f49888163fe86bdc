//! The controllers: each reads what is, compares it with what should be, and mends the difference.
//!
//! All of them are level-triggered: an event only says which object to look at again, never what to do.

mod claims;
mod deployment;
mod endpoints;
mod endpointslice;
mod garbage;
mod host_ports;
mod index;
mod mirroring;
mod namespaces;
mod replicaset;
mod scheduler;
mod slices;
mod timers;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::steps::NamespacedName;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::pods::is_over;
use crate::recorder::Recorder;
use crate::registry::Registry;
use crate::store::{Change, Event, Store, Watch, name_of};
use claims::controller_of;
use endpointslice::zone_of;
use index::Index;
use scheduler::{Crowd, room};
use timers::Timers;

/// What an object is known by.
type Key = (Kind, NamespacedName);

/// All controllers of a cluster.
pub struct Controllers {
    registry: Registry,
    watch: Watch,
    index: Index,
    /// Objects to look at again.
    dirty: BTreeSet<Key>,
    /// Objects that may have lost their owners, or what they wait for.
    garbage: BTreeSet<Key>,
    /// Namespaces that are being deleted.
    terminating: BTreeSet<String>,
    /// Pods that find no room on any node.
    crowd: Crowd,
    /// Sets that have too few pods because the cluster has as many as it can.
    refused: BTreeSet<Key>,
    timers: Timers,
    recorders: Recorders,
    /// The revision up to which all events were seen.
    seen: u64,
}

/// Who tells what happens.
struct Recorders {
    deployment: Recorder,
    replica_set: Recorder,
    scheduler: Recorder,
}

impl Recorders {
    fn new(store: &Store) -> Self {
        let of = |component| Recorder::new(store.clone(), component, None);
        Self {
            deployment: of("deployment-controller"),
            replica_set: of("replicaset-controller"),
            scheduler: of("default-scheduler"),
        }
    }
}

impl Controllers {
    /// Controllers for the objects behind `registry`.
    pub fn new(registry: Registry) -> Self {
        let watch = registry.store().watch();
        let recorders = Recorders::new(registry.store());
        Self {
            registry,
            watch,
            index: Index::default(),
            dirty: BTreeSet::new(),
            garbage: BTreeSet::new(),
            terminating: BTreeSet::new(),
            crowd: Crowd::default(),
            refused: BTreeSet::new(),
            timers: Timers::default(),
            recorders,
            seen: 0,
        }
    }

    /// Mends what differs by now until nothing does; returns the store's revision at which that was so.
    pub fn run(&mut self) -> u64 {
        let now = self.store().now().0;
        while let Some(key) = self.timers.pop_due(now) {
            self.dirty.insert(key);
        }
        loop {
            // Before each object, so that none is looked at with what was so before the last one.
            while let Some(event) = self.watch.try_next() {
                self.note(&event);
            }
            if let Some(key) = self.garbage.pop_first() {
                self.collect_garbage(&key);
            } else if let Some((kind, name)) = self.dirty.pop_first() {
                self.reconcile(kind, &name);
            } else {
                return self.seen;
            }
        }
    }

    /// Mends for as long as the store is there. `progress` is the revision up to which everything is dealt with.
    pub async fn serve(mut self, progress: watch::Sender<u64>) {
        loop {
            let revision = self.run();
            progress.send_replace(revision);
            let alarm = self.alarm();
            tokio::select! {
                event = self.watch.next() => match event {
                    Some(event) => self.note(&event),
                    None => return,
                },
                () = alarm => {}
            }
        }
    }

    /// Ends when there is something to look at though nothing has changed.
    fn alarm(&self) -> impl Future<Output = ()> + use<> {
        let now = self.store().now().0;
        let next = self.timers.next();
        async move {
            match next {
                // A time that has passed already is none to wait for.
                Some(time) => sleep(time.duration_since(now).try_into().unwrap_or_default()).await,
                None => std::future::pending().await,
            }
        }
    }

    fn store(&self) -> &Store {
        self.registry.store()
    }

    fn note(&mut self, event: &Event) {
        self.seen = event.revision;
        if event.object.kind() == Kind::Event {
            return;
        }
        if let Some(old) = &event.old {
            self.mark_dependent(old);
            self.index.remove(old);
        }
        if event.change != Change::Deleted {
            self.index.add(&event.object);
            self.mark_dependent(&event.object);
        }
        let name = name_of(event.object.metadata());
        self.dirty.insert((event.object.kind(), name.clone()));
        self.mark_garbage(event);
        self.mark_namespace(event);
        if event.object.kind() == Kind::Pod && event.change == Change::Deleted {
            self.dirty.append(&mut self.refused);
        }
        if let Object::Pod(pod) = &*event.object
            && (event.change == Change::Deleted || is_over(pod))
        {
            self.crowd.forget(&name);
            self.mark_unscheduled();
        }
        if let Object::Node(node) = &*event.object {
            let old = event.old.as_deref().and_then(Node::from_object);
            self.mark_dependent_on_node(node, old, event.change);
        }
    }

    /// Marks the objects whose state follows from this one's.
    fn mark_dependent(&mut self, object: &Object) {
        let metadata = object.metadata();
        let owners = metadata.owner_references.iter().flatten();
        self.dirty
            .extend(owners.filter_map(|owner| owner_key(metadata, owner)));
        if controller_of(metadata).is_none() {
            let (kind, takers) = self.index.takers_of(object);
            self.dirty.extend(takers.into_iter().map(|name| (kind, name)));
        }
        if let Object::Pod(pod) = object {
            let services = self.index.services_of(pod).cloned();
            self.dirty.extend(services.map(|name| (Kind::Service, name)));
        }
    }

    /// Pods may wait for a node, and endpoints carry their node's zone.
    fn mark_dependent_on_node(&mut self, node: &Node, old: Option<&Node>, change: Change) {
        if old.map(room) != Some(room(node)) {
            self.mark_unscheduled();
        }
        if change == Change::Modified && old.and_then(zone_of) == zone_of(node) {
            return;
        }
        let services = self.store().list::<Service>();
        let services = services
            .iter()
            .map(|service| (Kind::Service, name_of(&service.metadata)));
        self.dirty.extend(services);
    }

    fn reconcile(&mut self, kind: Kind, name: &NamespacedName) {
        match kind {
            Kind::Deployment => self.reconcile_deployment(name),
            Kind::ReplicaSet => self.reconcile_replica_set(name),
            Kind::Pod => self.schedule(name),
            Kind::Service if self.store().get::<Service>(name).is_none() => {
                // Its Endpoints go with it, whoever wrote them. There may be none.
                let _ = self.registry.delete(Kind::Endpoints, name);
            }
            Kind::Service => {
                self.reconcile_endpoint_slices(name);
                self.reconcile_endpoints(name);
                self.mirror_endpoints(name);
            }
            Kind::Namespace => self.reconcile_namespace(name),
            Kind::ServiceAccount => self.reconcile_service_account(name),
            Kind::Endpoints => {
                self.reconcile_endpoints(name);
                self.mirror_endpoints(name);
            }
            Kind::EndpointSlice
            | Kind::Node
            | Kind::ServiceCIDR
            | Kind::ConfigMap
            | Kind::Secret
            | Kind::NetworkPolicy
            | Kind::Event
            | Kind::Lease => {}
        }
    }

    /// The objects of a kind that name `owner` as an owner.
    fn owned<T: Resource>(&self, owner: &ObjectMeta) -> Vec<crate::store::Shared<T>> {
        let names = self.index.owned(owner, T::KIND);
        names.filter_map(|name| self.store().get::<T>(name)).collect()
    }

    /// The pods that a service selects; none for a service without selector.
    fn selected(&self, service: &Service) -> Vec<crate::store::Shared<Pod>> {
        let names = self.index.pods_of(service);
        names.filter_map(|name| self.store().get::<Pod>(name)).collect()
    }
}

/// Kind and name of an object's owner; none for one of a kind that podlab doesn't run.
fn owner_key(metadata: &ObjectMeta, owner: &OwnerReference) -> Option<Key> {
    let is_it = |kind: &&Kind| kind.as_str() == owner.kind && kind.api_version() == owner.api_version;
    let kind = *Kind::ALL.iter().find(is_it)?;
    let namespace = metadata.namespace.clone().filter(|_| kind.namespaced());
    let name = NamespacedName {
        namespace: namespace.unwrap_or_default(),
        name: owner.name.clone(),
    };
    Some((kind, name))
}

#[cfg(test)]
mod tests;
