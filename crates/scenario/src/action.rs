//! Steps that change the cluster: each waits until its change is in effect everywhere.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use podlab_api::object::{Kind, Object};
use podlab_api::scenario::WaitCondition;
use podlab_api::steps::{NamespacedName, ObjectRef, PodRef};
use podlab_cluster::Cluster;
use podlab_control::pods::is_ready;
use podlab_control::registry::{Applied, MOST_PODS};
use podlab_control::store::{Shared, name_of};
use podlab_node::kubelet::status::READY_BY_DECREE;

use crate::Obstacle;
use crate::lookup::{self, called};
use crate::readiness::{self, until};

/// How long a change may take to be in effect.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How many pods may take that long to be ready; more may take as many times as long.
const PODS: usize = 200;

/// How long so many pods may take to be ready.
pub(crate) fn patience(pods: usize) -> Duration {
    PATIENCE * u32::try_from(1 + pods / PODS).unwrap_or(u32::MAX)
}

/// `kubectl scale`; waits until the pods are ready or gone.
pub(crate) async fn scale(
    cluster: &Cluster,
    deployment: &NamespacedName,
    replicas: i32,
) -> Result<String, Obstacle> {
    cluster.registry().scale(deployment, replicas)?;
    // More than these there will never be.
    let pods = usize::try_from(replicas).unwrap_or_default().min(MOST_PODS);
    until(cluster, patience(pods), |store| {
        readiness::rolled_out(store, deployment)
    })
    .await?;
    let pods = lookup::pods(cluster.store(), &PodRef::Deployment(deployment.clone()))?;
    Ok(match &pods[..] {
        [] => "no pods are left".to_owned(),
        pods => format!("ready: {}", names(pods)),
    })
}

/// `kubectl delete pod`; waits until it is gone and, where a deployment owned it, until another has its place.
pub(crate) async fn delete_pod(cluster: &Cluster, which: &PodRef) -> Result<String, Obstacle> {
    let before = lookup::able_pods(cluster.store(), which)?;
    let Some(pod) = before.first() else {
        return Ok("there is no pod".to_owned());
    };
    let name = name_of(&pod.metadata);
    cluster.registry().delete(Kind::Pod, &name)?;
    let uid = &pod.metadata.uid;
    until(cluster, PATIENCE, |store| {
        let still = store.get::<Pod>(&name).filter(|now| now.metadata.uid == *uid);
        match (still, which) {
            (Some(_), _) => Err(format!("{} is still there", called(Kind::Pod, &name)).into()),
            (None, PodRef::Pod(_)) => Ok(()),
            (None, PodRef::Deployment(deployment)) => readiness::rolled_out(store, deployment),
        }
    })
    .await?;
    let mut after = match which {
        PodRef::Pod(_) => Vec::new(),
        PodRef::Deployment(_) => lookup::pods(cluster.store(), which)?,
    };
    after.retain(|pod| !before.iter().any(|old| old.metadata.uid == pod.metadata.uid));
    let gone = names(std::slice::from_ref(pod));
    Ok(match &after[..] {
        [] => format!("{gone} is gone"),
        new => format!("{gone} is gone; new: {}", names(new)),
    })
}

