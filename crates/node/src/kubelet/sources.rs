//! ConfigMaps and Secrets, as the pods of a namespace ask for them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use podlab_api::steps::NamespacedName;
use podlab_control::store::Store;

/// The ConfigMaps and Secrets of a namespace.
pub(super) struct Sources<'a> {
    pub(super) store: &'a Store,
    pub(super) namespace: &'a str,
}

/// Which kind of object something is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    ConfigMap,
    Secret,
}

/// What an object holds, by key.
#[derive(Debug, Default)]
pub(super) struct Data {
    /// What variables can have.
    pub(super) values: BTreeMap<String, Vec<u8>>,
    /// What only files can have: `binaryData`.
    pub(super) files_only: BTreeMap<String, Vec<u8>>,
}

/// There is no such object; text as the kubelet gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} \"{name}\" not found", match origin { Origin::ConfigMap => "configmap", Origin::Secret => "secret" })]
pub(super) struct Missing {
    origin: Origin,
    name: String,
}

impl Sources<'_> {
    /// What the object of this name holds; none when it isn't there and needn't be.
    ///
    /// # Errors
    /// [`Missing`], when it is not optional.
    pub(super) fn data(
        &self,
        origin: Origin,
        name: &str,
        optional: Option<bool>,
    ) -> Result<Option<Data>, Missing> {
        let full_name = NamespacedName {
            namespace: self.namespace.to_owned(),
            name: name.to_owned(),
        };
        let found = match origin {
            Origin::ConfigMap => self.store.get(&full_name).map(|map| of_config_map(&map)),
            Origin::Secret => self.store.get(&full_name).map(|secret| of_secret(&secret)),
        };
        match found {
            None if optional != Some(true) => Err(Missing {
                origin,
                name: name.to_owned(),
            }),
            found => Ok(found),
        }
    }
}

fn of_config_map(map: &ConfigMap) -> Data {
    let text = map.data.iter().flatten();
    let binary = map.binary_data.iter().flatten();
    Data {
        values: text
            .map(|(key, text)| (key.clone(), text.clone().into()))
            .collect(),
        files_only: binary
            .map(|(key, bytes)| (key.clone(), bytes.0.clone()))
            .collect(),
    }
}

fn of_secret(secret: &Secret) -> Data {
    let data = secret.data.iter().flatten();
    Data {
        values: data.map(|(key, bytes)| (key.clone(), bytes.0.clone())).collect(),
        files_only: BTreeMap::new(),
    }
}
