//! One pod: its network, its files, its containers, and its status in the store.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1 as core;
use podlab_control::pods;
use podlab_control::recorder::EventType;
use podlab_control::store::{Shared, name_of};
use podlab_kernel::netns::Netns;
use tokio::sync::{mpsc, watch};

use super::Node;
use super::container::{Handle, Life};
use super::recipe::{Ground, Recipe, Restart, lock};
use super::status::{Container as Report, Place, Unfit, status};
use super::volumes::Volumes;
use crate::cni::{CniError, PodLink};

/// What others may know of a pod that has its network.
#[derive(Debug, Clone)]
pub(super) struct PodHandle {
    pub(super) uid: Option<String>,
    pub(super) netns: Netns,
    pub(super) address: IpAddr,
    /// By container name, in the manifest's order; init containers first.
    pub(super) containers: Vec<(String, Handle)>,
}

/// A pod's worker: all that happens to the pod happens in its [`Worker::run`].
pub(super) struct Worker {
    node: Arc<Node>,
    pod: watch::Receiver<Shared<core::Pod>>,
    place: Place,
    volumes: Arc<Mutex<Volumes>>,
    /// Tells when what is in the volumes may have changed.
    sources: watch::Receiver<()>,
    init: Vec<Report>,
    containers: Vec<Report>,
}

/// Which container a report is of: whether it is an init container, and its index.
type Which = (bool, usize);

impl Worker {
    pub(super) fn new(node: Arc<Node>, pod: watch::Receiver<Shared<core::Pod>>) -> Self {
        let spec = pod.borrow().spec.clone().unwrap_or_default();
        let init = spec.init_containers.iter().flatten();
        let waits_for = match spec.init_containers.as_deref() {
            None | Some([]) => "ContainerCreating",
            Some(_) => "PodInitializing",
        };
        let volumes = Arc::new(Mutex::new(Volumes::new(&pod.borrow())));
        Self {
            place: Place {
                host: node.address,
                address: None,
                since: node.store.now(),
            },
            volumes,
            sources: node.sources.subscribe(),
            init: init
                .map(|container| Report::new(container, "PodInitializing"))
                .collect(),
            containers: spec
                .containers
                .iter()
                .map(|container| Report::new(container, waits_for))
                .collect(),
            node,
            pod,
        }
    }

    /// Runs the pod until it is deleted.
    pub(super) async fn run(mut self) {
        let name = name_of(&self.pod.borrow().metadata);
        let link = match self.attach().await {
            Ok(link) => link,
            Err(error) => {
                tracing::debug!(pod = %name, "{error}");
                self.wait_with(Unfit::pod_sandbox(error)).await;
                return self.finish(None).await;
            }
        };
        let address = link.as_ref().map_or(self.node.address, |link| link.address);
        let netns = link
            .as_ref()
            .map_or(self.node.network.netns(), |link| &link.netns)
            .clone();
        self.place.address = Some(address);
        self.write_status();
        if self.mount().await {
            match self.recipes(&netns, address) {
                Ok(recipes) => self.run_containers(recipes, netns, address).await,
                Err(unfit) => self.wait_with(unfit).await,
            }
        }
        self.finish(link).await;
    }

    /// The pod's link; none for a pod that uses its node's network.
    async fn attach(&self) -> Result<Option<PodLink>, CniError> {
        let host_network = self.pod.borrow().spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
        if host_network {
            Ok(None)
        } else {
            // It is never closed.
            let _turn = self.node.connecting.acquire().await;
            self.node.network.attach().await.map(Some)
        }
    }

    /// Makes the pod's volumes, as soon as all that is to be in them is there; false when the pod is deleted before.
    async fn mount(&mut self) -> bool {
        loop {
            if self.update_volumes() {
                return true;
            }
            tokio::select! {
                changed = self.sources.changed() => if changed.is_err() { return false },
                changed = self.pod.changed() => if changed.is_err() || self.grace().is_some() { return false },
            }
        }
    }

    /// Whether the volumes have now what they are to have.
    fn update_volumes(&self) -> bool {
        let pod = self.pod.borrow().clone();
        let updated = lock(&self.volumes).update(&pod, &self.node.store);
        if let Err(error) = &updated {
            self.warn("FailedMount", error.to_string());
        }
        updated.is_ok()
    }

    fn warn(&self, reason: &str, message: String) {
        let pod = self.pod.borrow();
        self.node
            .recorder
            .event(&**pod, EventType::Warning, reason, message);
    }

    /// How each container is started: init containers first.
    fn recipes(&self, netns: &Netns, address: IpAddr) -> Result<Vec<Recipe>, Unfit> {
        let pod = self.pod.borrow().clone();
        let spec = pod.spec.clone().unwrap_or_default();
        let (node, volumes) = (self.node.clone(), self.volumes.clone());
        let ground = Arc::new(Ground::new(
            node,
            self.pod.clone(),
            netns.clone(),
            address,
            volumes,
        )?);
        let recipe = |container: &core::Container, restart| Recipe {
            ground: ground.clone(),
            container: Box::new(container.clone()),
            restart,
        };
        let restart = Restart::of(&spec);
        let init = spec.init_containers.iter().flatten();
        let init = init.map(|container| recipe(container, restart.of_init()));
        let others = spec.containers.iter().map(|container| recipe(container, restart));
        Ok(init.chain(others).collect())
    }

