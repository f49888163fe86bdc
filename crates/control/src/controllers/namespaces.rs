//! Empties namespaces that are being deleted, and gives all others what each namespace has.

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::steps::NamespacedName;

use super::{Controllers, Key};
use crate::registry::Mode;
use crate::store::{Change, Event, Shared, name_of};

/// The account of pods that name none.
const ACCOUNT: &str = "default";

impl Controllers {
    /// A namespace that is being deleted is looked at again when it has something new, and when it is empty.
    pub(super) fn mark_namespace(&mut self, event: &Event) {
        let metadata = event.object.metadata();
        if let Some(namespace) = Namespace::from_object(&event.object) {
            let name = name_of(&namespace.metadata).name;
            if event.change != Change::Deleted && namespace.metadata.deletion_timestamp.is_some() {
                self.terminating.insert(name);
            } else {
                self.terminating.remove(&name);
            }
        } else if let Some(namespace) = &metadata.namespace
            && self.terminating.contains(namespace)
            && (event.change == Change::Added || !self.index.has_content(namespace))
        {
            self.dirty.insert((Kind::Namespace, cluster_scoped(namespace)));
        }
    }

    /// Whether an object is being deleted, or all of its namespace.
    pub(super) fn goes(&self, metadata: &ObjectMeta) -> bool {
        let namespace = metadata.namespace.as_ref();
        metadata.deletion_timestamp.is_some()
            || namespace.is_some_and(|namespace| self.terminating.contains(namespace))
    }

    pub(super) fn reconcile_namespace(&mut self, key: &NamespacedName) {
        let Some(namespace) = self.store().get::<Namespace>(key) else {
            return;
        };
        if namespace.metadata.deletion_timestamp.is_none() {
            return self.give_account(&key.name);
        }
        for (kind, object) in self.content(&key.name) {
            // Not found: somebody else was faster.
            let _ = self.registry.delete(kind, &object);
        }
        if self.content(&key.name).is_empty() {
            self.let_go(&namespace);
        }
    }

    /// Pods can name the account in a namespace as long as there is one.
    pub(super) fn reconcile_service_account(&self, name: &NamespacedName) {
        let namespace = self.store().get::<Namespace>(&cluster_scoped(&name.namespace));
        let stays = namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none());
        if name.name == ACCOUNT && stays {
            self.give_account(&name.namespace);
        }
    }

    fn give_account(&self, namespace: &str) {
        let account = ServiceAccount {
            metadata: ObjectMeta {
                name: Some(ACCOUNT.to_owned()),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        };
        if self
            .store()
            .get::<ServiceAccount>(&name_of(&account.metadata))
            .is_none()
        {
            // Already there, or its namespace is gone: somebody else was faster.
            let _ = self
                .registry
                .create(Object::ServiceAccount(account), Mode::Commit);
        }
    }

    /// Removes a namespace that is empty, unless somebody else keeps it.
    fn let_go(&self, namespace: &Shared<Namespace>) {
        let is_kept = namespace.metadata.finalizers.iter().flatten().next().is_some();
        let emptied = is_kept.then(|| {
            let mut namespace = Namespace::clone(namespace);
            namespace.spec.get_or_insert_default().finalizers = None;
            namespace.into_object()
        });
        // Changed in between: its own event follows.
        let _ = self.store().replace(namespace.object(), emptied);
    }

    fn content(&self, namespace: &str) -> Vec<Key> {
        let kinds = Kind::ALL.iter().filter(|kind| kind.namespaced());
        let objects = kinds.flat_map(|kind| self.store().list_objects_in(*kind, namespace));
        objects
            .map(|object| (object.kind(), name_of(object.metadata())))
            .collect()
    }
}

fn cluster_scoped(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: String::new(),
        name: name.to_owned(),
    }
}
