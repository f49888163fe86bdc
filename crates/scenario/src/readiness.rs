//! Waits, woken by changes of the store, for what Kubernetes' users wait for: rollouts, readiness, deletion.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use podlab_api::object::Kind;
use podlab_api::steps::{NamespacedName, PodRef};
use podlab_cluster::Cluster;
use podlab_control::pods::{is_ready, is_terminating, summary};
use podlab_control::store::{Shared, Store, name_of};
use podlab_node::kubelet::status::WAITS_FOR_EVER;
use tokio::time::{Instant, sleep, timeout_at};

use crate::Obstacle;
use crate::lookup::{self, called};
use crate::pod_status::{message, waiting_reasons};

/// How many times as long as a look at the cluster takes is waited before the next one: it takes the longer the more
/// there is to see, and so do the changes that are waited for.
const PAUSE: u32 = 9;

/// How many of those that aren't ready a message names.
const NAMED: usize = 10;

/// What isn't so yet.
#[derive(Debug)]
pub(crate) struct Unready {
    /// What is so instead, in words.
    state: String,
    /// Whether waiting can't change it.
    for_good: bool,
}

impl From<String> for Unready {
    fn from(state: String) -> Self {
        Self {
            state,
            for_good: false,
        }
    }
}

/// Waits until `done`, and then until services know of it.
pub(crate) async fn until(
    cluster: &Cluster,
    patience: Duration,
    mut done: impl FnMut(&Store) -> Result<(), Unready>,
) -> Result<(), Obstacle> {
    let start = Instant::now();
    let deadline = start + patience;
    let mut revisions = cluster.store().revisions();
    loop {
        // What has changed until now is in what is looked at next.
        revisions.borrow_and_update();
        let look = Instant::now();
        let Err(unready) = done(cluster.store()) else {
            cluster.settled().await;
            return Ok(());
        };
        let pause = look.elapsed() * PAUSE;
        if unready.for_good || !matches!(timeout_at(deadline, revisions.changed()).await, Ok(Ok(()))) {
            return Err(Obstacle::NeverSo {
                after: start.elapsed(),
                state: unready.state,
            });
        }
        sleep(pause).await;
    }
}

/// How many pods there are to be, and how many of them are ready.
pub(crate) fn counts(store: &Store) -> (usize, usize) {
    let deployments = store.list::<Deployment>();
    let pods = store.list::<Pod>();
    let alone = pods.iter().filter(|pod| pod.metadata.owner_references.is_none());
    let total = deployments
        .iter()
        .map(|deployment| replicas(deployment))
        .sum::<usize>()
        + alone.count();
    let ready = pods.iter().filter(|pod| pod_ready(pod).is_ok()).count();
    (ready, total)
}

/// How many pods have an address, and how many there are to be.
pub(crate) fn connected(store: &Store) -> (usize, usize) {
    let pods = store.list::<Pod>();
    let connected = pods.iter().filter(|pod| lookup::address(pod).is_some()).count();
    (connected, counts(store).1)
}

/// Whether every pod that is to be there has an address.
pub(crate) fn networked(store: &Store) -> Result<(), Unready> {
    if let Some(stuck) = store.list::<Pod>().iter().find(|pod| waits_for_ever(pod)) {
        return pod_ready(stuck);
    }
    let (connected, total) = connected(store);
    if connected >= total {
        Ok(())
    } else {
        Err(format!("{connected} of {total} pods have an address").into())
    }
}

/// Whether every deployment has rolled out and every pod is ready.
pub(crate) fn everything(store: &Store) -> Result<(), Unready> {
    let mut unready: Vec<Unready> = Vec::new();
    let pods = PodsOfDeployments::new(store);
    for deployment in store.list::<Deployment>() {
        unready.extend(has_rolled_out(&deployment, pods.of(&deployment)).err());
    }
    for pod in store.list::<Pod>() {
        if pod.metadata.owner_references.is_none() {
            unready.extend(pod_ready(&pod).err());
        }
    }
    if unready.is_empty() {
        Ok(())
    } else {
        let for_good = unready.iter().any(|unready| unready.for_good);
        Err(Unready {
            state: listed(unready.into_iter().map(|unready| unready.state), "; "),
            for_good,
        })
    }
}

/// The first of many texts, and how many more there are.
fn listed(mut texts: impl Iterator<Item = String>, separator: &str) -> String {
    let mut named: Vec<String> = texts.by_ref().take(NAMED).collect();
    let others = texts.count();
    if others > 0 {
        named.push(format!("and {others} more"));
    }
    named.join(separator)
}

