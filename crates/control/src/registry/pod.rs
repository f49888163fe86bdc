//! Pods in the registry: they keep their containers, and go when these have stopped.

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use podlab_api::object::Object;
use podlab_api::steps::NamespacedName;
use podlab_api::validation::{FieldError, FieldReason};

use super::kept::keep_node;
use super::{ApiError, Applied, Registry, invalid};
use crate::store::StoreError;

impl Registry {
    pub(super) fn apply_pod(&self, mut pod: Pod, stored: Option<&Pod>) -> Result<Applied, ApiError> {
        if let Some(stored) = stored {
            let errors = changed_images(&pod, stored);
            if !errors.is_empty() {
                return Err(invalid(&Object::Pod(pod), errors));
            }
        }
        let status = PodStatus {
            phase: Some("Pending".to_owned()),
            ..PodStatus::default()
        };
        pod.status = Some(status);
        self.put(pod, |stored: &mut Pod, mut new| {
            // The scheduler may have been faster.
            keep_node(&mut new, stored);
            stored.spec = new.spec;
        })
    }

    pub(super) fn delete_pod(&self, name: &NamespacedName) -> Result<(), StoreError> {
        let now = self.store.now();
        let pod = self.store.modify(name, |pod: &mut Pod| {
            let spec = pod.spec.clone().unwrap_or_default();
            if spec.node_name.is_some() && pod.metadata.deletion_timestamp.is_none() {
                pod.metadata.deletion_timestamp = Some(now);
                // Kubernetes accepts less than nothing, and takes it for a second.
                let grace = spec.termination_grace_period_seconds;
                pod.metadata.deletion_grace_period_seconds =
                    grace.map(|seconds| if seconds < 0 { 1 } else { seconds });
            }
        })?;
        if pod.metadata.deletion_timestamp.is_none() {
            self.store.remove::<Pod>(name)?;
        }
        Ok(())
    }
}

/// Kubernetes would start the containers anew with their new images; podlab's pods keep theirs.
fn changed_images(pod: &Pod, stored: &Pod) -> Vec<FieldError> {
    let images = |pod: &Pod| {
        let spec = pod.spec.clone().unwrap_or_default();
        let lists = [
            ("containers", spec.containers),
            ("initContainers", spec.init_containers.unwrap_or_default()),
        ];
        lists.into_iter().flat_map(|(field, containers)| {
            let images = containers
                .into_iter()
                .map(|container| container.image)
                .enumerate();
            images.map(move |(index, image)| (format!("spec.{field}[{index}].image"), image))
        })
    };
    let changed = images(pod).zip(images(stored)).filter(|(new, old)| new != old);
    let why = "podlab doesn't change the image of a pod that is there: delete the pod first";
    changed
        .map(|((path, _), _)| FieldError::new(&path, FieldReason::Forbidden, why.to_owned()))
        .collect()
}
