//! The object store: what is, with a revision for every change, and watches that see each change in order.
//!
//! All state of a cluster is here. Controllers and node agents read it, compare, and write back; nothing else
//! connects them. Objects are kept as they are given: defaulting, validation and allocation are the registry's.

mod shared;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::steps::NamespacedName;
use tokio::sync::mpsc;

pub use shared::Shared;

/// Gives the time that `creationTimestamp` and `deletionTimestamp` are set to.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// A handle on a store; clones share it.
#[derive(Clone)]
pub struct Store {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    revision: u64,
    objects: BTreeMap<(Kind, NamespacedName), Arc<Object>>,
    watches: Vec<mpsc::UnboundedSender<Event>>,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub struct Event {
    /// The store's revision after the change; an agent that has dealt with it is up to date to there.
    pub revision: u64,
    /// What happened.
    pub change: Change,
    /// The object after the change, or, deleted, as it was last.
    pub object: Arc<Object>,
    /// The object before the change; none when it is new.
    pub old: Option<Arc<Object>>,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    Added,
    Modified,
    Deleted,
}

/// The store can't do what was asked; texts as Kubernetes' API gives them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Reason `NotFound`.
    #[error("{} \"{}\" not found", kind.plural(), name.name)]
    NotFound {
        /// The kind asked for.
        kind: Kind,
        /// The name asked for.
        name: NamespacedName,
    },
    /// Reason `AlreadyExists`.
    #[error("{} \"{}\" already exists", kind.plural(), name.name)]
    AlreadyExists {
        /// The kind to be created.
        kind: Kind,
        /// The name that is taken.
        name: NamespacedName,
    },
    /// Reason `Conflict`: the object was changed since it was read.
    #[error(
        "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to the latest version and try again",
        kind.plural(), name.name
    )]
    Conflict {
        /// The kind to be updated.
        kind: Kind,
        /// Its name.
        name: NamespacedName,
    },
}

impl Store {
    /// An empty store that takes its times from `clock`.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Now, by the store's clock.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    /// The revision of the newest change; 0 before the first.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Adds an object; sets its uid, creationTimestamp and resourceVersion.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when its kind and name are taken.
    pub fn create<T: Resource>(&self, mut object: T) -> Result<Shared<T>, StoreError> {
        let name = name_of(object.metadata());
        let mut state = self.lock();
        if state.objects.contains_key(&(T::KIND, name.clone())) {
            return Err(StoreError::AlreadyExists { kind: T::KIND, name });
        }
        let metadata = object.metadata_mut();
        metadata.uid.get_or_insert_with(new_uid);
        metadata.creation_timestamp = Some(self.now());
        Ok(Shared::of(state.put(name, object.into_object())))
    }

    /// Puts a new version of an object. When the new version carries a resourceVersion, it must be the stored one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when the stored object is newer.
    pub fn update<T: Resource>(&self, object: T) -> Result<Shared<T>, StoreError> {
        let name = name_of(object.metadata());
        let mut state = self.lock();
        let stored = state.get(T::KIND, &name)?;
        let given = &object.metadata().resource_version;
        if given.is_some() && *given != stored.metadata().resource_version {
            return Err(StoreError::Conflict { kind: T::KIND, name });
        }
        Ok(Shared::of(state.replace(name, &stored, object)))
    }

