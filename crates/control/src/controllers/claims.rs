//! Who controls what: sets take the pods that they select and nobody controls, deployments take sets, and both let go
//! what they don't select any more.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use podlab_api::object::Resource;

use super::Controllers;
use super::index::Selector;
use crate::store::{Shared, name_of};

impl Controllers {
    /// The objects of a kind that `owner` controls then, of those that count.
    pub(super) fn claim<T: Resource>(
        &self,
        owner: &impl Resource,
        selector: Option<Selector>,
        counts: impl Fn(&T) -> bool,
    ) -> Vec<Shared<T>> {
        let selects = |object: &T| {
            let selector = selector.as_ref();
            selector.is_some_and(|selector| selector.matches(object.metadata()))
        };
        let mut claimed = Vec::new();
        let candidates = self.candidates::<T>(owner.metadata(), selector.as_ref());
        for object in candidates.into_iter().filter(|object| counts(object)) {
            match controller_of(object.metadata()) {
                Some(controller) if Some(&controller.uid) == owner.metadata().uid.as_ref() => {
                    if selects(&object) {
                        claimed.push(object);
                    } else {
                        self.release(owner, &*object);
                    }
                }
                None if selects(&object) => claimed.extend(self.adopt(owner, &*object)),
                _ => {}
            }
        }
        claimed
    }

    /// What names `owner`, and what it may select.
    fn candidates<T: Resource>(&self, owner: &ObjectMeta, selector: Option<&Selector>) -> Vec<Shared<T>> {
        let namespace = owner.namespace.as_deref().unwrap_or_default();
        let mut candidates: Vec<Shared<T>> = self.owned(owner);
        match selector {
            Some(selector) if selector.exact.is_empty() => {
                let all = self.store().list_in::<T>(namespace).into_iter();
                candidates.extend(
                    all.filter(|object| !self.index.is_owned(owner, T::KIND, &name_of(object.metadata()))),
                );
            }
            Some(selector) => {
                let names = self.index.labelled(T::KIND, namespace, &selector.exact);
                let others = names.filter(|name| !self.index.is_owned(owner, T::KIND, name));
                candidates.extend(others.filter_map(|name| self.store().get::<T>(name)));
            }
            None => {}
        }
        candidates
    }

    /// Who goes takes nothing, and nothing that goes is taken.
    fn adopt<T: Resource>(&self, owner: &impl Resource, object: &T) -> Option<Shared<T>> {
        let goes = |metadata: &ObjectMeta| metadata.deletion_timestamp.is_some();
        if goes(owner.metadata()) || goes(object.metadata()) {
            return None;
        }
        let reference = controller_reference(owner);
        let change = |object: &mut T| {
            let metadata = object.metadata_mut();
            // Somebody else may have been faster.
            if controller_of(metadata).is_none() {
                let owners = metadata.owner_references.get_or_insert_default();
                owners.retain(|owner| owner.uid != reference.uid);
                owners.push(reference.clone());
            }
        };
        let adopted = self.store().modify(&name_of(object.metadata()), change).ok()?;
        (controller_of(adopted.metadata()) == Some(&reference)).then_some(adopted)
    }

    fn release<T: Resource>(&self, owner: &impl Resource, object: &T) {
        if owner.metadata().deletion_timestamp.is_some() {
            return;
        }
        let uid = owner.metadata().uid.clone().unwrap_or_default();
        // Not found: there is nothing to let go.
        let _ = self
            .store()
            .modify(&name_of(object.metadata()), |object: &mut T| {
                forget_owners(object.metadata_mut(), |owner| owner.uid == uid);
            });
    }
}

/// The reference to the object that controls this one.
pub(super) fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    let mut owners = metadata.owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true))
}

/// Takes references to owners out.
pub(super) fn forget_owners(metadata: &mut ObjectMeta, which: impl Fn(&OwnerReference) -> bool) {
    let owners = &mut metadata.owner_references;
    owners
        .iter_mut()
        .for_each(|owners| owners.retain(|owner| !which(owner)));
    owners.take_if(|owners| owners.is_empty());
}

/// A reference to the object that controls another.
pub(super) fn controller_reference<T: Resource>(owner: &T) -> OwnerReference {
    OwnerReference {
        api_version: T::KIND.api_version().to_owned(),
        kind: T::KIND.as_str().to_owned(),
        name: owner.metadata().name.clone().unwrap_or_default(),
        uid: owner.metadata().uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
