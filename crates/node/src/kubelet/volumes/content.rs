//! What is in the volumes that the kubelet fills: `configMap`, `secret`, `downwardAPI` and `projected`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;

use super::super::downward;
use super::super::sources::{Missing, Origin, Sources};

/// The mode of a file when the manifest says nothing.
const MODE: i32 = 0o644;

/// A volume's files by their paths.
pub(super) type Content = BTreeMap<String, File>;

/// A file in a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    pub(super) mode: u32,
}

/// A volume can't be filled; texts as the kubelet gives them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContentError {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("configmap references non-existent config key: {0}")]
    ConfigMapKey(String),
    #[error("references non-existent secret key: {0}")]
    SecretKey(String),
    #[error("field label not supported: {0}")]
    Field(String),
    #[error("invalid path: {0:?}: must be a relative path without '..'")]
    Path(String),
    #[error("[{}]", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Several(Vec<ContentError>),
}

/// What the kubelet puts into a volume of `pod`; none when it is of a kind that it doesn't fill.
pub(super) fn content(
    volume: &core::Volume,
    pod: &core::Pod,
    sources: &Sources<'_>,
) -> Option<Result<Content, ContentError>> {
    let content = if let Some(map) = &volume.config_map {
        let keyed = Keyed {
            origin: Origin::ConfigMap,
            name: &map.name,
            optional: map.optional,
            items: map.items.as_deref(),
        };
        keyed.files(map.default_mode, sources)
    } else if let Some(secret) = &volume.secret {
        let keyed = Keyed {
            origin: Origin::Secret,
            name: secret.secret_name.as_deref().unwrap_or_default(),
            optional: secret.optional,
            items: secret.items.as_deref(),
        };
        keyed.files(secret.default_mode, sources)
    } else if let Some(fields) = &volume.downward_api {
        downward(fields.items.as_deref(), fields.default_mode, pod)
    } else {
        projected(volume.projected.as_ref()?, pod, sources)
    };
    Some(content.and_then(check_paths))
}

/// Whether the kubelet fills a volume that is projected from this.
pub(super) fn is_known(projection: &core::VolumeProjection) -> bool {
    projection.config_map.is_some() || projection.secret.is_some() || projection.downward_api.is_some()
}

fn projected(
    volume: &core::ProjectedVolumeSource,
    pod: &core::Pod,
    sources: &Sources<'_>,
) -> Result<Content, ContentError> {
    let (mut all, mut errors) = (Content::new(), Vec::new());
    for projection in volume.sources.iter().flatten() {
        let files = if let Some(map) = &projection.config_map {
            let keyed = Keyed {
                origin: Origin::ConfigMap,
                name: &map.name,
                optional: map.optional,
                items: map.items.as_deref(),
            };
            keyed.files(volume.default_mode, sources)
        } else if let Some(secret) = &projection.secret {
            let keyed = Keyed {
                origin: Origin::Secret,
                name: &secret.name,
                optional: secret.optional,
                items: secret.items.as_deref(),
            };
            keyed.files(volume.default_mode, sources)
        } else {
            let fields = projection.downward_api.as_ref();
            downward(
                fields.and_then(|fields| fields.items.as_deref()),
                volume.default_mode,
                pod,
            )
        };
        match files {
            Ok(files) => all.extend(files),
            Err(error) => errors.push(error),
        }
    }
    match errors.len() {
        0 => Ok(all),
        1 => Err(errors.remove(0)),
        _ => Err(ContentError::Several(errors)),
    }
}

/// What is taken from a ConfigMap or a Secret.
struct Keyed<'a> {
    origin: Origin,
    name: &'a str,
    optional: Option<bool>,
    items: Option<&'a [core::KeyToPath]>,
}

impl Keyed<'_> {
    fn files(&self, default_mode: Option<i32>, sources: &Sources<'_>) -> Result<Content, ContentError> {
        let data = sources.data(self.origin, self.name, self.optional)?;
        let data = data.unwrap_or_default();
        let mut all = data.values;
        all.extend(data.files_only);
        let Some(items) = self.items.filter(|items| !items.is_empty()) else {
            let files = all.into_iter();
            return Ok(files
                .map(|(key, bytes)| (key, file(bytes, None, default_mode)))
                .collect());
        };
        let mut files = Content::new();
        for item in items {
            match all.get(&item.key) {
                Some(bytes) => {
                    files.insert(item.path.clone(), file(bytes.clone(), item.mode, default_mode));
                }
                None if self.optional == Some(true) => {}
                None => {
                    return Err(match self.origin {
                        Origin::ConfigMap => ContentError::ConfigMapKey(item.key.clone()),
                        Origin::Secret => ContentError::SecretKey(item.key.clone()),
                    });
                }
            }
        }
        Ok(files)
    }
}

/// Fields of the pod; those of containers' resources are left out.
fn downward(
    items: Option<&[core::DownwardAPIVolumeFile]>,
    default_mode: Option<i32>,
    pod: &core::Pod,
) -> Result<Content, ContentError> {
    let fields = items.into_iter().flatten();
    let files = fields.filter_map(|item| Some((item, item.field_ref.as_ref()?)));
    files
        .map(|(item, field)| {
            let text = downward::field(pod, &field.field_path);
            let text = text.ok_or_else(|| ContentError::Field(field.field_path.clone()))?;
            Ok((
                item.path.clone(),
                file(text.into_bytes(), item.mode, default_mode),
            ))
        })
        .collect()
}

fn file(bytes: Vec<u8>, mode: Option<i32>, default_mode: Option<i32>) -> File {
    let mode = mode.or(default_mode).unwrap_or(MODE);
    File {
        bytes,
        mode: u32::try_from(mode).unwrap_or_default() & 0o777,
    }
}

/// No file may be outside of its volume, nor be taken for one of the kubelet's own.
fn check_paths(content: Content) -> Result<Content, ContentError> {
    let wrong = |path: &String| {
        path.is_empty()
            || path.starts_with("..")
            || path.split('/').any(|part| part.is_empty() || part == "..")
    };
    match content.keys().find(|path| wrong(path)) {
        Some(path) => Err(ContentError::Path(path.clone())),
        None => Ok(content),
    }
}
