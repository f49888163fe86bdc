//! Where objects enter the store: defaults, validation, allocation, and Kubernetes' answers.

mod delete;
mod kept;
mod pod;
mod service;
mod service_cidr;
mod strategy;
#[cfg(test)]
mod tests;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use podlab_api::builtin;
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::steps::NamespacedName;
use podlab_api::validation::FieldError;

use crate::allocator::{AllocationError, ClusterIps, first_address};
use crate::store::{Store, StoreError, name_of};

pub use delete::{Deleted, Deletion, FOREGROUND, ORPHAN, Propagation};
pub use write::{Mode, Part};

/// How many pods a cluster has at most, running or waiting: about five times as many as a node can have.
pub const MOST_PODS: usize = 5_000;

/// What a registry has to know of its cluster.
#[derive(Debug, Clone, Copy)]
pub struct RegistryOptions {
    /// Where ClusterIPs come from.
    pub service_cidr: IpNet,
}

/// The way into a store; clones share it.
#[derive(Clone)]
pub struct Registry {
    store: Store,
    addresses: Arc<Mutex<ClusterIps>>,
}

/// What `apply` has done, in kubectl's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The object is new.
    Created,
    /// The object has changed.
    Configured,
    /// The object was like that already.
    Unchanged,
}

/// A request that the registry refuses, in the words of Kubernetes' API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Reasons `NotFound`, `AlreadyExists`, `Conflict`.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reason `Invalid`.
    #[error("{} \"{name}\" is invalid: {}", kind.qualified_kind(), list(errors))]
    Invalid {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        name: String,
        /// What is wrong with it.
        errors: Vec<FieldError>,
    },
    /// Reason `NotFound`: the object's namespace isn't there.
    #[error("namespaces \"{0}\" not found")]
    NoNamespace(String),
    /// Reason `Forbidden`.
    #[error("{} \"{name}\" is forbidden: {why}", kind.qualified())]
    Forbidden {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        name: String,
        /// Why it is.
        why: String,
    },
    /// Reason `Forbidden`: there are as many of the kind as there can be, in the words of a ResourceQuota.
    #[error(
        "{of} \"{name}\" is forbidden: exceeded quota: podlab, requested: {of}=1, used: {of}={used}, limited: {of}={used}",
        of = kind.qualified()
    )]
    Exceeded {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        name: String,
        /// How many there are.
        used: usize,
    },
    /// Reason `Conflict`: the object isn't the one that the request is for.
    #[error("Operation cannot be fulfilled on {} \"{name}\": Precondition failed: {why}", kind.qualified())]
    Precondition {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        name: String,
        /// What is different.
        why: String,
    },
    /// No reason: so Kubernetes has it when the storage refuses a request.
    #[error("{0}")]
    Unknown(String),
    /// Reason `InternalError`: so Kubernetes has it when the addresses are used up.
    #[error("Internal error occurred: {0}")]
    Internal(String),
}

impl ApiError {
    fn uid(stored: &Object, given: &str) -> Self {
        let there = stored.metadata().uid.as_deref().unwrap_or_default();
        Self::Precondition {
            kind: stored.kind(),
            name: name_of(stored.metadata()).name,
            why: format!("UID in precondition: {given}, UID in object meta: {there}"),
        }
    }

    /// The path of the first field that is wrong, if a field is.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid { errors, .. } => errors.first().map(|error| &*error.place),
            Self::NoNamespace(_) => Some("metadata.namespace"),
            _ => None,
        }
    }
}

fn list(errors: &[FieldError]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in errors.iter().map(ToString::to_string) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if texts.len() == 1 {
        texts.concat()
    } else {
        format!("[{}]", texts.join(", "))
    }
}

impl Registry {
    /// A registry with the namespaces and the service that every cluster has.
    ///
    /// # Errors
    /// [`AllocationError::Unusable`] when the service range has no addresses to give.
    pub fn new(store: Store, options: RegistryOptions) -> Result<Self, AllocationError> {
        let first = first_address(options.service_cidr)?;
        let mut api = builtin::api_service();
        api.spec.get_or_insert_default().cluster_ip = Some(first.to_string());
        let registry = Self {
            store,
            addresses: Arc::default(),
        };
        let range = service_cidr::first(options.service_cidr);
        let others = [Object::ServiceCIDR(range), Object::Service(api)];
        for object in builtin::namespaces().map(Object::Namespace).chain(others) {
            registry
                .apply(object)
                .map_err(|_| AllocationError::Unusable(options.service_cidr))?;
        }
        Ok(registry)
    }

