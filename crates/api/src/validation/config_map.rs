//! ConfigMaps: keys that can be names of files, each once, and not too much altogether.

use k8s_openapi::api::core::v1::ConfigMap;

use super::{Errors, names};

/// How many bytes all values of a ConfigMap or of a Secret may have together.
pub(super) const MOST: usize = 1024 * 1024;

pub(super) fn validate(map: &ConfigMap, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in map.data.iter().flatten() {
        errors.at(&format!("data[{key}]"), |errors| {
            errors.name("", key, names::config_key);
            if map
                .binary_data
                .as_ref()
                .is_some_and(|binary| binary.contains_key(key))
            {
                errors.invalid("", &**key, "duplicate of key present in binaryData");
            }
        });
        size += value.len();
    }
    for (key, value) in map.binary_data.iter().flatten() {
        errors.name(&format!("binaryData[{key}]"), key, names::config_key);
        size += value.0.len();
    }
    if size > MOST {
        // So Kubernetes names an object as a whole.
        errors.at_told_as("[]", "", |errors| errors.too_long("", MOST));
    }
}
