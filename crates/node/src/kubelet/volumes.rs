//! A pod's volumes: an `emptyDir` is a directory that goes with the pod.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use k8s_openapi::api::core::v1 as core;

use super::status::Unfit;
use crate::mounts::VolumeMount;

/// Where pods' volumes are, outside of their containers.
const VOLUMES: &str = "/run/volumes";

/// Where those of this pod are.
pub(super) fn directory(pod: &core::Pod) -> PathBuf {
    PathBuf::from(VOLUMES).join(pod.metadata.uid.as_deref().unwrap_or_default())
}

/// A directory for each `emptyDir` of the pod, open to all its users as Kubernetes has it; and by name, where each
/// volume is. Volumes of other kinds are not in the list.
pub(super) fn make(pod: &core::Pod, spec: &core::PodSpec) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut volumes = BTreeMap::new();
    for volume in spec
        .volumes
        .iter()
        .flatten()
        .filter(|volume| volume.empty_dir.is_some())
    {
        let directory = directory(pod).join(&volume.name);
        fs::create_dir_all(&directory)?;
        fs::set_permissions(&directory, Permissions::from_mode(0o777))?;
        volumes.insert(volume.name.clone(), directory);
    }
    Ok(volumes)
}

/// Where a container has which volumes.
pub(super) fn mounts(
    container: &core::Container,
    volumes: &BTreeMap<String, PathBuf>,
) -> Result<Vec<VolumeMount>, Unfit> {
    let mounts = container.volume_mounts.iter().flatten();
    mounts
        .map(|mount| {
            let source = volumes.get(&mount.name).ok_or_else(|| {
                Unfit::config(format!(
                    "volume \"{}\": podlab has emptyDir volumes only",
                    mount.name
                ))
            })?;
            Ok(VolumeMount {
                source: mount
                    .sub_path
                    .as_ref()
                    .map_or_else(|| source.clone(), |path| source.join(path)),
                target: PathBuf::from(&mount.mount_path),
                read_only: mount.read_only == Some(true),
            })
        })
        .collect()
}
