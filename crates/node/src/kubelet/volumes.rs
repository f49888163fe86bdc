//! A pod's volumes: directories that go with the pod, some of which the kubelet fills.

mod content;
mod host_path;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use k8s_openapi::api::core::v1 as core;
use podlab_control::store::Store;

use super::environment::expand;
use super::sources::Sources;
use super::status::Unfit;
use crate::mounts::VolumeMount;
use crate::mounts::host::HOST_FILES;
use crate::mounts::place::{self, BENEATH, Kind};
use crate::variables::Variables;
use content::{Content, ContentError, content, is_known};
use host_path::HostPathError;

/// Where pods' volumes are, outside of their containers.
const VOLUMES: &str = "/run/volumes";

/// The volumes of a pod that its containers mount, as far as podlab has such.
#[derive(Debug)]
pub(super) struct Volumes {
    directory: PathBuf,
    /// By name, what the kubelet has put into it; nothing when that isn't its business.
    made: BTreeMap<String, Option<Content>>,
    /// By name, the host's directories and files.
    of_host: BTreeMap<String, PathBuf>,
}

/// A volume can't be made as it is to be; text as the kubelet's event `FailedMount` has it.
#[derive(Debug, thiserror::Error)]
#[error("MountVolume.SetUp failed for volume \"{volume}\" : {why}")]
pub(super) struct MountError {
    volume: String,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    OfHost(#[from] HostPathError),
    #[error(transparent)]
    Files(#[from] io::Error),
}

impl Volumes {
    /// For a pod that has no volumes yet.
    pub(super) fn new(pod: &core::Pod) -> Self {
        Self {
            directory: PathBuf::from(VOLUMES).join(pod.metadata.uid.as_deref().unwrap_or_default()),
            made: BTreeMap::new(),
            of_host: BTreeMap::new(),
        }
    }

    /// Makes the volumes that are missing, and makes all of them have what they are to have now.
    ///
    /// # Errors
    /// The first [`MountError`]; that volume stays as it is, the others are made.
    pub(super) fn update(&mut self, pod: &core::Pod, store: &Store) -> Result<(), MountError> {
        let Some(spec) = &pod.spec else { return Ok(()) };
        let mounted = mounted(spec);
        let volumes = spec.volumes.iter().flatten();
        let mut result = Ok(());
        for volume in volumes.filter(|volume| mounted.contains(volume.name.as_str())) {
            let made = self.update_one(volume, pod, store).map_err(|why| MountError {
                volume: volume.name.clone(),
                why,
            });
            result = result.and(made);
        }
        result
    }

    fn update_one(&mut self, volume: &core::Volume, pod: &core::Pod, store: &Store) -> Result<(), Why> {
        if let Some(of_host) = &volume.host_path {
            host_path::check(Path::new(HOST_FILES), of_host)?;
            let path = PathBuf::from(&of_host.path);
            self.of_host.insert(volume.name.clone(), path);
            return Ok(());
        }
        let sources = Sources {
            store,
            namespace: pod.metadata.namespace.as_deref().unwrap_or_default(),
        };
        let wanted = match &volume.projected {
            Some(projected) if !projected.sources.iter().flatten().all(is_known) => return Ok(()),
            _ => content(volume, pod, &sources).transpose()?,
        };
        if wanted.is_none() && volume.empty_dir.is_none() {
            return Ok(());
        }
        let directory = self.directory.join(&volume.name);
        let before = self.made.get(&volume.name);
        if before.is_none() {
            fs::create_dir_all(&directory)?;
            fs::set_permissions(&directory, Permissions::from_mode(0o777))?;
        }
        if let Some(wanted) = &wanted
            && before.is_none_or(|before| before.as_ref() != Some(wanted))
        {
            write::write(&directory, wanted)?;
        }
        self.made.insert(volume.name.clone(), wanted);
        Ok(())
    }

    /// Whether what is in the volumes depends on more than the containers.
    pub(super) fn are_filled(&self) -> bool {
        self.made.values().any(Option::is_some)
    }

    /// Where a container that has these variables has which volumes.
    pub(super) fn mounts(
        &self,
        container: &core::Container,
        variables: &Variables,
    ) -> Result<Vec<VolumeMount>, Unfit> {
        let mounts = container.volume_mounts.iter().flatten();
        mounts
            .map(|mount| {
                let sub_path = sub_path(mount, variables).unwrap_or_default();
                let target = PathBuf::from(&mount.mount_path);
                if let Some(of_host) = self.of_host.get(&mount.name) {
                    return Ok(VolumeMount {
                        volume: PathBuf::from(HOST_FILES),
                        path: of_host.join(sub_path),
                        target,
                        read_only: true,
                    });
                }
                let content = self.made.get(&mount.name).ok_or_else(|| {
                    let known = "podlab has emptyDir, hostPath, configMap, secret, downwardAPI and projected volumes only";
                    Unfit::container(format!("volume \"{}\": {known}", mount.name))
                })?;
                let volume = self.directory.join(&mount.name);
                make_sub_path(&volume, &sub_path).map_err(|_| {
                    Unfit::config(format!(
                        "failed to prepare subPath for volumeMount {:?} of container {:?}",
                        mount.name, container.name
                    ))
                })?;
                Ok(VolumeMount {
                    volume,
                    path: sub_path,
                    target,
                    read_only: mount.read_only == Some(true) || content.is_some(),
                })
            })
            .collect()
    }

    /// Removes them.
    pub(super) fn remove(&mut self) {
        // Most pods have none.
        let _ = fs::remove_dir_all(&self.directory);
        self.made.clear();
        self.of_host.clear();
    }
}

fn mounted(spec: &core::PodSpec) -> BTreeSet<&str> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let mounts = containers.flat_map(|container| container.volume_mounts.iter().flatten());
    mounts.map(|mount| mount.name.as_str()).collect()
}

fn sub_path(mount: &core::VolumeMount, variables: &Variables) -> Option<PathBuf> {
    let written = |path: &Option<String>| path.clone().filter(|path| !path.is_empty());
    let expanded = written(&mount.sub_path_expr).map(|path| expand(&path, variables));
    written(&mount.sub_path).or(expanded).map(PathBuf::from)
}

/// A path below a volume is made as a directory when there is nothing. A container may have put a symbolic link there,
/// and may not choose by it what another one sees.
fn make_sub_path(volume: &Path, path: &Path) -> io::Result<()> {
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    place::make_within(place::open(volume)?, path, Kind::Directory, BENEATH).map(drop)
}

#[cfg(test)]
mod tests;
