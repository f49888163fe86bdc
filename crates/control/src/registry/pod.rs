//! Pods in the registry: they keep their containers.

use k8s_openapi::api::core::v1::Pod;
use podlab_api::validation::{FieldError, FieldReason};

/// Kubernetes would start the containers anew with their new images; podlab's pods keep theirs.
pub(super) fn changed_images(pod: &Pod, stored: &Pod) -> Vec<FieldError> {
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
