//! The object store: what is, with a revision for every change, and watches that see each change in order.
//!
//! All state of a cluster is here. Controllers and node agents read it, compare, and write back; nothing else
//! connects them. Objects are kept as they are given: defaulting, validation and allocation are the registry's.

mod past;
mod shared;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::steps::NamespacedName;
use tokio::sync::{mpsc, watch};

use past::History;
pub use past::{Expired, Past};
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
    objects: BTreeMap<Kind, BTreeMap<NamespacedName, Arc<Object>>>,
    watches: Vec<mpsc::UnboundedSender<Event>>,
    /// The newest revision; each change is one more.
    revision: watch::Sender<u64>,
    history: History,
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
    json: Json,
}

/// An object's JSON, once somebody has asked for it.
type Json = Arc<OnceLock<Box<str>>>;

impl Event {
    /// The object as JSON: made once, however many are told of it.
    pub fn object_json(&self) -> &str {
        self.json.get_or_init(|| write(&self.object))
    }
}

fn write(object: &Object) -> Box<str> {
    // All of podlab's objects have a JSON form.
    serde_json::to_string(object).unwrap_or_default().into()
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
    #[error("{} \"{}\" not found", kind.qualified(), name.name)]
    NotFound {
        /// The kind asked for.
        kind: Kind,
        /// The name asked for.
        name: NamespacedName,
    },
    /// Reason `AlreadyExists`.
    #[error("{} \"{}\" already exists", kind.qualified(), name.name)]
    AlreadyExists {
        /// The kind to be created.
        kind: Kind,
        /// The name that is taken.
        name: NamespacedName,
    },
    /// Reason `Conflict`: the object was changed since it was read.
    #[error(
        "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to the latest version and try again",
        kind.qualified(), name.name
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
        self.lock().revision()
    }

    /// Adds an object; sets its uid, creationTimestamp and resourceVersion.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when its kind and name are taken.
    pub fn create<T: Resource>(&self, object: T) -> Result<Shared<T>, StoreError> {
        self.create_object(object.into_object()).map(Shared::of)
    }

    /// Adds an object of any kind, as [`Self::create`] does.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn create_object(&self, mut object: Object) -> Result<Arc<Object>, StoreError> {
        let (kind, name) = (object.kind(), name_of(object.metadata()));
        let mut state = self.lock();
        if state.find(kind, &name).is_some() {
            return Err(StoreError::AlreadyExists { kind, name });
        }
        self.give_birth(&mut object);
        Ok(state.put(name, object))
    }

    /// Sets what an object gets once and for all.
    pub fn give_birth(&self, object: &mut Object) {
        let metadata = object.metadata_mut();
        metadata.uid = Some(new_uid());
        metadata.creation_timestamp = Some(self.now());
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
        Ok(Shared::of(state.replace(name, &stored, object.into_object())))
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
        Ok(Shared::of(state.replace(
            name.clone(),
            stored.object(),
            object.into_object(),
        )))
    }

    /// Removes an object at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn remove<T: Resource>(&self, name: &NamespacedName) -> Result<Shared<T>, StoreError> {
        self.remove_object(T::KIND, name).map(Shared::of)
    }

    /// Removes an object of any kind at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn remove_object(&self, kind: Kind, name: &NamespacedName) -> Result<Arc<Object>, StoreError> {
        let mut state = self.lock();
        let old = state.get(kind, name)?;
        Ok(state.take(name, old))
    }

    /// Takes the place of `stored`, which must be what is stored now: with a new version, or with nothing. No change, no
    /// new version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when something else is stored.
    pub fn replace(&self, stored: &Arc<Object>, new: Option<Object>) -> Result<Arc<Object>, StoreError> {
        let (kind, name) = (stored.kind(), name_of(stored.metadata()));
        let mut state = self.lock();
        if !Arc::ptr_eq(&state.get(kind, &name)?, stored) {
            return Err(StoreError::Conflict { kind, name });
        }
        Ok(match new {
            Some(new) => state.replace(name, stored, new),
            None => state.take(&name, stored.clone()),
        })
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
        self.list_objects(T::KIND).into_iter().map(Shared::of).collect()
    }

    /// The objects of a kind in one namespace, by name.
    pub fn list_in<T: Resource>(&self, namespace: &str) -> Vec<Shared<T>> {
        let objects = self.list_objects_in(T::KIND, namespace).into_iter();
        objects.map(Shared::of).collect()
    }

    /// All objects of a kind in their untyped form, by namespace and name.
    pub fn list_objects(&self, kind: Kind) -> Vec<Arc<Object>> {
        self.lock().range(kind, "", |_| true)
    }

    /// The objects of a kind in one namespace in their untyped form, by name.
    pub fn list_objects_in(&self, kind: Kind, namespace: &str) -> Vec<Arc<Object>> {
        self.lock()
            .range(kind, namespace, |name| name.namespace == namespace)
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.lock().objects.get(&kind).map_or(0, BTreeMap::len)
    }

    /// Tells of each new revision.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.lock().revision.subscribe()
    }

    /// Sees every object that is there now as [`Change::Added`], then every change, in order, until it is dropped.
    pub fn watch(&self) -> Watch {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = self.lock();
        for object in state.objects.values().flat_map(BTreeMap::values) {
            let event = Event {
                revision: state.revision(),
                change: Change::Added,
                object: object.clone(),
                old: None,
                json: Arc::default(),
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
    /// The objects of a kind from the first of `namespace` on, as long as they are to be kept.
    fn range(&self, kind: Kind, namespace: &str, keep: impl Fn(&NamespacedName) -> bool) -> Vec<Arc<Object>> {
        let first = NamespacedName {
            namespace: namespace.to_owned(),
            name: String::new(),
        };
        let objects = self.objects.get(&kind).map(|objects| objects.range(first..));
        objects
            .into_iter()
            .flatten()
            .take_while(|(name, _)| keep(name))
            .map(|(_, object)| object.clone())
            .collect()
    }

    fn find(&self, kind: Kind, name: &NamespacedName) -> Option<&Arc<Object>> {
        self.objects.get(&kind)?.get(name)
    }

    fn get(&self, kind: Kind, name: &NamespacedName) -> Result<Arc<Object>, StoreError> {
        self.find(kind, name)
            .cloned()
            .ok_or_else(|| StoreError::NotFound {
                kind,
                name: name.clone(),
            })
    }

    fn replace(&mut self, name: NamespacedName, stored: &Arc<Object>, mut object: Object) -> Arc<Object> {
        let (old, new) = (stored.metadata(), object.metadata_mut());
        new.uid.clone_from(&old.uid);
        new.creation_timestamp.clone_from(&old.creation_timestamp);
        new.resource_version.clone_from(&old.resource_version);
        if object == **stored {
            stored.clone()
        } else {
            self.put(name, object)
        }
    }

    fn put(&mut self, name: NamespacedName, mut object: Object) -> Arc<Object> {
        let revision = self.revision() + 1;
        object.metadata_mut().resource_version = Some(revision.to_string());
        let object = Arc::new(object);
        let old = self
            .objects
            .entry(object.kind())
            .or_default()
            .insert(name, object.clone());
        let change = if old.is_some() {
            Change::Modified
        } else {
            Change::Added
        };
        self.tell(revision, change, object.clone(), old);
        object
    }

    /// The object as it was last has the revision of its end.
    fn take(&mut self, name: &NamespacedName, old: Arc<Object>) -> Arc<Object> {
        let revision = self.revision() + 1;
        if let Some(objects) = self.objects.get_mut(&old.kind()) {
            objects.remove(name);
        }
        let mut last = Object::clone(&old);
        last.metadata_mut().resource_version = Some(revision.to_string());
        let last = Arc::new(last);
        self.tell(revision, Change::Deleted, last.clone(), Some(old));
        last
    }

    fn tell(&mut self, revision: u64, change: Change, object: Arc<Object>, old: Option<Arc<Object>>) {
        let event = Event {
            revision,
            change,
            object,
            old,
            json: Arc::default(),
        };
        self.watches.retain(|watch| watch.send(event.clone()).is_ok());
        self.history.push(event);
        self.revision.send_replace(revision);
    }

    fn revision(&self) -> u64 {
        *self.revision.borrow()
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
