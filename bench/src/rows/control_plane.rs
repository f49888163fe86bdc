//! The control plane alone: one pod's readiness flips, and its service's endpoints follow.

use std::time::Instant;

use k8s_openapi::api::core::v1::{Node, Pod, Service};
use podlab_api::object::Object;
use podlab_api::steps::NamespacedName;
use podlab_control::controllers::Controllers;
use podlab_control::registry::{Registry, RegistryOptions};
use podlab_control::store::Store;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::{Case, Row, Scale};
use crate::Result;
use crate::figures::{Peer, tell};
use crate::lab;
use crate::services::SERVICE_CIDR;
use crate::statistics::Summary;

pub(crate) const ROW: Row = Row {
    id: "control-plane",
    cases,
    measure,
};

const FLIPS: u32 = 100;
const PODS_OF_A_SERVICE: u32 = 10;

fn cases(scale: Scale) -> Vec<Case> {
    let rounds = if scale == Scale::Full { 5 } else { 3 };
    [1_000, 10_000]
        .map(|pods| Case::new(Peer::Podlab, pods, rounds))
        .into()
}

fn measure(case: &Case) -> Result<()> {
    Runtime::new()?.block_on(flip(case.size))
}

async fn flip(pods: u32) -> Result<()> {
    let options = RegistryOptions {
        service_cidr: SERVICE_CIDR.parse()?,
    };
    let registry = Registry::new(Store::new(std::sync::Arc::new(lab::now)), options)?;
    let store = registry.store().clone();
    fill(&registry, pods)?;
    let (sender, mut progress) = watch::channel(0);
    let controllers = tokio::spawn(Controllers::new(registry).serve(sender));
    settle(&store, &mut progress).await?;

    let mut took = Vec::new();
    for flip in 0..FLIPS {
        let name = in_default(&format!("pod-{}", flip * (pods / FLIPS)));
        let began = Instant::now();
        let changed = store.modify(&name, |pod: &mut Pod| set_ready(pod, "False"))?;
        let revision: u64 = changed
            .metadata
            .resource_version
            .as_deref()
            .unwrap_or_default()
            .parse()?;
        progress.wait_for(|done| *done >= revision).await?;
        took.push(began.elapsed().as_secs_f64());
        settle(&store, &mut progress).await?;
    }
    controllers.abort();
    let summary = Summary::of(&took).ok_or("no flips")?;
    tell("flip", Peer::Podlab, pods, summary.median)?;
    Ok(())
}

/// Waits until nothing is left to do.
async fn settle(store: &Store, progress: &mut watch::Receiver<u64>) -> Result<()> {
    while *progress.borrow_and_update() < store.revision() {
        progress.changed().await?;
    }
    Ok(())
}

fn fill(registry: &Registry, pods: u32) -> Result<()> {
    let node: Node = serde_json::from_value(json!({ "metadata": { "name": "node-1" } }))?;
    registry.apply(Object::Node(node))?;
    for number in 0..pods / PODS_OF_A_SERVICE {
        let app = format!("web-{number}");
        let service: Service = serde_json::from_value(json!({
            "metadata": { "name": app },
            "spec": { "selector": { "app": app }, "ports": [{ "port": 80, "targetPort": 8080 }] },
        }))?;
        registry.apply(Object::Service(service))?;
    }
    for number in 0..pods {
        let address = std::net::Ipv4Addr::from(u32::from(std::net::Ipv4Addr::new(10, 244, 0, 2)) + number);
        let mut pod: Pod = serde_json::from_value(json!({
            "metadata": {
                "namespace": "default",
                "name": format!("pod-{number}"),
                "labels": { "app": format!("web-{}", number / PODS_OF_A_SERVICE) },
            },
            "spec": { "nodeName": "node-1", "containers": [{ "name": "web", "image": "podlab/echo" }] },
            "status": { "phase": "Running", "podIP": address, "podIPs": [{ "ip": address }] },
        }))?;
        set_ready(&mut pod, "True");
        registry.store().create(pod)?;
    }
    Ok(())
}

fn set_ready(pod: &mut Pod, ready: &str) {
    let condition = k8s_openapi::api::core::v1::PodCondition {
        type_: "Ready".to_owned(),
        status: ready.to_owned(),
        ..Default::default()
    };
    pod.status.get_or_insert_default().conditions = Some(vec![condition]);
}

fn in_default(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}
