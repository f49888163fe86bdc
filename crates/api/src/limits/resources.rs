//! Limits of resources that a node can't enforce: a fact of its machine, which whoever judges manifests is told.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Node};

use super::Limit;
use crate::containers::containers;
use crate::diagnostic::Severity;
use crate::object::{Object, pod_spec};

/// The resources whose limits podlab enforces where the machine lets it.
pub const ENFORCED: [&str; 2] = ["cpu", "memory"];

/// How a node tells it: annotations `unenforced.podlab.dev/memory` with the reason.
const ANNOTATION: &str = "unenforced.podlab.dev/";

/// Resources whose limits a node can't enforce, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unenforced(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Unenforced {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(reasons: T) -> Self {
        Self(reasons.into_iter().collect())
    }
}

impl Unenforced {
    /// What these nodes tell.
    pub fn of_nodes<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Self {
        let annotations = nodes.into_iter().flat_map(|node| &node.metadata.annotations);
        let told = annotations.flatten().filter_map(|(name, why)| {
            let resource = name.strip_prefix(ANNOTATION)?;
            Some((resource.to_owned(), why.clone()))
        });
        told.collect()
    }

    /// As a node tells it.
    pub fn annotations(&self) -> BTreeMap<String, String> {
        let reasons = self.0.iter();
        reasons
            .map(|(resource, why)| (format!("{ANNOTATION}{resource}"), why.clone()))
            .collect()
    }

    /// What an object asks for in vain: for each reason the first place.
    pub fn limits(&self, object: &Object) -> Vec<Limit> {
        let Some((path, spec)) = pod_spec(object) else {
            return Vec::new();
        };
        let mut found: Vec<(String, &str, Vec<&str>)> = Vec::new();
        for (resource, why) in &self.0 {
            let mut containers = containers(path, spec);
            let Some((path, _)) = containers.find(|(_, container)| limits(container).contains(&&**resource))
            else {
                continue;
            };
            match found
                .iter_mut()
                .find(|(place, reason, _)| *place == path && reason == why)
            {
                Some((_, _, resources)) => resources.push(resource),
                None => found.push((path, why, vec![resource])),
            }
        }
        let told = found.into_iter().map(|(path, why, resources)| Limit {
            severity: Severity::Warning,
            path: format!("{path}.resources.limits"),
            message: format!(
                "podlab can't enforce limits of {} here, and containers take what this machine has: {why}",
                resources.join(" and ")
            ),
        });
        told.collect()
    }
}

/// The names of the resources that a container has limits of.
pub(super) fn limits(container: &Container) -> Vec<&str> {
    let resources = container.resources.iter();
    let limits = resources.flat_map(|resources| resources.limits.iter().flatten());
    limits.map(|(resource, _)| &**resource).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;
    use crate::object::Resource;

    const V1: &str = "cgroup v1 has it";
    const CLOSED: &str = "it isn't delegated";

    fn unenforced(reasons: &[(&str, &str)]) -> Unenforced {
        let reasons = reasons.iter();
        reasons
            .map(|(resource, why)| ((*resource).to_owned(), (*why).to_owned()))
            .collect()
    }

    /// The last part of what is said, with its place.
    fn said(reasons: &[(&str, &str)], containers: Value) -> Vec<String> {
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": containers}})).unwrap();
        let limits = unenforced(reasons).limits(&pod.into_object()).into_iter();
        limits
            .map(|limit| {
                let message = limit
                    .message
                    .replace(" here, and containers take what this machine has", "");
                format!(
                    "{}: {}",
                    limit.path,
                    message.replace("podlab can't enforce limits of ", "")
                )
            })
            .collect()
    }

    #[test]
    fn what_cant_be_enforced_is_told_where_it_is_asked_for() {
        let limited = |limits: Value| json!({"name": "a", "resources": {"limits": limits}});
        let (memory, both) = (
            limited(json!({"memory": "1Gi"})),
            limited(json!({"cpu": 1, "memory": "1Gi"})),
        );
        let asks = json!({"name": "a", "resources": {"requests": {"memory": "1Gi"}}});
        let (first, second) = (
            "spec.containers[0].resources.limits",
            "spec.containers[1].resources.limits",
        );
        let neither = [("cpu", V1), ("memory", V1)];
        let cases = [
            (&[][..], json!([both]), vec![]),
            (&neither, json!([asks]), vec![]),
            (&[("cpu", V1)], json!([memory]), vec![]),
            (
                &[("memory", V1)],
                json!([both, memory]),
                vec![format!("{first}: memory: {V1}")],
            ),
            (
                &neither,
                json!([asks, both]),
                vec![format!("{second}: cpu and memory: {V1}")],
            ),
            (
                &neither,
                json!([memory, both]),
                vec![format!("{second}: cpu: {V1}"), format!("{first}: memory: {V1}")],
            ),
            (
                &[("cpu", CLOSED), ("memory", V1)],
                json!([both]),
                vec![
                    format!("{first}: cpu: {CLOSED}"),
                    format!("{first}: memory: {V1}"),
                ],
            ),
        ];
        for (reasons, containers, expected) in cases {
            assert_eq!(
                said(reasons, containers.clone()),
                expected,
                "{reasons:?} {containers}"
            );
        }
    }

    #[test]
    fn a_node_tells_what_it_cant_enforce() {
        let told = unenforced(&[("cpu", V1), ("memory", CLOSED)]);
        let mut node = Node::default();
        assert_eq!(Unenforced::of_nodes([&node]), Unenforced::default());
        node.metadata.annotations = Some(told.annotations());
        node.metadata
            .annotations
            .as_mut()
            .unwrap()
            .insert("other".into(), "text".into());
        assert_eq!(Unenforced::of_nodes([&node]), told);
    }
}