/// The pods of all deployments, found in one go.
struct PodsOfDeployments(HashMap<String, Vec<Shared<Pod>>>);

impl PodsOfDeployments {
    fn new(store: &Store) -> Self {
        let mut of_set = HashMap::<String, Vec<Shared<Pod>>>::new();
        for pod in store.list::<Pod>() {
            for owner in pod.metadata.owner_references.iter().flatten() {
                of_set.entry(owner.uid.clone()).or_default().push(pod.clone());
            }
        }
        let mut of_deployment = HashMap::<String, Vec<Shared<Pod>>>::new();
        for set in store.list::<ReplicaSet>() {
            let pods = set.metadata.uid.as_ref().and_then(|uid| of_set.get(uid));
            for owner in set.metadata.owner_references.iter().flatten() {
                let all = of_deployment.entry(owner.uid.clone()).or_default();
                all.extend(pods.into_iter().flatten().cloned());
            }
        }
        Self(of_deployment)
    }

    fn of(&self, deployment: &Deployment) -> &[Shared<Pod>] {
        let uid = deployment.metadata.uid.as_ref();
        uid.and_then(|uid| self.0.get(uid)).map_or(&[], Vec::as_slice)
    }
}

/// Whether a deployment has exactly the pods that it wants, all of them ready and of its newest template.
pub(crate) fn rolled_out(store: &Store, name: &NamespacedName) -> Result<(), Unready> {
    let Some(deployment) = store.get::<Deployment>(name) else {
        return Err(format!("{} isn't there", called(Kind::Deployment, name)).into());
    };
    let pods = lookup::pods(store, &PodRef::Deployment(name.clone())).unwrap_or_default();
    has_rolled_out(&deployment, &pods)
}

fn has_rolled_out(deployment: &Deployment, pods: &[Shared<Pod>]) -> Result<(), Unready> {
    let wanted = replicas(deployment);
    let ready = pods.iter().filter(|pod| pod_ready(pod).is_ok()).count();
    let status = deployment.status.clone().unwrap_or_default();
    let observed = status.observed_generation >= deployment.metadata.generation;
    let updated = usize::try_from(status.updated_replicas.unwrap_or(0)) == Ok(wanted);
    let available = usize::try_from(status.available_replicas.unwrap_or(0)) == Ok(wanted);
    if observed && updated && available && ready == wanted && pods.len() == wanted {
        return Ok(());
    }
    let name = called(Kind::Deployment, &name_of(&deployment.metadata));
    let others = pods.iter().filter_map(|pod| pod_ready(pod).err());
    // Kubernetes never gives up a deployment's failed pod; what can't be started at all never will be.
    let for_good = pods.iter().any(|pod| waits_for_ever(pod));
    let others = match listed(others.map(|unready| unready.state), ", ") {
        others if others.is_empty() => others,
        others => format!(" ({others})"),
    };
    Err(Unready {
        state: format!("{name}: {ready} of {wanted} pods are ready{others}"),
        for_good,
    })
}

/// Whether a pod is ready, or has done what it was for.
pub(crate) fn pod_ready(pod: &Pod) -> Result<(), Unready> {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    if !is_terminating(pod) && (is_ready(pod) || phase == Some("Succeeded")) {
        return Ok(());
    }
    let name = called(Kind::Pod, &name_of(&pod.metadata));
    let status = summary(pod).status;
    Err(Unready {
        state: match message(pod) {
            Some(message) => format!("{name}: {status}: {message}"),
            None => format!("{name}: {status}"),
        },
        // A failed pod is never started again.
        for_good: phase == Some("Failed") || waits_for_ever(pod),
    })
}

/// Why a pod isn't ready, if it isn't and hasn't done what it was for: `pod/shop/web: CrashLoopBackOff: …`.
pub fn why_not_ready(pod: &Pod) -> Option<String> {
    pod_ready(pod).err().map(|unready| unready.state)
}

fn waits_for_ever(pod: &Pod) -> bool {
    waiting_reasons(pod).any(|reason| WAITS_FOR_EVER.contains(&reason))
}

/// Whether an object is gone.
pub(crate) fn gone(store: &Store, kind: Kind, name: &NamespacedName) -> Result<(), Unready> {
    match store.get_object(kind, name) {
        Some(_) => Err(format!("{} is still there", called(kind, name)).into()),
        None => Ok(()),
    }
}

fn replicas(deployment: &Deployment) -> usize {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    usize::try_from(wanted.unwrap_or(1)).unwrap_or(0)
}