    /// Changes an object where it stands: reads, changes and puts it back as one. No change, no new version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn modify<T: Resource>(
        &self,
        name: &NamespacedName,
        change: impl FnOnce(&mut T),
    ) -> Result<Shared<T>, StoreError> {
        let mut state = self.lock();
        let stored: Shared<T> = Shared::of(state.get(T::KIND, name)?);
        let mut object = T::clone(&stored);
        change(&mut object);
        Ok(Shared::of(state.replace(name.clone(), stored.object(), object)))
    }

    /// Removes an object at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn remove<T: Resource>(&self, name: &NamespacedName) -> Result<Shared<T>, StoreError> {
        let mut state = self.lock();
        let old = state.get(T::KIND, name)?;
        state.objects.remove(&(T::KIND, name.clone()));
        state.revision += 1;
        state.tell(Change::Deleted, &old, Some(old.clone()));
        Ok(Shared::of(old))
    }

    /// The object of this kind and name, if there is one.
    pub fn get<T: Resource>(&self, name: &NamespacedName) -> Option<Shared<T>> {
        self.lock().get(T::KIND, name).ok().map(Shared::of)
    }

    /// The object of this kind and name in its untyped form, if there is one.
    pub fn get_object(&self, kind: Kind, name: &NamespacedName) -> Option<Arc<Object>> {
        self.lock().get(kind, name).ok()
    }

    /// All objects of a kind, by namespace and name.
    pub fn list<T: Resource>(&self) -> Vec<Shared<T>> {
        let first = NamespacedName {
            namespace: String::new(),
            name: String::new(),
        };
        self.range(first, |_| true)
    }

    /// The objects of a kind in one namespace, by name.
    pub fn list_in<T: Resource>(&self, namespace: &str) -> Vec<Shared<T>> {
        let first = NamespacedName {
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        self.range(first, |name| name.namespace == namespace)
    }

    /// All objects of a kind in their untyped form, by namespace and name.
    pub fn list_objects(&self, kind: Kind) -> Vec<Arc<Object>> {
        let first = NamespacedName {
            namespace: String::new(),
            name: String::new(),
        };
        let state = self.lock();
        let objects = state.objects.range((kind, first)..);
        let of_kind = objects.take_while(|((other, _), _)| *other == kind);
        of_kind.map(|(_, object)| object.clone()).collect()
    }

    fn range<T: Resource>(
        &self,
        first: NamespacedName,
        keep: impl Fn(&NamespacedName) -> bool,
    ) -> Vec<Shared<T>> {
        self.lock()
            .objects
            .range((T::KIND, first)..)
            .take_while(|((kind, name), _)| *kind == T::KIND && keep(name))
            .map(|(_, object)| Shared::of(object.clone()))
            .collect()
    }

    /// Sees every object that is there now as [`Change::Added`], then every change, in order, until it is dropped.
    pub fn watch(&self) -> Watch {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = self.lock();
        for object in state.objects.values() {
            let event = Event {
                revision: state.revision,
                change: Change::Added,
                object: object.clone(),
                old: None,
            };
            let _ = sender.send(event);
        }
        state.watches.push(sender);
        Watch { receiver }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything can panic, so a poisoned lock guards a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn get(&self, kind: Kind, name: &NamespacedName) -> Result<Arc<Object>, StoreError> {
        self.objects
            .get(&(kind, name.clone()))
            .cloned()
            .ok_or_else(|| StoreError::NotFound {
                kind,
                name: name.clone(),
            })
    }

    fn replace<T: Resource>(
        &mut self,
        name: NamespacedName,
        stored: &Arc<Object>,
        mut object: T,
    ) -> Arc<Object> {
        let (old, new) = (stored.metadata(), object.metadata_mut());
        new.uid.clone_from(&old.uid);
        new.creation_timestamp.clone_from(&old.creation_timestamp);
        new.resource_version.clone_from(&old.resource_version);
        let object = object.into_object();
        if object == **stored {
            stored.clone()
        } else {
            self.put(name, object)
        }
    }

    fn put(&mut self, name: NamespacedName, mut object: Object) -> Arc<Object> {
        self.revision += 1;
        object.metadata_mut().resource_version = Some(self.revision.to_string());
        let object = Arc::new(object);
        let old = self.objects.insert((object.kind(), name), object.clone());
        let change = if old.is_some() {
            Change::Modified
        } else {
            Change::Added
        };
        self.tell(change, &object, old);
        object
    }

    fn tell(&mut self, change: Change, object: &Arc<Object>, old: Option<Arc<Object>>) {
        let event = Event {
            revision: self.revision,
            change,
            object: object.clone(),
            old,
        };
        self.watches.retain(|watch| watch.send(event.clone()).is_ok());
    }
}

/// A reader of changes; see [`Store::watch`].
pub struct Watch {
    receiver: mpsc::UnboundedReceiver<Event>,
}

impl Watch {
    /// The next change, waiting for it; none when the store is gone.
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }

    /// The next change, if there is one already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }
}

/// Namespace and name of an object.
pub fn name_of(metadata: &ObjectMeta) -> NamespacedName {
    NamespacedName {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    }
}

/// A random UUID (version 4), as Kubernetes gives objects.
fn new_uid() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | 4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests;
