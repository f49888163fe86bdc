//! Deletes what has lost its owners, and lets go what waits until its dependents are gone or have lost it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use podlab_api::object::Object;

use super::claims::forget_owners;
use super::{Controllers, Key, owner_key};
use crate::registry::{ApiError, Deletion, FOREGROUND, Mode, ORPHAN, Part, Propagation};
use crate::store::{Change, Event, StoreError, name_of};

/// What has become of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// It is there, or it can't be known.
    There,
    /// It waits until its dependents are gone.
    Waiting,
    Gone,
}

impl Controllers {
    /// Marks what a change may have made garbage of, or have freed. The index knows of the change already.
    pub(super) fn mark_garbage(&mut self, event: &Event) {
        let (new, old) = (&*event.object, event.old.as_deref());
        let is_gone = event.change == Change::Deleted;
        let new_owners = owners(Some(new).filter(|_| !is_gone));
        let old_owners = owners(old);
        if new_owners != old_owners {
            let metadata = new.metadata();
            self.garbage.insert((new.kind(), name_of(metadata)));
            let owners = new_owners.iter().chain(old_owners);
            let owners = owners.filter_map(|owner| owner_key(metadata, owner));
            self.garbage.extend(owners);
        }
        let starts_to_wait = waits(new) && !is_gone && !old.is_some_and(waits);
        if starts_to_wait {
            self.garbage.insert((new.kind(), name_of(new.metadata())));
        }
        if starts_to_wait || is_gone {
            let dependents = self.index.dependents(new.metadata()).cloned();
            self.garbage.extend(dependents);
        }
    }

    pub(super) fn collect_garbage(&mut self, key: &Key) {
        let Some(object) = self.store().get_object(key.0, &key.1) else {
            return;
        };
        let metadata = object.metadata();
        if metadata.deletion_timestamp.is_some() {
            if has_finalizer(metadata, ORPHAN) {
                self.orphan_dependents(&object);
            }
            if has_finalizer(metadata, FOREGROUND) && !self.is_blocked(metadata) {
                self.finalize(key, FOREGROUND);
            }
            return;
        }
        let owners = owners(Some(&object));
        let states: Vec<Owner> = owners.iter().map(|owner| self.owner(&object, owner)).collect();
        if states.iter().all(|state| *state == Owner::There) {
            return;
        }
        if states.contains(&Owner::There) {
            let there = owners
                .iter()
                .zip(&states)
                .filter(|(_, state)| **state == Owner::There);
            let there: Vec<_> = there.map(|(owner, _)| owner.uid.clone()).collect();
            self.change_metadata(key, |metadata| {
                forget_owners(metadata, |owner| !there.contains(&owner.uid));
            });
            return;
        }
        let has_dependents = self.index.dependents(metadata).next().is_some();
        let foreground = states.contains(&Owner::Waiting) && has_dependents;
        if foreground && self.owns_who_waits(metadata) {
            // They own each other: one of them mustn't hold the other.
            self.change_metadata(key, |metadata| {
                let owners = metadata.owner_references.iter_mut().flatten();
                owners.for_each(|owner| owner.block_owner_deletion = Some(false));
            });
        }
        let options = Deletion {
            propagation: foreground.then_some(Propagation::Foreground),
            uid: metadata.uid.clone(),
            ..Deletion::default()
        };
        // Not found, or another of its name: somebody else was faster.
        let _ = self.registry.delete_with(key.0, &key.1, &options);
    }

    fn owner(&self, object: &Object, owner: &OwnerReference) -> Owner {
        let metadata = object.metadata();
        let Some((kind, name)) = owner_key(metadata, owner) else {
            return Owner::There;
        };
        // Kubernetes doesn't know either in which namespace to look.
        if kind.namespaced() && metadata.namespace.is_none() {
            return Owner::There;
        }
        let found = self.store().get_object(kind, &name);
        let found = found.filter(|found| found.metadata().uid.as_ref() == Some(&owner.uid));
        match found {
            None => Owner::Gone,
            Some(found) if has_finalizer(found.metadata(), FOREGROUND) && waits(&found) => Owner::Waiting,
            Some(_) => Owner::There,
        }
    }

    /// Whether a dependent is there that its owner has to wait for.
    fn is_blocked(&self, owner: &ObjectMeta) -> bool {
        self.index.dependents(owner).any(|(kind, name)| {
            let dependent = self.store().get_object(*kind, name);
            dependent.is_some_and(|dependent| {
                let mut owners = dependent.metadata().owner_references.iter().flatten();
                owners.any(|other| {
                    Some(&other.uid) == owner.uid.as_ref() && other.block_owner_deletion == Some(true)
                })
            })
        })
    }

    fn owns_who_waits(&self, owner: &ObjectMeta) -> bool {
        let mut dependents = self.index.dependents(owner);
        dependents.any(|(kind, name)| {
            let dependent = self.store().get_object(*kind, name);
            dependent.is_some_and(|dependent| waits(&dependent))
        })
    }

    fn orphan_dependents(&self, owner: &Object) {
        let metadata = owner.metadata();
        let uid = metadata.uid.as_deref().unwrap_or_default();
        for dependent in self.index.dependents(metadata) {
            self.change_metadata(dependent, |metadata| {
                forget_owners(metadata, |owner| owner.uid == uid)
            });
        }
        self.finalize(&(owner.kind(), name_of(metadata)), ORPHAN);
    }

    fn finalize(&self, key: &Key, finalizer: &str) {
        self.change_metadata(key, |metadata| {
            let finalizers = metadata.finalizers.iter_mut();
            finalizers.for_each(|finalizers| finalizers.retain(|other| other != finalizer));
        });
    }

    /// An object that is gone needs no change.
    fn change_metadata(&self, (kind, name): &Key, change: impl Fn(&mut ObjectMeta)) {
        while let Some(stored) = self.store().get_object(*kind, name) {
            let mut object = Object::clone(&stored);
            change(object.metadata_mut());
            match self.registry.update(object, Part::Object, Mode::Commit) {
                // Somebody has changed it in between.
                Err(ApiError::Store(StoreError::Conflict { .. })) => {}
                Err(error) => return tracing::warn!(%error, "garbage collector"),
                Ok(_) => return,
            }
        }
    }
}

fn owners(object: Option<&Object>) -> &[OwnerReference] {
    let owners = object.and_then(|object| object.metadata().owner_references.as_deref());
    owners.unwrap_or_default()
}

/// Whether an object is there only until its dependents are gone or have lost it.
fn waits(object: &Object) -> bool {
    let metadata = object.metadata();
    metadata.deletion_timestamp.is_some()
        && [ORPHAN, FOREGROUND]
            .iter()
            .any(|finalizer| has_finalizer(metadata, finalizer))
}

fn has_finalizer(metadata: &ObjectMeta, finalizer: &str) -> bool {
    let mut finalizers = metadata.finalizers.iter().flatten();
    finalizers.any(|other| other == finalizer)
}
