//! A stored object in its own type.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use podlab_api::object::{Object, Resource};

/// A stored object, shared and unchangeable: a new version is a new object.
pub struct Shared<T> {
    object: Arc<Object>,
    kind: PhantomData<T>,
}

impl<T> Shared<T> {
    pub(super) fn of(object: Arc<Object>) -> Self {
        Self {
            object,
            kind: PhantomData,
        }
    }

    /// The untyped object in its own form, if it is of kind `T`.
    pub fn from_object(object: Arc<Object>) -> Option<Self>
    where
        T: Resource,
    {
        T::from_object(&object).is_some().then(|| Self::of(object))
    }

    /// The object in its untyped form.
    pub fn object(&self) -> &Arc<Object> {
        &self.object
    }
}

impl<T: Resource> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::from_object(&self.object).expect("a Shared<T> is only made of objects of kind T")
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self::of(self.object.clone())
    }
}

impl<T: Resource> std::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}
