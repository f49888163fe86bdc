//! Where objects enter the store: defaults, validation, allocation, and Kubernetes' answers.

mod kept;
mod pod;
mod service;
mod service_cidr;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Endpoints, Namespace, NamespaceStatus, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use podlab_api::builtin::{self, NAMESPACES};
use podlab_api::defaults::default_object;
use podlab_api::object::{Kind, Object, Resource};
use podlab_api::steps::NamespacedName;
use podlab_api::validation::{FieldError, validate, validate_update};

use crate::allocator::{AllocationError, ClusterIps, first_address};
use crate::store::{Store, StoreError, name_of};

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
    #[error("{kind} \"{name}\" is invalid: {}", list(errors))]
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
    #[error("{} \"{name}\" is forbidden: {why}", kind.plural())]
    Forbidden {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        name: String,
        /// Why it is.
        why: String,
    },
    /// Reason `InternalError`: so Kubernetes has it when the addresses are used up.
    #[error("Internal error occurred: {0}")]
    Internal(String),
}

impl ApiError {
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

    /// Creates an object, or changes the one of its name to be like it; what only the cluster knows stays.
    ///
    /// # Errors
    /// [`ApiError`]; nothing has changed then.
    pub fn apply(&self, mut object: Object) -> Result<Applied, ApiError> {
        let metadata = object.metadata_mut();
        let prefix = metadata
            .generate_name
            .as_deref()
            .filter(|prefix| !prefix.is_empty());
        if let (None | Some(""), Some(prefix)) = (metadata.name.as_deref(), prefix) {
            metadata.name = Some(generated_name(prefix));
        }
        if object.kind().namespaced() {
            let namespace = object
                .metadata_mut()
                .namespace
                .get_or_insert_with(|| "default".to_owned())
                .clone();
            self.check_namespace(&object, namespace)?;
        }
        default_object(&mut object);
        let stored = self.store.get_object(object.kind(), &name_of(object.metadata()));
        let errors = match &stored {
            Some(stored) => {
                kept::keep(&mut object, stored);
                validate_update(&object, stored)
            }
            None => validate(&object),
        };
        if !errors.is_empty() {
            return Err(invalid(&object, errors));
        }
        let stored = stored.as_deref();
        match object {
            Object::Service(service) => self.apply_service(service, stored.and_then(Service::from_object)),
            Object::Pod(pod) => self.apply_pod(pod, stored.and_then(Pod::from_object)),
            Object::Deployment(deployment) => self.apply_deployment(deployment),
            Object::ReplicaSet(set) => self.apply_replica_set(set),
            Object::Namespace(namespace) => {
                let status = NamespaceStatus {
                    phase: Some("Active".to_owned()),
                    ..NamespaceStatus::default()
                };
                let namespace = Namespace {
                    status: Some(status),
                    ..namespace
                };
                self.put(namespace, |_, _| {})
            }
            Object::Node(node) => self.put(node, |stored: &mut Node, new| {
                stored.spec = new.spec;
                stored.status = new.status;
            }),
            Object::EndpointSlice(slice) => self.put(slice, |stored: &mut EndpointSlice, new| {
                stored.endpoints = new.endpoints;
                stored.ports = new.ports;
            }),
            Object::Endpoints(endpoints) => self.put(endpoints, |stored: &mut Endpoints, new| {
                stored.subsets = new.subsets
            }),
            Object::ServiceCIDR(range) => {
                self.apply_service_cidr(range, stored.and_then(ServiceCIDR::from_object))
            }
        }
    }

    /// Deletes an object: pods on a node when they have stopped, namespaces when they are empty, others at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`ApiError::Forbidden`] for the namespaces that every cluster has.
    pub fn delete(&self, kind: Kind, name: &NamespacedName) -> Result<(), ApiError> {
        match kind {
            Kind::Pod => self.delete_pod(name)?,
            Kind::Service => {
                let service = self.store.remove::<Service>(name)?;
                if let Some(address) = service::cluster_ip(&service) {
                    self.release(address);
                }
            }
            Kind::ServiceCIDR => self.delete_service_cidr(name)?,
            Kind::Endpoints => drop(self.store.remove::<Endpoints>(name)?),
            Kind::Namespace => self.delete_namespace(name)?,
            Kind::Node => drop(self.store.remove::<Node>(name)?),
            Kind::EndpointSlice => drop(self.store.remove::<EndpointSlice>(name)?),
            Kind::Deployment => drop(self.store.remove::<Deployment>(name)?),
            Kind::ReplicaSet => drop(self.store.remove::<ReplicaSet>(name)?),
        }
        Ok(())
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

    fn apply_deployment(&self, deployment: Deployment) -> Result<Applied, ApiError> {
        self.put(deployment, |stored: &mut Deployment, new| {
            if stored.spec != new.spec {
                stored.spec = new.spec;
                stored.metadata.generation = stored.metadata.generation.map(|generation| generation + 1);
            }
        })
    }

    fn apply_replica_set(&self, set: ReplicaSet) -> Result<Applied, ApiError> {
        self.put(set, |stored: &mut ReplicaSet, new| {
            if stored.spec != new.spec {
                stored.spec = new.spec;
                stored.metadata.generation = stored.metadata.generation.map(|generation| generation + 1);
            }
        })
    }

    /// Creates the object, or changes labels, annotations and what `change` says of the stored one.
    fn put<T: Resource>(&self, mut object: T, change: impl FnOnce(&mut T, T)) -> Result<Applied, ApiError> {
        let name = name_of(object.metadata());
        let Some(before) = self.store.get::<T>(&name) else {
            object.metadata_mut().generation = Some(1);
            self.store.create(object)?;
            return Ok(Applied::Created);
        };
        let after = self.store.modify(&name, |stored: &mut T| {
            let metadata = stored.metadata_mut();
            metadata.labels.clone_from(&object.metadata().labels);
            if let Some(annotations) = &object.metadata().annotations {
                metadata
                    .annotations
                    .get_or_insert_default()
                    .extend(annotations.clone());
            }
            change(stored, object);
        })?;
        let same = before.metadata().resource_version == after.metadata().resource_version;
        Ok(if same {
            Applied::Unchanged
        } else {
            Applied::Configured
        })
    }

    fn delete_namespace(&self, name: &NamespacedName) -> Result<(), ApiError> {
        if NAMESPACES.contains(&&*name.name) {
            let why = "this namespace may not be deleted".to_owned();
            return Err(ApiError::Forbidden {
                kind: Kind::Namespace,
                name: name.name.clone(),
                why,
            });
        }
        let now = self.store.now();
        self.store.modify(name, |namespace: &mut Namespace| {
            namespace.metadata.deletion_timestamp.get_or_insert(now);
            namespace.status.get_or_insert_default().phase = Some("Terminating".to_owned());
        })?;
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