    /// Runs init containers one after another, then all others at once, until the pod is deleted.
    async fn run_containers(&mut self, recipes: Vec<Recipe>, netns: Netns, address: IpAddr) {
        let handles: Vec<_> = recipes
            .iter()
            .map(|recipe| (recipe.container.name.clone(), Handle::default()))
            .collect();
        let metadata = self.pod.borrow().metadata.clone();
        self.node.publish(
            &name_of(&metadata),
            PodHandle {
                uid: metadata.uid,
                netns,
                address,
                containers: handles.clone(),
            },
        );
        let (send, mut reports) = mpsc::unbounded_channel::<(Which, Box<Report>)>();
        let (stop, stopped) = watch::channel(None::<Duration>);
        let init_count = self.init.len();
        let run = |(index, recipe): (usize, Recipe)| {
            let (send, handle) = (send.clone(), handles[index].1.clone());
            let which = if index < init_count {
                (true, index)
            } else {
                (false, index - init_count)
            };
            let tell = move |report| drop(send.send((which, Box::new(report))));
            Life::new(recipe, handle, stopped.clone(), tell).run()
        };
        let mut recipes: Vec<_> = recipes.into_iter().enumerate().collect();
        let others = recipes.split_off(init_count);
        let sent = send.clone();
        let all = async {
            for recipe in recipes {
                // A pod that waits takes as much memory as its longest wait: most have no init containers.
                Box::pin(run(recipe)).await;
                if stopped.borrow().is_some() {
                    break;
                }
            }
            let _ = &sent;
            if stopped.borrow().is_none() {
                join_all(others.into_iter().map(run)).await;
            }
        };
        tokio::pin!(all);
        let filled = lock(&self.volumes).are_filled();
        let mut ended = false;
        loop {
            tokio::select! {
                biased;
                Some((which, report)) = reports.recv() => {
                    let list = if which.0 { &mut self.init } else { &mut self.containers };
                    list[which.1] = *report;
                    if reports.is_empty() {
                        self.write_status();
                    }
                }
                () = &mut all, if !ended => ended = true,
                Ok(()) = self.sources.changed(), if filled => {
                    self.update_volumes();
                }
                changed = self.pod.changed() => match (changed, self.grace()) {
                    (Ok(()), None) => {
                        if filled {
                            self.update_volumes();
                        }
                        self.write_status();
                    }
                    (Ok(()), Some(grace)) => {
                        if stop.borrow().is_none() && !grace.is_zero() {
                            self.node.traffic_goes_elsewhere().await;
                        }
                        stop.send_modify(|stop| *stop = Some(stop.map_or(grace, |before| before.min(grace))));
                    }
                    // Nobody has the other end: the object is gone already.
                    (Err(_), _) => {
                        stop.send_modify(|stop| *stop = Some(Duration::ZERO));
                        if !ended {
                            all.await;
                        }
                        return;
                    }
                },
            }
            if ended && self.grace().is_some() && reports.is_empty() {
                return;
            }
        }
    }

    /// How long the containers have when the pod is being deleted; none when it isn't.
    fn grace(&self) -> Option<Duration> {
        let pod = self.pod.borrow();
        pod.metadata.deletion_timestamp.as_ref()?;
        let seconds = pod.metadata.deletion_grace_period_seconds.unwrap_or(30);
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    }

    /// Every container waits, because there is no sandbox for it, until the pod is deleted.
    async fn wait_with(&mut self, unfit: Unfit) {
        self.warn(
            unfit.reason,
            format!("Failed to create pod sandbox: {}", unfit.message),
        );
        for container in &mut self.containers {
            container.state = unfit.state();
        }
        self.write_status();
        while self.grace().is_none() && self.pod.changed().await.is_ok() {}
    }

    /// Takes the pod's network down, and its object out of the store.
    async fn finish(self, link: Option<PodLink>) {
        let pod = self.pod.borrow().clone();
        let name = name_of(&pod.metadata);
        self.node.unpublish(&pod);
        lock(&self.volumes).remove();
        if let Some(link) = link
            && let Err(error) = self.node.network.detach(&link).await
        {
            tracing::warn!(pod = %name, "{error}");
        }
        pods::finish(&self.node.store, &pod);
    }

    fn write_status(&self) {
        let store = &self.node.store;
        let now = store.now();
        let metadata = self.pod.borrow().metadata.clone();
        // A pod that is gone needs no status, nor does another of its name.
        let _ = store.modify(&name_of(&metadata), |pod: &mut core::Pod| {
            if pod.metadata.uid == metadata.uid {
                pod.status = Some(status(pod, &self.place, &self.init, &self.containers, &now));
            }
        });
    }
}