/// Sets a condition that takes part in the pod's readiness; waits until services know.
pub(crate) async fn set_ready(cluster: &Cluster, which: &PodRef, ready: bool) -> Result<String, Obstacle> {
    let pods = lookup::pods(cluster.store(), which)?;
    // Of a deployment's pods, one whose readiness this changes.
    let pod = pods.iter().find(|pod| is_ready(pod) != ready).or(pods.first());
    let Some(pod) = pod else {
        return Ok("there is no pod".to_owned());
    };
    let name = name_of(&pod.metadata);
    let decree = PodCondition {
        type_: READY_BY_DECREE.to_owned(),
        status: if ready { "True" } else { "False" }.to_owned(),
        last_transition_time: Some(cluster.store().now()),
        ..PodCondition::default()
    };
    let set = cluster.store().modify::<Pod>(&name, |pod| {
        let conditions = pod
            .status
            .get_or_insert_default()
            .conditions
            .get_or_insert_default();
        conditions.retain(|condition| condition.type_ != READY_BY_DECREE);
        conditions.push(decree);
    });
    set.map_err(|_| Obstacle::NotFound {
        kind: Kind::Pod,
        name: name.clone(),
    })?;
    until(cluster, PATIENCE, |store| match store.get::<Pod>(&name) {
        Some(pod) if is_ready(&pod) == ready => Ok(()),
        _ => Err(format!(
            "{} is {}ready",
            called(Kind::Pod, &name),
            if ready { "not " } else { "" }
        )
        .into()),
    })
    .await?;
    Ok(format!(
        "{} is {}ready",
        called(Kind::Pod, &name),
        if ready { "" } else { "not " }
    ))
}

/// `kubectl apply`; waits until what was applied is ready.
pub(crate) async fn apply(cluster: &Cluster, objects: &[Object]) -> Result<String, Obstacle> {
    let mut done = Vec::new();
    for object in objects {
        let name = called(object.kind(), &name_of(object.metadata()));
        let applied = cluster.registry().apply(object.clone())?;
        done.push(format!(
            "{name} {}",
            match applied {
                Applied::Created => "created",
                Applied::Configured => "configured",
                Applied::Unchanged => "unchanged",
            }
        ));
    }
    until(cluster, PATIENCE, |store| {
        objects.iter().try_for_each(|object| {
            let name = name_of(object.metadata());
            match object {
                Object::Deployment(_) => readiness::rolled_out(store, &name),
                Object::Pod(_) => match store.get::<Pod>(&name) {
                    Some(pod) => readiness::pod_ready(&pod),
                    None => Err(format!("{} isn't there", called(Kind::Pod, &name)).into()),
                },
                _ => Ok(()),
            }
        })
    })
    .await?;
    Ok(done.join(", "))
}

/// `kubectl delete`; waits until it is gone, with all that it owned.
pub(crate) async fn delete(cluster: &Cluster, object: &ObjectRef) -> Result<String, Obstacle> {
    let owned = match object.kind {
        Kind::Deployment => lookup::pods(cluster.store(), &PodRef::Deployment(object.name.clone()))?,
        _ => Vec::new(),
    };
    cluster.registry().delete(object.kind, &object.name)?;
    until(cluster, PATIENCE, |store| {
        readiness::gone(store, object.kind, &object.name)?;
        owned
            .iter()
            .try_for_each(|pod| readiness::gone(store, Kind::Pod, &name_of(&pod.metadata)))
    })
    .await?;
    Ok(format!("{} is gone", called(object.kind, &object.name)))
}

/// `kubectl wait`.
pub(crate) async fn wait(
    cluster: &Cluster,
    object: &ObjectRef,
    condition: WaitCondition,
    patience: Duration,
) -> Result<String, Obstacle> {
    let name = called(object.kind, &object.name);
    until(cluster, patience, |store| match (condition, object.kind) {
        (WaitCondition::Deleted, kind) => readiness::gone(store, kind, &object.name),
        (WaitCondition::Ready, Kind::Deployment) => readiness::rolled_out(store, &object.name),
        (WaitCondition::Ready, _) => match store.get::<Pod>(&object.name) {
            Some(pod) => readiness::pod_ready(&pod),
            None => Err(format!("{name} isn't there").into()),
        },
    })
    .await?;
    Ok(match condition {
        WaitCondition::Ready => format!("{name} is ready"),
        WaitCondition::Deleted => format!("{name} is gone"),
    })
}

fn names(pods: &[Shared<Pod>]) -> String {
    let name = |pod: &Shared<Pod>| {
        let name = called(Kind::Pod, &name_of(&pod.metadata));
        match lookup::address(pod) {
            Some(address) => format!("{name} ({address})"),
            None => name,
        }
    };
    pods.iter().map(name).collect::<Vec<_>>().join(", ")
}
