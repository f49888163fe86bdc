//! What was: the changes that are remembered, and how objects were before them.

use std::collections::BTreeMap;
use std::sync::Arc;

use podlab_api::object::{Kind, Object};

use super::{Event, State, Store, name_of};

/// Changes since a revision can't be told; reason `Expired`, or of the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {revision} ({newest})")]
pub struct Expired {
    /// The revision asked for.
    pub revision: u64,
    /// The newest revision.
    pub newest: u64,
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
        let mut objects: BTreeMap<_, _> = now
            .into_iter()
            .map(|object| (name_of(object.metadata()), object))
            .collect();
        for event in state.since(revision)?.rev() {
            let name = name_of(event.object.metadata());
            if event.object.kind() != kind || namespace.is_some_and(|namespace| namespace != name.namespace) {
                continue;
            }
            match &event.old {
                Some(old) => objects.insert(name, old.clone()),
                None => objects.remove(&name),
            };
        }
        Ok((revision, objects.into_values().collect()))
    }

    /// The changes after a revision, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`Expired`] when they aren't remembered any more, or the revision hasn't been reached yet.
    pub fn changes_after(&self, revision: u64, limit: usize) -> Result<Vec<Event>, Expired> {
        Ok(self.lock().since(revision)?.take(limit).cloned().collect())
    }
}

impl State {
    /// The changes after a revision, oldest first.
    fn since(&self, revision: u64) -> Result<impl DoubleEndedIterator<Item = &Event>, Expired> {
        let newest = self.revision();
        let after = newest.checked_sub(revision).map(usize::try_from);
        match after {
            Some(Ok(after)) if after <= self.history.len() => {
                Ok(self.history.range(self.history.len() - after..))
            }
            _ => Err(Expired { revision, newest }),
        }
    }
}
