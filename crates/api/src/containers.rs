//! The containers of a pod, with the paths that they have in its manifest.

use k8s_openapi::api::core::v1::{Container, PodSpec};

/// The init containers and then the others: the order in which they start. `path` is that of the pod's specification.
pub(crate) fn containers<'a>(
    path: &'a str,
    spec: &'a PodSpec,
) -> impl Iterator<Item = (String, &'a Container)> {
    init_containers(path, spec).chain(main_containers(path, spec))
}

/// Those that run to their end before the others start.
pub(crate) fn init_containers<'a>(
    path: &'a str,
    spec: &'a PodSpec,
) -> impl Iterator<Item = (String, &'a Container)> {
    let containers = spec.init_containers.iter().flatten().enumerate();
    containers.map(move |(index, container)| (format!("{path}.initContainers[{index}]"), container))
}

/// Those that a pod is there for.
pub(crate) fn main_containers<'a>(
    path: &'a str,
    spec: &'a PodSpec,
) -> impl Iterator<Item = (String, &'a Container)> {
    let containers = spec.containers.iter().enumerate();
    containers.map(move |(index, container)| (format!("{path}.containers[{index}]"), container))
}

/// All of them, to be changed.
pub(crate) fn containers_mut(spec: &mut PodSpec) -> impl Iterator<Item = &mut Container> {
    let init = spec.init_containers.iter_mut().flatten();
    init.chain(&mut spec.containers)
}
