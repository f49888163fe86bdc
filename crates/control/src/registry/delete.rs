//! Deleting: at once, or marked and waiting for what must come before.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::SignedDuration;
use podlab_api::builtin::NAMESPACES;
use podlab_api::object::{Kind, Object};
use podlab_api::steps::NamespacedName;

use super::write::Mode;
use super::{ApiError, Registry};
use crate::pods::is_over;
use crate::store::{StoreError, name_of};

/// The finalizer of an object whose dependents lose it before it goes.
pub const ORPHAN: &str = "orphan";
/// The finalizer of an object whose dependents go before it.
pub const FOREGROUND: &str = "foregroundDeletion";

/// How an object is deleted: Kubernetes' DeleteOptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletion {
    /// What becomes of its dependents; none: what its finalizers say, or background.
    pub propagation: Option<Propagation>,
    /// How long a pod's containers have; none: what the pod says.
    pub grace_period_seconds: Option<i64>,
    /// The uid that it must have.
    pub uid: Option<String>,
    /// The resourceVersion that it must have.
    pub resource_version: Option<String>,
    /// Whether it is only tried.
    pub mode: Mode,
}

/// What becomes of the objects that name a deleted one as their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They stay, and lose it.
    Orphan,
    /// They go after it.
    Background,
    /// They go before it.
    Foreground,
}

/// What a deletion has come to.
#[derive(Debug, Clone)]
pub enum Deleted {
    /// The object is gone; as it was last.
    Gone(Arc<Object>),
    /// It is marked and waits for something.
    Marked(Arc<Object>),
}

impl Registry {
    /// Deletes an object as Kubernetes does by default: pods on a node when they have stopped, namespaces when they are
    /// empty, others at once.
    ///
    /// # Errors
    /// [`ApiError`] as [`Self::delete_with`] has them.
    pub fn delete(&self, kind: Kind, name: &NamespacedName) -> Result<(), ApiError> {
        self.delete_with(kind, name, &Deletion::default()).map(drop)
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`ApiError::Precondition`]; [`ApiError::Forbidden`] for the namespaces that every
    /// cluster has.
    pub fn delete_with(
        &self,
        kind: Kind,
        name: &NamespacedName,
        options: &Deletion,
    ) -> Result<Deleted, ApiError> {
        if kind == Kind::Namespace && NAMESPACES.contains(&&*name.name) {
            let why = "this namespace may not be deleted".to_owned();
            let name = name.name.clone();
            return Err(ApiError::Forbidden { kind, name, why });
        }
        loop {
            let stored = self.store.get_object(kind, name);
            let stored = stored.ok_or_else(|| StoreError::NotFound {
                kind,
                name: name.clone(),
            })?;
            check(&stored, options)?;
            match self.delete_stored(&stored, options) {
                // Somebody has changed it in between: it is looked at again.
                Err(ApiError::Store(StoreError::Conflict { .. })) => {}
                result => return result,
            }
        }
    }

    fn delete_stored(&self, stored: &Arc<Object>, options: &Deletion) -> Result<Deleted, ApiError> {
        let mut marked = Object::clone(stored);
        let finalizers = finalizers(stored, options.propagation);
        let grace = match &**stored {
            Object::Pod(pod) => grace(pod, options.grace_period_seconds),
            _ => 0,
        };
        let waits = !finalizers.is_empty() || grace > 0 || stored.kind() == Kind::Namespace;
        if !waits {
            return self.remove(stored, options.mode).map(Deleted::Gone);
        }
        let metadata = marked.metadata_mut();
        metadata.finalizers = Some(finalizers).filter(|finalizers| !finalizers.is_empty());
        let first = metadata.deletion_timestamp.is_none();
        let sooner = metadata
            .deletion_grace_period_seconds
            .is_none_or(|seconds| grace < seconds);
        if first || sooner {
            let now = self.store.now().0;
            let end = now.checked_add(SignedDuration::from_secs(grace)).unwrap_or(now);
            metadata.deletion_timestamp = Some(Time(end));
            metadata.deletion_grace_period_seconds = Some(grace);
        }
        if first {
            metadata.generation = metadata.generation.map(|generation| generation + 1);
        }
        if let Object::Namespace(namespace) = &mut marked {
            // It waits for what is in it, not for time to pass.
            namespace.metadata.deletion_grace_period_seconds = None;
            namespace.status.get_or_insert_default().phase = Some("Terminating".to_owned());
        }
        let marked = self.replace(stored, marked, options.mode)?;
        if options.mode == Mode::Commit && stored.kind() == Kind::ServiceCIDR {
            self.close_service_cidr(&name_of(stored.metadata()));
        }
        Ok(Deleted::Marked(marked))
    }
}

fn check(stored: &Object, options: &Deletion) -> Result<(), ApiError> {
    let metadata = stored.metadata();
    if let Some(uid) = &options.uid
        && metadata.uid.as_ref() != Some(uid)
    {
        return Err(ApiError::uid(stored, uid));
    }
    let there = metadata.resource_version.as_deref().unwrap_or_default();
    match options.resource_version.as_deref() {
        Some(wanted) if wanted != there => Err(ApiError::Precondition {
            kind: stored.kind(),
            name: name_of(metadata).name,
            why: format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
                 ({there}). The object might have been modified"
            ),
        }),
        _ => Ok(()),
    }
}

fn finalizers(stored: &Object, propagation: Option<Propagation>) -> Vec<String> {
    let mut finalizers = stored.metadata().finalizers.clone().unwrap_or_default();
    let own = match propagation {
        None => return finalizers,
        Some(Propagation::Orphan) => Some(ORPHAN),
        Some(Propagation::Foreground) => Some(FOREGROUND),
        Some(Propagation::Background) => None,
    };
    finalizers.retain(|finalizer| ![ORPHAN, FOREGROUND].contains(&&**finalizer));
    finalizers.extend(own.map(str::to_owned));
    finalizers
}

/// How long a pod's containers have from now on; 0 when nothing of it runs.
fn grace(pod: &Pod, asked: Option<i64>) -> i64 {
    let spec = pod.spec.as_ref();
    let is_bound = spec.is_some_and(|spec| spec.node_name.is_some());
    if !is_bound || is_over(pod) {
        return 0;
    }
    let seconds = asked
        .or(pod.metadata.deletion_grace_period_seconds)
        .or(spec.and_then(|spec| spec.termination_grace_period_seconds))
        .unwrap_or(30);
    // Kubernetes accepts less than nothing, and takes it for a second.
    if seconds < 0 { 1 } else { seconds }
}
