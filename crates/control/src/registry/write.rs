//! Creating and updating: what a request says, with what only the cluster knows, checked and stored as one.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use podlab_api::defaults::default_object;
use podlab_api::object::{Object, Resource};
use podlab_api::validation::{validate, validate_update};

use super::{ApiError, Registry, invalid, kept, pod, strategy};
use crate::store::{StoreError, name_of};

/// Whether a change is made, or only tried: `dryRun=All`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Mode {
    #[default]
    Commit,
    DryRun,
}

/// Which part of an object an update is of; all else stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All but the status.
    Object,
    /// The status: the subresource of this name.
    Status,
}

impl Registry {
    /// Creates an object; one without a name gets one that begins with its `generateName`.
    ///
    /// # Errors
    /// [`ApiError`]; nothing has changed then.
    pub fn create(&self, mut object: Object, mode: Mode) -> Result<Arc<Object>, ApiError> {
        if object
            .metadata()
            .resource_version
            .as_deref()
            .is_some_and(|version| !version.is_empty())
        {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(ApiError::Unknown(why.to_owned()));
        }
        strategy::name_by_prefix(object.metadata_mut());
        strategy::drop_empty(object.metadata_mut());
        if object.kind().namespaced() {
            let namespace = object
                .metadata_mut()
                .namespace
                .get_or_insert_with(|| "default".to_owned());
            let namespace = namespace.clone();
            self.check_namespace(&object, namespace)?;
        }
        let name = name_of(object.metadata());
        if self.store.get_object(object.kind(), &name).is_some() {
            let kind = object.kind();
            return Err(StoreError::AlreadyExists { kind, name }.into());
        }
        strategy::before_create(&mut object);
        default_object(&mut object);
        let errors = validate(&object);
        if !errors.is_empty() {
            return Err(invalid(&object, errors));
        }
        self.check_room(&object)?;
        match object {
            Object::Service(service) => {
                self.store_service(service, None, |service| self.put(service, mode), mode)
            }
            Object::ServiceCIDR(range) => {
                self.store_service_cidr(range, None, |range| self.put(range, mode), mode)
            }
            object => self.put(object, mode),
        }
    }

    /// Puts a new version of an object in the place of the stored one. When it carries a resourceVersion or a uid, they
    /// must be the stored ones.
    ///
    /// # Errors
    /// [`ApiError`]; nothing has changed then.
    pub fn update(&self, object: Object, part: Part, mode: Mode) -> Result<Arc<Object>, ApiError> {
        let (kind, name) = (object.kind(), name_of(object.metadata()));
        let is_for_any = object
            .metadata()
            .resource_version
            .as_deref()
            .is_none_or(str::is_empty);
        loop {
            let stored = self.store.get_object(kind, &name);
            let stored = stored.ok_or_else(|| StoreError::NotFound {
                kind,
                name: name.clone(),
            })?;
            match self.update_stored(&stored, object.clone(), part, mode) {
                // Somebody else was faster, and this one doesn't mind.
                Err(ApiError::Store(StoreError::Conflict { .. })) if is_for_any => {}
                result => return result,
            }
        }
    }

    fn update_stored(
        &self,
        stored: &Arc<Object>,
        mut object: Object,
        part: Part,
        mode: Mode,
    ) -> Result<Arc<Object>, ApiError> {
        strategy::check_is_of(&object, stored)?;
        strategy::before_update(&mut object, stored, part);
        strategy::drop_empty(object.metadata_mut());
        default_object(&mut object);
        kept::keep(&mut object, stored);
        strategy::count_generation(&mut object, stored);
        let mut errors = validate_update(&object, stored);
        if let (Object::Pod(new), Object::Pod(stored)) = (&object, &**stored) {
            errors.extend(pod::changed_images(new, stored));
        }
        if !errors.is_empty() {
            return Err(invalid(&object, errors));
        }
        if strategy::is_finalized(&object) {
            return self.remove(stored, mode);
        }
        let replace = |object| self.replace(stored, object, mode);
        match (object, &**stored) {
            (Object::Service(service), Object::Service(stored)) => {
                self.store_service(service, Some(stored), |service: Object| replace(service), mode)
            }
            (Object::ServiceCIDR(range), Object::ServiceCIDR(stored)) => {
                self.store_service_cidr(range, Some(stored), |range: Object| replace(range), mode)
            }
            (object, _) => replace(object),
        }
    }

    fn put(&self, mut object: Object, mode: Mode) -> Result<Arc<Object>, ApiError> {
        if mode == Mode::DryRun {
            self.store.give_birth(&mut object);
            return Ok(Arc::new(object));
        }
        Ok(self.store.create_object(object)?)
    }

    pub(super) fn replace(
        &self,
        stored: &Arc<Object>,
        object: Object,
        mode: Mode,
    ) -> Result<Arc<Object>, ApiError> {
        match mode {
            Mode::DryRun => Ok(Arc::new(object)),
            Mode::Commit => Ok(self.store.replace(stored, Some(object))?),
        }
    }

    /// Takes an object out of the store, and back what it was given.
    pub(super) fn remove(&self, stored: &Arc<Object>, mode: Mode) -> Result<Arc<Object>, ApiError> {
        if mode == Mode::DryRun {
            return Ok(stored.clone());
        }
        let last = self.store.replace(stored, None)?;
        if let Some(address) = Service::from_object(&last).and_then(super::service::cluster_ip) {
            self.release(address);
        }
        if ServiceCIDR::from_object(&last).is_some() {
            self.remove_unused_ranges();
        }
        Ok(last)
    }
}
