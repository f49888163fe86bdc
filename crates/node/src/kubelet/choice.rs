//! Which container of a pod is meant.

use k8s_openapi::api::core::v1::{Container, Pod};
use podlab_api::steps::NamespacedName;

/// The annotation that names the container which kubectl takes when none is named.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// No container can be chosen; texts as Kubernetes' API gives them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// Reason `NotFound`.
    #[error("pods \"{}\" not found", .0.name)]
    NoPod(NamespacedName),
    /// Reason `BadRequest`: the pod has no node yet.
    #[error("pod {} does not have a host assigned", .0.name)]
    NoHost(NamespacedName),
    /// Reason `BadRequest`: the pod has no container of this name.
    #[error("container {container} is not valid for pod {pod}")]
    NotValid {
        /// The container asked for.
        container: String,
        /// The pod's name.
        pod: String,
    },
    /// Reason `BadRequest`: the pod has several containers.
    #[error("a container name must be specified for pod {pod}, choose one of: [{}]{}", containers.join(" "), or_init(init))]
    Ambiguous {
        /// The pod's name.
        pod: String,
        /// The names of its containers.
        containers: Vec<String>,
        /// The names of its init containers.
        init: Vec<String>,
    },
}

fn or_init(init: &[String]) -> String {
    match init {
        [] => String::new(),
        _ => format!(" or one of the init containers: [{}]", init.join(" ")),
    }
}

/// The container of this name, or, without a name, the pod's default or first one.
///
/// # Errors
/// [`ChoiceError::NotValid`].
pub(super) fn named_or_default(pod: &Pod, name: Option<&str>) -> Result<String, ChoiceError> {
    let annotation = pod
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(DEFAULT_CONTAINER));
    match name.or(annotation.map(String::as_str)) {
        Some(name) => named(pod, name),
        None => Ok(containers(pod).next().cloned().unwrap_or_default()),
    }
}

/// The container of this name, or, without a name, the pod's only one.
///
/// # Errors
/// [`ChoiceError::NotValid`], [`ChoiceError::Ambiguous`].
pub(super) fn named_or_only(pod: &Pod, name: Option<&str>) -> Result<String, ChoiceError> {
    if let Some(name) = name {
        return named(pod, name);
    }
    let mut names = containers(pod);
    match (names.next(), names.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => Err(ChoiceError::Ambiguous {
            pod: pod.metadata.name.clone().unwrap_or_default(),
            containers: containers(pod).cloned().collect(),
            init: init_containers(pod).cloned().collect(),
        }),
    }
}

fn named(pod: &Pod, name: &str) -> Result<String, ChoiceError> {
    let found = containers(pod)
        .chain(init_containers(pod))
        .find(|container| *container == name);
    found.cloned().ok_or_else(|| ChoiceError::NotValid {
        container: name.to_owned(),
        pod: pod.metadata.name.clone().unwrap_or_default(),
    })
}

fn containers(pod: &Pod) -> impl Iterator<Item = &String> {
    names(pod.spec.iter().flat_map(|spec| &spec.containers))
}

fn init_containers(pod: &Pod) -> impl Iterator<Item = &String> {
    names(
        pod.spec
            .iter()
            .flat_map(|spec| spec.init_containers.iter().flatten()),
    )
}

fn names<'a>(containers: impl Iterator<Item = &'a Container>) -> impl Iterator<Item = &'a String> {
    containers.map(|container| &container.name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    type Choose = fn(&Pod, Option<&str>) -> Result<String, ChoiceError>;
    /// How, spec and annotations of the pod, which one is asked for, and which one it is.
    type Case = (
        Choose,
        Value,
        Value,
        Option<&'static str>,
        Result<&'static str, &'static str>,
    );

    #[test]
    fn the_container_is_the_named_one_or_that_which_goes_without_saying() {
        let one = || json!({"containers": [{"name": "web"}]});
        let two = || json!({"containers": [{"name": "web"}, {"name": "proxy"}]});
        let three = || json!({"initContainers": [{"name": "init"}], "containers": two()["containers"]});
        let default = |name: &str| json!({DEFAULT_CONTAINER: name});
        let cases: [Case; 11] = [
            (named_or_only, one(), json!({}), None, Ok("web")),
            (named_or_only, two(), json!({}), Some("proxy"), Ok("proxy")),
            (named_or_only, three(), json!({}), Some("init"), Ok("init")),
            (
                named_or_only,
                two(),
                default("proxy"),
                None,
                Err("a container name must be specified for pod shop, choose one of: [web proxy]"),
            ),
            (
                named_or_only,
                three(),
                json!({}),
                None,
                Err(
                    "a container name must be specified for pod shop, choose one of: [web proxy] or one of the init \
                     containers: [init]",
                ),
            ),
            (
                named_or_only,
                one(),
                json!({}),
                Some("wep"),
                Err("container wep is not valid for pod shop"),
            ),
            (named_or_default, two(), json!({}), None, Ok("web")),
            (named_or_default, two(), default("proxy"), None, Ok("proxy")),
            (named_or_default, two(), default("proxy"), Some("web"), Ok("web")),
            (
                named_or_default,
                two(),
                json!({}),
                Some("wep"),
                Err("container wep is not valid for pod shop"),
            ),
            (
                named_or_default,
                two(),
                default("gone"),
                None,
                Err("container gone is not valid for pod shop"),
            ),
        ];
        for (choose, spec, annotations, name, expected) in cases {
            let pod = json!({"metadata": {"name": "shop", "annotations": annotations}, "spec": spec});
            let pod: Pod = serde_json::from_value(pod).unwrap();
            let chosen = choose(&pod, name).map_err(|error| error.to_string());
            assert_eq!(
                chosen,
                expected.map(str::to_owned).map_err(str::to_owned),
                "{pod:?} {name:?}"
            );
        }
    }
}