    /// The store behind it, to read and watch.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Creates an object, or changes the one of its name to be like it; what only the cluster knows stays, and so do
    /// annotations that it doesn't name.
    ///
    /// # Errors
    /// [`ApiError`]; nothing has changed then.
    pub fn apply(&self, mut object: Object) -> Result<Applied, ApiError> {
        let kind = object.kind();
        let metadata = object.metadata_mut();
        strategy::name_by_prefix(metadata);
        metadata.resource_version = None;
        if kind.namespaced() {
            metadata.namespace.get_or_insert_with(|| "default".to_owned());
        }
        let Some(stored) = self.store.get_object(kind, &name_of(metadata)) else {
            self.create(object, Mode::Commit)?;
            return Ok(Applied::Created);
        };
        let there = stored.metadata();
        metadata.owner_references = metadata
            .owner_references
            .take()
            .or(there.owner_references.clone());
        metadata.finalizers = metadata.finalizers.take().or(there.finalizers.clone());
        metadata.managed_fields.clone_from(&there.managed_fields);
        if let Some(annotations) = &there.annotations {
            let own = metadata.annotations.take().unwrap_or_default();
            metadata.annotations = Some(annotations.clone().into_iter().chain(own).collect());
        }
        let updated = self.update(object, Part::Object, Mode::Commit)?;
        let same = there.resource_version == updated.metadata().resource_version;
        Ok(if same {
            Applied::Unchanged
        } else {
            Applied::Configured
        })
    }

    /// Sets the number of replicas of a deployment.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`ApiError::Invalid`] for a negative number.
    pub fn scale(&self, deployment: &NamespacedName, replicas: i32) -> Result<(), ApiError> {
        let stored = self
            .store
            .get::<Deployment>(deployment)
            .ok_or_else(|| StoreError::NotFound {
                kind: Kind::Deployment,
                name: deployment.clone(),
            })?;
        let mut scaled = Deployment::clone(&stored);
        if let Some(spec) = &mut scaled.spec {
            spec.replicas = Some(replicas);
        }
        self.apply(scaled.into_object()).map(drop)
    }

    fn check_namespace(&self, object: &Object, name: String) -> Result<(), ApiError> {
        let key = NamespacedName {
            namespace: String::new(),
            name,
        };
        let Some(namespace) = self.store.get::<Namespace>(&key) else {
            return Err(ApiError::NoNamespace(key.name));
        };
        if namespace.metadata.deletion_timestamp.is_none() {
            return Ok(());
        }
        let why = format!(
            "unable to create new content in namespace {} because it is being terminated",
            key.name
        );
        Err(ApiError::Forbidden {
            kind: object.kind(),
            name: name_of(object.metadata()).name,
            why,
        })
    }

    /// A mistaken number of replicas must not take all memory: what no node has room for only waits.
    fn check_room(&self, object: &Object) -> Result<(), ApiError> {
        let kind = object.kind();
        let used = self.store.count(kind);
        if kind == Kind::Pod && used >= MOST_PODS {
            let name = name_of(object.metadata()).name;
            return Err(ApiError::Exceeded { kind, name, used });
        }
        Ok(())
    }

    fn lock_addresses(&self) -> MutexGuard<'_, ClusterIps> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn invalid(object: &Object, errors: Vec<FieldError>) -> ApiError {
    ApiError::Invalid {
        kind: object.kind(),
        name: name_of(object.metadata()).name,
        errors,
    }
}

/// `prefix`, as much of it as a name has room for, with five letters and digits that make no words.
pub(crate) fn generated_name(prefix: &str) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    const ROOM: usize = 63 - 5;
    let start = prefix.chars().take(ROOM);
    let end = (0..5).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]));
    start.chain(end).collect()
}
