//! Deletes what has lost its owner, and what is in a namespace that is being deleted.

use k8s_openapi::api::core::v1::Namespace;
use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;

use super::Controllers;
use crate::store::name_of;

impl Controllers {
    /// Deletes what a deleted object owned.
    pub(super) fn collect_garbage(&mut self, owner: &Object) {
        let dependents: Vec<_> = self.index.dependents(owner.metadata()).cloned().collect();
        for (kind, name) in dependents {
            // Not found: somebody else was faster.
            let _ = self.registry.delete(kind, &name);
        }
    }

    /// A namespace that is being deleted is looked at again whenever something in it changes.
    pub(super) fn mark_terminating_namespace(&mut self, object: &Object) {
        let Some(name) = object.metadata().namespace.clone() else {
            return;
        };
        let key = NamespacedName {
            namespace: String::new(),
            name,
        };
        let namespace = self.store().get::<Namespace>(&key);
        if namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_some()) {
            self.dirty.insert((Kind::Namespace, key));
        }
    }

    /// Empties a namespace that is being deleted, and removes it when it is empty.
    pub(super) fn reconcile_namespace(&mut self, key: &NamespacedName) {
        let Some(namespace) = self.store().get::<Namespace>(key) else {
            return;
        };
        if namespace.metadata.deletion_timestamp.is_none() {
            return;
        }
        let content = self.content(&key.name);
        if content.is_empty() {
            let _ = self.store().remove::<Namespace>(key);
        }
        for (kind, object) in content {
            let _ = self.registry.delete(kind, &object);
        }
    }

    fn content(&self, namespace: &str) -> Vec<(Kind, NamespacedName)> {
        use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
        use k8s_openapi::api::core::v1::{Endpoints, Pod, Service};
        use k8s_openapi::api::discovery::v1::EndpointSlice;

        macro_rules! names {
            ($($kind:ident),+) => {
                [$(self.store().list_in::<$kind>(namespace).iter()
                    .map(|object| (Kind::$kind, name_of(&object.metadata))).collect::<Vec<_>>()),+].concat()
            };
        }
        names!(Deployment, ReplicaSet, Pod, Service, Endpoints, EndpointSlice)
    }
}
