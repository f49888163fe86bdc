//! One pod: its network, its files, its containers, and its status in the store.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1 as core;
use podlab_api::steps::NamespacedName;
use podlab_control::store::{Shared, name_of};
use podlab_kernel::netns::Netns;
use tokio::sync::{mpsc, watch};

use super::container::{self, Handle, Recipe, Restart};
use super::environment::{environment, service_variables};
use super::hostname::Hostname;
use super::program::program;
use super::resolv_conf::resolv_conf;
use super::status::{Container as Report, Place, State, Unfit, status};
use super::{Node, files, volumes};
use crate::cni::{CniError, PodLink};
use crate::mounts::Root;
use crate::process::PodNamespaces;

/// What others may know of a pod that has its network.
#[derive(Debug, Clone)]
pub(super) struct PodHandle {
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
        Self {
            place: Place {
                host: node.address,
                address: None,
                since: node.store.now(),
            },
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
        match self.recipes(&netns, address) {
            Ok(recipes) => self.run_containers(recipes, netns, address).await,
            Err(unfit) => self.wait_with(unfit).await,
        }
        self.finish(link).await;
    }

    /// The pod's link; none for a pod that uses its node's network.
    async fn attach(&self) -> Result<Option<PodLink>, CniError> {
        let host_network = self.pod.borrow().spec.as_ref().and_then(|spec| spec.host_network) == Some(true);
        if host_network {
            Ok(None)
        } else {
            self.node.network.attach().await.map(Some)
        }
    }

    /// How each container is started: init containers first.
    fn recipes(&self, netns: &Netns, address: IpAddr) -> Result<Vec<Recipe>, Unfit> {
        // The stored version already knows the pod's address, which the downward API may ask for.
        let name = name_of(&self.pod.borrow().metadata);
        let pod = self
            .node
            .store
            .get::<core::Pod>(&name)
            .unwrap_or_else(|| self.pod.borrow().clone());
        let spec = pod.spec.clone().unwrap_or_default();
        let dns = self.node.dns.as_ref();
        let names = Hostname::new(&pod, &self.node.name, dns);
        let hostname = names
            .for_kernel(spec.set_hostname_as_fqdn == Some(true))
            .map_err(Unfit::pod_sandbox)?;
        let namespaces = PodNamespaces::create(netns.clone(), &hostname).map_err(Unfit::pod_sandbox)?;
        let volumes = volumes::make(&pod, &spec).map_err(Unfit::pod_sandbox)?;
        let etc = vec![
            ("hostname", format!("{hostname}\n")),
            ("hosts", files::hosts(&spec, &names, address)),
            ("resolv.conf", resolv_conf(&spec, &name.namespace, dns)),
        ];
        // The only one of another namespace that a pod is told of.
        let api = NamespacedName {
            namespace: "default".to_owned(),
            name: "kubernetes".to_owned(),
        };
        let api = self.node.store.get::<core::Service>(&api);
        let own = self.node.store.list_in::<core::Service>(&name.namespace);
        let services = service_variables(
            api.iter().chain(&own).map(|service| &**service),
            &name.namespace,
            spec.enable_service_links != Some(false),
        );
        let restart = match spec.restart_policy.as_deref() {
            Some("Never") => Restart::Never,
            Some("OnFailure") => Restart::OnFailure,
            _ => Restart::Always,
        };
        let recipe = |container: &core::Container, restart| {
            let variables = environment(&pod, container, &services).map_err(Unfit::config)?;
            Ok(Recipe {
                program: program(&self.node.images, &spec, container, &hostname, &variables)?,
                spec: container.clone(),
                root: Root {
                    etc: etc.clone(),
                    volumes: volumes::mounts(container, &volumes)?,
                },
                namespaces: namespaces.clone(),
                restart,
                store: self.node.store.clone(),
                probed: (self.node.network.netns().clone(), address),
            })
        };
        let until_success = if restart == Restart::Never {
            Restart::Never
        } else {
            Restart::OnFailure
        };
        let init = spec
            .init_containers
            .iter()
            .flatten()
            .map(|container| recipe(container, until_success));
        init.chain(spec.containers.iter().map(|container| recipe(container, restart)))
            .collect()
    }

    /// Runs init containers one after another, then all others at once, until the pod is deleted.
    async fn run_containers(&mut self, recipes: Vec<Recipe>, netns: Netns, address: IpAddr) {
        let handles: Vec<_> = recipes
            .iter()
            .map(|recipe| (recipe.spec.name.clone(), Handle::default()))
            .collect();
        let name = name_of(&self.pod.borrow().metadata);
        self.node.publish(
            &name,
            PodHandle {
                netns,
                address,
                containers: handles.clone(),
            },
        );
        let (send, mut reports) = mpsc::unbounded_channel::<(Which, Report)>();
        let (stop, stopped) = watch::channel(None::<Duration>);
        let init_count = self.init.len();
        let run = |(index, recipe): (usize, Recipe)| {
            let (send, handle) = (send.clone(), handles[index].1.clone());
            let which = if index < init_count {
                (true, index)
            } else {
                (false, index - init_count)
            };
            container::run(recipe, handle, stopped.clone(), move |report| {
                drop(send.send((which, report)))
            })
        };
        let mut recipes: Vec<_> = recipes.into_iter().enumerate().collect();
        let others = recipes.split_off(init_count);
        let sent = send.clone();
        let all = async {
            for recipe in recipes {
                run(recipe).await;
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
        let mut ended = false;
        loop {
            tokio::select! {
                biased;
                Some((which, report)) = reports.recv() => {
                    let list = if which.0 { &mut self.init } else { &mut self.containers };
                    list[which.1] = report;
                    if reports.is_empty() {
                        self.write_status();
                    }
                }
                () = &mut all, if !ended => ended = true,
                changed = self.pod.changed() => match (changed, self.grace()) {
                    (Ok(()), None) => self.write_status(),
                    (Ok(()), Some(grace)) => stop.send_modify(|stop| { stop.get_or_insert(grace); }),
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

    /// Every container waits, for this reason, until the pod is deleted.
    async fn wait_with(&mut self, Unfit { reason, message }: Unfit) {
        for container in &mut self.containers {
            container.state = State::Waiting {
                reason,
                message: Some(message.clone()),
            };
        }
        self.write_status();
        while self.grace().is_none() && self.pod.changed().await.is_ok() {}
    }

    /// Takes the pod's network down, and its object out of the store.
    async fn finish(self, link: Option<PodLink>) {
        let pod = self.pod.borrow().clone();
        let name = name_of(&pod.metadata);
        self.node.unpublish(&name);
        let _ = std::fs::remove_dir_all(volumes::directory(&pod));
        if let Some(link) = link
            && let Err(error) = self.node.network.detach(&link).await
        {
            tracing::warn!(pod = %name, "{error}");
        }
        // It may have been replaced by another of the same name.
        let mine = |stored: &Shared<core::Pod>| stored.metadata.uid == pod.metadata.uid;
        if self
            .node
            .store
            .get::<core::Pod>(&name)
            .is_some_and(|stored| mine(&stored))
        {
            let _ = self.node.store.remove::<core::Pod>(&name);
        }
    }

    fn write_status(&self) {
        let store = &self.node.store;
        let now = store.now();
        // A pod that is gone needs no status.
        let _ = store.modify(&name_of(&self.pod.borrow().metadata), |pod: &mut core::Pod| {
            pod.status = Some(status(pod, &self.place, &self.init, &self.containers, &now));
        });
    }
}
