//! What was: the changes that are remembered, and how objects were before them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;

use super::{Change, Event, Json, State, Store, name_of, write};

/// Changes since a revision can't be told; reason `Expired`, or of the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {revision} ({newest})")]
pub struct Expired {
    /// The revision asked for.
    pub revision: u64,
    /// The newest revision.
    pub newest: u64,
}

/// How many changes are remembered: who reads on from an older revision has to list anew.
const REMEMBERED: usize = 4_096;
/// How many of them are remembered with their objects. Of older ones there is JSON, which takes a quarter of the memory.
const RECENT: usize = 256;

/// The newest changes, oldest first; their revisions have no gaps.
#[derive(Default)]
pub(super) struct History(VecDeque<Past>);

/// A change that is remembered.
#[derive(Debug, Clone)]
pub struct Past {
    /// The store's revision after the change.
    pub revision: u64,
    /// What happened.
    pub change: Change,
    /// The kind of the object.
    pub kind: Kind,
    /// Its name.
    pub name: NamespacedName,
    object: Version,
    old: Option<Version>,
}

/// An object as it was: at least one of its two forms.
#[derive(Debug, Clone)]
struct Version {
    object: Option<Arc<Object>>,
    json: Json,
}

impl History {
    pub(super) fn push(&mut self, event: Event) {
        let old = event.old.map(|object| Version {
            json: self.json_of(&object).unwrap_or_default(),
            object: Some(object),
        });
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Past {
            revision: event.revision,
            change: event.change,
            kind: event.object.kind(),
            name: name_of(event.object.metadata()),
            object: Version {
                object: Some(event.object),
                json: event.json,
            },
            old,
        });
        let fading = self.0.len().checked_sub(RECENT + 1);
        if let Some(past) = fading.and_then(|index| self.0.get_mut(index)) {
            past.object.fade();
            past.old.iter_mut().for_each(Version::fade);
        }
    }

    /// Where the JSON of an object is that came by a change which is remembered.
    fn json_of(&self, object: &Object) -> Option<Json> {
        let revision: u64 = object.metadata().resource_version.as_ref()?.parse().ok()?;
        let index = revision.checked_sub(self.0.front()?.revision)?;
        let past = self.0.get(usize::try_from(index).ok()?)?;
        Some(past.object.json.clone())
    }
}

impl Past {
    /// The object after the change, or, deleted, as it was last.
    pub fn object(&self) -> Arc<Object> {
        self.object.object(self.kind)
    }

    /// The object before the change; none when it is new.
    pub fn old(&self) -> Option<Arc<Object>> {
        self.old.as_ref().map(|old| old.object(self.kind))
    }

    /// The object after the change as JSON: made once, however many are told of it.
    pub fn object_json(&self) -> &str {
        self.object.json()
    }
}

impl Version {
    fn json(&self) -> &str {
        let object = self.object.as_deref();
        self.json.get_or_init(|| object.map(write).unwrap_or_default())
    }

    fn fade(&mut self) {
        self.json();
        self.object = None;
    }

    fn object(&self, kind: Kind) -> Arc<Object> {
        let read = || {
            let json = serde_json::from_str(self.json()).ok()?;
            Object::from_json(kind, json).ok().map(Arc::new)
        };
        let object = self.object.clone().or_else(read);
        object.expect("what an object was written as is read as the same")
    }
}

impl Store {
    /// The objects of a kind as they were at a revision (now, without one), in one namespace or in all, by name; and that
    /// revision.
    ///
    /// # Errors
    /// [`Expired`] when the changes since then aren't remembered any more, or haven't happened yet.
    pub fn list_at(
        &self,
        kind: Kind,
        namespace: Option<&str>,
        revision: Option<u64>,
    ) -> Result<(u64, Vec<Arc<Object>>), Expired> {
        let state = self.lock();
        let now = state.range(kind, namespace.unwrap_or_default(), |name| {
            namespace.is_none_or(|namespace| namespace == name.namespace)
        });
        let newest = state.revision();
        let revision = revision.unwrap_or(newest);
        if revision == newest {
            return Ok((revision, now));
        }
        let mut changed = BTreeMap::new();
        for past in state.since(revision)?.rev() {
            if past.kind == kind && namespace.is_none_or(|namespace| namespace == past.name.namespace) {
                changed.insert(past.name.clone(), past.old.clone());
            }
        }
        drop(state);
        let mut objects: BTreeMap<_, _> = now
            .into_iter()
            .map(|object| (name_of(object.metadata()), object))
            .collect();
        for (name, old) in changed {
            match old {
                Some(old) => objects.insert(name, old.object(kind)),
                None => objects.remove(&name),
            };
        }
        Ok((revision, objects.into_values().collect()))
    }

    /// The changes after a revision, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`Expired`] when they aren't remembered any more, or the revision hasn't been reached yet.
    pub fn changes_after(&self, revision: u64, limit: usize) -> Result<Vec<Past>, Expired> {
        Ok(self.lock().since(revision)?.take(limit).cloned().collect())
    }
}

impl State {
    /// The changes after a revision, oldest first.
    fn since(&self, revision: u64) -> Result<impl DoubleEndedIterator<Item = &Past>, Expired> {
        let (newest, history) = (self.revision(), &self.history.0);
        let after = newest.checked_sub(revision).map(usize::try_from);
        match after {
            Some(Ok(after)) if after <= history.len() => Ok(history.range(history.len() - after..)),
            _ => Err(Expired { revision, newest }),
        }
    }
}
