//! Which pod and which container is meant, where a command needs one: chosen as kubectl chooses.

use std::cmp::Reverse;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use podlab_api::object::Kind;
use podlab_control::pods::is_ready;

use crate::api::{get, list};
use crate::failure::Failure;
use crate::naming::pod_or_other;

/// The annotation of a pod that names a container.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// A pod, and how it was come by.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) pod: Pod,
    /// The service that was named.
    pub(crate) service: Option<Service>,
    /// Among how many it was chosen.
    pub(crate) among: usize,
}

/// Finds the pod that `POD` or `KIND/NAME` means: of several, a ready one, and of these the oldest.
pub(crate) async fn find(client: &Client, namespace: &str, word: &str) -> Result<Target, Failure> {
    let (kind, name) = pod_or_other(word).map_err(Failure::Other)?;
    let mut service = None;
    let selector = match kind {
        Kind::Pod => {
            return Ok(Target {
                pod: get(client, kind, namespace, &name).await?,
                service: None,
                among: 1,
            });
        }
        Kind::Deployment => {
            let found: Deployment = get(client, kind, namespace, &name).await?;
            found.spec.map(|spec| spec.selector)
        }
        Kind::ReplicaSet => {
            let found: ReplicaSet = get(client, kind, namespace, &name).await?;
            found.spec.map(|spec| spec.selector)
        }
        Kind::Service => {
            let found: Service = get(client, kind, namespace, &name).await?;
            let labels = found.spec.as_ref().and_then(|spec| spec.selector.clone());
            service = Some(found);
            let labels = labels.filter(|labels| !labels.is_empty());
            labels.map(|labels| LabelSelector {
                match_labels: Some(labels),
                match_expressions: None,
            })
        }
        _ => None,
    };
    let whose = format!("{} {name:?}", kind.singular());
    let Some(selector) = selector else {
        let why = match kind {
            Kind::Service => format!("invalid service '{name}': Service is defined without a selector"),
            _ => format!("{whose} has no pods"),
        };
        return Err(Failure::Other(why));
    };
    let pods = list(client, Kind::Pod, Some(namespace), Some(&text(&selector))).await?;
    let mut pods = pods
        .into_iter()
        .map(serde_json::from_value)
        .collect::<Result<Vec<Pod>, _>>()?;
    pods.sort_by_cached_key(rank);
    let among = pods.len();
    match pods.into_iter().next() {
        Some(pod) => Ok(Target { pod, service, among }),
        None => Err(Failure::Other(format!("{whose} has no pods"))),
    }
}

/// The best comes first.
fn rank(pod: &Pod) -> impl Ord + use<> {
    let status = pod.status.as_ref();
    let runs = status.and_then(|status| status.phase.as_deref()) == Some("Running");
    let leaves = pod.metadata.deletion_timestamp.is_some();
    let born = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (
        leaves,
        Reverse(runs),
        Reverse(is_ready(pod)),
        born,
        pod.metadata.name.clone(),
    )
}

/// A selector as requests have it.
fn text(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().flatten().map(|expression| {
        let (key, values) = (&expression.key, expression.values.iter().flatten());
        let values = values.map(String::as_str).collect::<Vec<_>>().join(",");
        match &*expression.operator {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.clone(),
            _ => format!("!{key}"),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

/// The container that is meant: the named one, or the first, which it says if there are several.
pub(crate) fn container(pod: &Pod, given: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(spec) = &pod.spec else { return Ok(None) };
    let names = || spec.containers.iter().map(|container| &container.name);
    let inits = || spec.init_containers.iter().flatten();
    let all = || {
        let inits = inits().map(|container| format!("{} (init)", container.name));
        names().cloned().chain(inits).collect::<Vec<_>>().join(", ")
    };
    if let Some(given) = given {
        if names()
            .chain(inits().map(|init| &init.name))
            .any(|name| name == given)
        {
            return Ok(Some(given.to_owned()));
        }
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        let why = format!("container {given} is not valid for pod {pod} out of: {}", all());
        return Err(Failure::Other(why));
    }
    let annotations = pod.metadata.annotations.as_ref();
    let annotated = annotations.and_then(|annotations| annotations.get(DEFAULT_CONTAINER));
    if let Some(annotated) = annotated.filter(|annotated| names().any(|name| name == *annotated)) {
        return Ok(Some(annotated.clone()));
    }
    let first = names().next();
    if let (Some(first), true) = (first, names().count() + inits().count() > 1) {
        say!("Defaulted container {first:?} out of: {}", all());
    }
    Ok(first.cloned())
}
