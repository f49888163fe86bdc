//! The controllers: each reads what is, compares it with what should be, and mends the difference.
//!
//! All of them are level-triggered: an event only says which object to look at again, never what to do.

mod deployment;
mod endpoints;
mod endpointslice;
mod garbage;
mod host_ports;
mod index;
mod mirroring;
mod replicaset;
mod scheduler;
mod slices;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Pod, Service};
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::steps::NamespacedName;
use tokio::sync::watch;

use crate::pods::is_over;
use crate::registry::Registry;
use crate::store::{Change, Event, Store, Watch, name_of};
use index::Index;

/// All controllers of a cluster.
pub struct Controllers {
    registry: Registry,
    watch: Watch,
    index: Index,
    /// Objects to look at again.
    dirty: BTreeSet<(Kind, NamespacedName)>,
    /// The revision up to which all events were seen.
    seen: u64,
}

impl Controllers {
    /// Controllers for the objects behind `registry`.
    pub fn new(registry: Registry) -> Self {
        let watch = registry.store().watch();
        Self {
            registry,
            watch,
            index: Index::default(),
            dirty: BTreeSet::new(),
            seen: 0,
        }
    }

    /// Mends what differs until nothing does; returns the store's revision at which that was so.
    pub fn run(&mut self) -> u64 {
        loop {
            // Before each object, so that none is looked at with what was so before the last one.
            while let Some(event) = self.watch.try_next() {
                self.note(&event);
            }
            let Some((kind, name)) = self.dirty.pop_first() else {
                return self.seen;
            };
            self.reconcile(kind, &name);
        }
    }

    /// Mends for as long as the store is there. `progress` is the revision up to which everything is dealt with.
    pub async fn serve(mut self, progress: watch::Sender<u64>) {
        loop {
            let revision = self.run();
            progress.send_replace(revision);
            match self.watch.next().await {
                Some(event) => self.note(&event),
                None => return,
            }
        }
    }

    fn store(&self) -> &Store {
        self.registry.store()
    }

    fn note(&mut self, event: &Event) {
        self.seen = event.revision;
        if let Some(old) = &event.old {
            self.mark_dependent(old);
            self.index.remove(old);
        }
        if event.change != Change::Deleted {
            self.index.add(&event.object);
            self.mark_dependent(&event.object);
        }
        let name = name_of(event.object.metadata());
        self.dirty.insert((event.object.kind(), name));
        if event.change == Change::Deleted {
            self.collect_garbage(&event.object);
        }
        if let Object::Pod(pod) = &*event.object
            && (event.change == Change::Deleted || is_over(pod))
        {
            self.mark_unscheduled();
        }
        self.mark_terminating_namespace(&event.object);
        if event.object.kind() == Kind::Node {
            self.mark_dependent_on_nodes(event.change);
        }
    }

    /// Marks the objects whose state follows from this one's.
    fn mark_dependent(&mut self, object: &Object) {
        let metadata = object.metadata();
        let namespace = metadata.namespace.clone().unwrap_or_default();
        for owner in metadata.owner_references.iter().flatten() {
            if let Some(kind) = Kind::ALL.iter().find(|kind| kind.as_str() == owner.kind) {
                let name = NamespacedName {
                    namespace: namespace.clone(),
                    name: owner.name.clone(),
                };
                self.dirty.insert((*kind, name));
            }
        }
        if let Object::Pod(pod) = object {
            let services = self.index.services_of(pod);
            self.dirty
                .extend(services.into_iter().map(|name| (Kind::Service, name)));
        }
    }

    /// Endpoints carry their node's zone.
    fn mark_dependent_on_nodes(&mut self, change: Change) {
        if change == Change::Added {
            self.mark_unscheduled();
        }
        let services = self.store().list::<Service>();
        let services = services
            .iter()
            .map(|service| (Kind::Service, name_of(&service.metadata)));
        self.dirty.extend(services);
    }

    /// Pods wait for a node, or for a port of one.
    fn mark_unscheduled(&mut self) {
        let waiting = self.index.unscheduled().map(|pod| (Kind::Pod, pod.clone()));
        self.dirty.extend(waiting.collect::<Vec<_>>());
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
            Kind::Endpoints => {
                self.reconcile_endpoints(name);
                self.mirror_endpoints(name);
            }
            Kind::EndpointSlice | Kind::Node | Kind::ServiceCIDR => {}
        }
    }

    /// The objects of a kind that `owner` controls.
    fn owned<T: Resource>(&self, owner: &impl Resource) -> Vec<crate::store::Shared<T>> {
        let names = self.index.owned(owner.metadata(), T::KIND);
        names.filter_map(|name| self.store().get::<T>(name)).collect()
    }

    /// The pods that a service selects; none for a service without selector.
    fn selected(&self, service: &Service) -> Vec<crate::store::Shared<Pod>> {
        let names = self.index.pods_of(service);
        names.filter_map(|name| self.store().get::<Pod>(name)).collect()
    }
}

#[cfg(test)]
mod tests;
