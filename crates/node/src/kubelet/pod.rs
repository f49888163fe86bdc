//! One pod: its network, its files, its containers, and its status in the store.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1 as core;
use podlab_control::store::{Shared, name_of};
use podlab_kernel::netns::Netns;
use tokio::sync::{mpsc, watch};

use super::container::{self, Handle, Recipe, Restart};
use super::environment::{environment, expand};
use super::status::{Container as Report, Place, State, status};
use super::{Node, files};
use crate::cni::{CniError, PodLink};
use crate::images::EntryPoint;
use crate::mounts::{Root, VolumeMount};
use crate::privileges::Privileges;
use crate::process::{PodNamespaces, Program};

/// Where pods' volumes are, outside of their containers.
const VOLUMES: &str = "/run/volumes";

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

/// The pod can't be run; the text says why, the reason is Kubernetes'.
struct Unfit(&'static str, String);

impl Worker {
    pub(super) fn new(node: Arc<Node>, pod: watch::Receiver<Shared<core::Pod>>) -> Self {
        let spec = pod.borrow().spec.clone().unwrap_or_default();
        let init = spec.init_containers.iter().flatten();
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
                .map(|container| Report::new(container, "ContainerCreating"))
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
                self.wait_with("FailedCreatePodSandBox", error.to_string()).await;
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
            Err(Unfit(reason, message)) => self.wait_with(reason, message).await,
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
        let unfit = |error: io::Error| Unfit("FailedCreatePodSandBox", error.to_string());
        let hostname = spec
            .hostname
            .clone()
            .unwrap_or_else(|| name.name.chars().take(63).collect());
        let namespaces = PodNamespaces::create(netns.clone(), &hostname).map_err(unfit)?;
        let volumes = make_volumes(&pod, &spec).map_err(unfit)?;
        let etc = vec![
            ("hostname", format!("{hostname}\n")),
            ("hosts", files::hosts(&spec, &hostname, address)),
            ("resolv.conf", files::resolv_conf(&spec)),
        ];
        let services = self
            .node
            .services_for(&name.namespace, spec.enable_service_links != Some(false));
        let restart = match spec.restart_policy.as_deref() {
            Some("Never") => Restart::Never,
            Some("OnFailure") => Restart::OnFailure,
            _ => Restart::Always,
        };
        let recipe = |container: &core::Container, restart| {
            let env = environment(
                &pod,
                container,
                &hostname,
                services.iter().map(|service| &**service),
            )
            .map_err(|error| Unfit("CreateContainerConfigError", error.to_string()))?;
            Ok(Recipe {
                program: program(&self.node, &spec, container, env)?,
                spec: container.clone(),
                root: Root {
                    etc: etc.clone(),
                    volumes: mounts(container, &volumes)?,
                },
                namespaces: namespaces.clone(),
                restart,
                clock: self.node.clock(),
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
                        all.await;
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
    async fn wait_with(&mut self, reason: &'static str, message: String) {
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
        let _ = std::fs::remove_dir_all(volumes_dir(&pod));
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

/// What a container runs: its `command`, or what stands for its image; `args` after it; `$(NAME)` replaced.
fn program(
    node: &Node,
    spec: &core::PodSpec,
    container: &core::Container,
    env: Vec<(String, String)>,
) -> Result<Program, Unfit> {
    let command = container.command.clone().filter(|command| !command.is_empty());
    let entry = match command {
        Some(argv) => EntryPoint { argv, user: None },
        None => node
            .images
            .entry_point(container.image.as_deref().unwrap_or_default())
            .map_err(|error| Unfit("ErrImagePull", error.to_string()))?,
    };
    let variables: BTreeMap<_, _> = env.iter().cloned().collect();
    let arguments = container
        .args
        .iter()
        .flatten()
        .map(|argument| expand(argument, &variables));
    let argv = entry
        .argv
        .iter()
        .map(|argument| expand(argument, &variables))
        .chain(arguments)
        .collect();
    let (pod_context, context) = (
        spec.security_context.as_ref(),
        container.security_context.as_ref(),
    );
    let number = |of_container: Option<i64>, of_pod: Option<i64>| {
        of_container
            .or(of_pod)
            .and_then(|number| u32::try_from(number).ok())
    };
    let user = number(
        context.and_then(|it| it.run_as_user),
        pod_context.and_then(|it| it.run_as_user),
    )
    .or(entry.user)
    .unwrap_or(0);
    let group = number(
        context.and_then(|it| it.run_as_group),
        pod_context.and_then(|it| it.run_as_group),
    );
    let capabilities = context
        .and_then(|context| context.capabilities.clone())
        .unwrap_or_default();
    let mut privileges = Privileges::new(user, group.unwrap_or(user)).with(
        &capabilities.add.unwrap_or_default(),
        &capabilities.drop.unwrap_or_default(),
    );
    if context.and_then(|context| context.privileged) == Some(true) {
        privileges = privileges.privileged();
    }
    let working_dir = PathBuf::from(container.working_dir.as_deref().unwrap_or("/"));
    Ok(Program {
        argv,
        env,
        working_dir,
        privileges,
    })
}

fn volumes_dir(pod: &core::Pod) -> PathBuf {
    PathBuf::from(VOLUMES).join(pod.metadata.uid.as_deref().unwrap_or_default())
}

/// A directory for each `emptyDir` of the pod, open to all its users as Kubernetes has it; and by name, where each
/// volume is. Volumes of other kinds are not in the list.
fn make_volumes(pod: &core::Pod, spec: &core::PodSpec) -> io::Result<BTreeMap<String, PathBuf>> {
    use std::os::unix::fs::PermissionsExt;
    let mut volumes = BTreeMap::new();
    for volume in spec
        .volumes
        .iter()
        .flatten()
        .filter(|volume| volume.empty_dir.is_some())
    {
        let directory = volumes_dir(pod).join(&volume.name);
        std::fs::create_dir_all(&directory)?;
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o777))?;
        volumes.insert(volume.name.clone(), directory);
    }
    Ok(volumes)
}

fn mounts(
    container: &core::Container,
    volumes: &BTreeMap<String, PathBuf>,
) -> Result<Vec<VolumeMount>, Unfit> {
    let mounts = container.volume_mounts.iter().flatten();
    mounts
        .map(|mount| {
            let source = volumes.get(&mount.name).ok_or_else(|| {
                let text = format!("volume \"{}\": podlab has emptyDir volumes only", mount.name);
                Unfit("CreateContainerConfigError", text)
            })?;
            Ok(VolumeMount {
                source: mount
                    .sub_path
                    .as_ref()
                    .map_or_else(|| source.clone(), |path| source.join(path)),
                target: PathBuf::from(&mount.mount_path),
                read_only: mount.read_only == Some(true),
            })
        })
        .collect()
}
