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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_is_called_by_its_path_in_the_order_of_their_starts() {
        let spec: PodSpec = serde_json::from_value(json!({
            "containers": [{"name": "web"}, {"name": "log"}], "initContainers": [{"name": "setup"}],
        }))
        .unwrap();
        let seen: Vec<_> = containers("spec.template.spec", &spec)
            .map(|(path, container)| format!("{path} {}", container.name))
            .collect();
        assert_eq!(
            seen,
            [
                "spec.template.spec.initContainers[0] setup",
                "spec.template.spec.containers[0] web",
                "spec.template.spec.containers[1] log",
            ]
        );
    }
}
