//! Runs the pods that are bound to its node.

mod container;
mod environment;
mod feed;
mod files;
mod hostname;
mod logs;
mod pod;
mod probe;
mod program;
mod resolv_conf;
pub mod status;
mod volumes;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::try_join;
use k8s_openapi::api::core::v1::Pod;
use podlab_api::object::Object;
use podlab_api::steps::NamespacedName;
use podlab_control::store::{Change, Event, Shared, Store, name_of};
use podlab_kernel::netns::Netns;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cni::NodeNetwork;
use crate::images::Images;
use crate::process::{Input, Program, StartError, start_beside};
use pod::{PodHandle, Worker};
pub use resolv_conf::ClusterDns;

/// A kubelet; clones are the same one.
#[derive(Clone)]
pub struct Kubelet(Arc<Node>);

/// Who looks after the pods: a task for each, which is told of each new version of its pod.
#[derive(Default)]
struct Workers {
    pods: HashMap<NamespacedName, watch::Sender<Shared<Pod>>>,
    tasks: JoinSet<()>,
}

/// What the workers of a node's pods share.
struct Node {
    name: String,
    address: IpAddr,
    store: Store,
    network: NodeNetwork,
    images: Images,
    dns: Option<ClusterDns>,
    pods: Mutex<HashMap<NamespacedName, PodHandle>>,
}

/// What a command in a container did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code; 128 + the signal's number when a signal ended it.
    pub exit_code: i32,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// A line that a container wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The container's name.
    pub container: String,
    /// The line, without its end.
    pub text: String,
}

/// A command could not be run in a container.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The pod isn't on this node, or none of its containers runs.
    #[error("container of pod \"{0}\" is not running")]
    NotRunning(NamespacedName),
    /// Its program could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its output could not be read.
    #[error("cannot read the command's output: {0}")]
    Output(#[from] std::io::Error),
}

impl Kubelet {
    /// A kubelet for the node `name`, whose address is `address`, in a cluster with this DNS service.
    pub fn new(
        name: String,
        address: IpAddr,
        store: Store,
        network: NodeNetwork,
        images: Images,
        dns: Option<ClusterDns>,
    ) -> Self {
        Self(Arc::new(Node {
            name,
            address,
            store,
            network,
            images,
            dns,
            pods: Mutex::default(),
        }))
    }

    /// Runs the pods that the store binds to this node. When this is dropped, nobody looks after them any more; they
    /// are not taken down.
    pub async fn serve(self) {
        let mut watch = self.0.store.watch();
        let mut workers = Workers::default();
        while let Some(event) = watch.next().await {
            if let Object::Pod(pod) = &*event.object
                && pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()) == Some(&self.0.name)
            {
                self.take(&event, &mut workers);
            }
        }
    }

    fn take(&self, event: &Event, workers: &mut Workers) {
        let name = name_of(event.object.metadata());
        while workers.tasks.try_join_next().is_some() {}
        if event.change == Change::Deleted {
            workers.pods.remove(&name);
            return;
        }
        let Some(pod) = Shared::<Pod>::from_object(event.object.clone()) else {
            return;
        };
        let same = |worker: &watch::Sender<Shared<Pod>>| worker.borrow().metadata.uid == pod.metadata.uid;
        match workers.pods.get(&name).filter(|worker| same(worker)) {
            Some(worker) => drop(worker.send(pod)),
            None => {
                let (send, receive) = watch::channel(pod);
                workers.pods.insert(name, send);
                workers.tasks.spawn(Worker::new(self.0.clone(), receive).run());
            }
        }
    }

    /// Address and network namespace of a pod of this node; none before it has them.
    pub fn pod_network(&self, pod: &NamespacedName) -> Option<(IpAddr, Netns)> {
        self.0
            .lock_pods()
            .get(pod)
            .map(|pod| (pod.address, pod.netns.clone()))
    }

    /// What the `/etc/resolv.conf` of a pod of this node says; none before it has its network.
    pub fn resolv_conf(&self, pod: &NamespacedName) -> Option<String> {
        self.0.lock_pods().get(pod)?;
        let stored = self.0.store.get::<Pod>(pod)?;
        let spec = stored.spec.as_ref()?;
        Some(resolv_conf::resolv_conf(
            spec,
            &pod.namespace,
            self.0.dns.as_ref(),
        ))
    }

    /// What the containers of a pod wrote: the last 1,000 lines of each, by container.
    pub fn logs(&self, pod: &NamespacedName) -> Vec<LogLine> {
        let containers = self
            .0
            .lock_pods()
            .get(pod)
            .map(|pod| pod.containers.clone())
            .unwrap_or_default();
        let lines = |(name, handle): (String, container::Handle)| {
            handle.log.lines().into_iter().map(move |text| LogLine {
                container: name.clone(),
                text,
            })
        };
        containers.into_iter().flat_map(lines).collect()
    }

    /// Runs a command in the first running container of a pod and waits for its end.
    ///
    /// # Errors
    /// [`ExecError`].
    pub async fn exec(&self, pod: &NamespacedName, command: &[String]) -> Result<ExecOutput, ExecError> {
        let running = self
            .0
            .lock_pods()
            .get(pod)
            .and_then(|pod| pod.containers.iter().find_map(|(_, handle)| handle.running()));
        let (pid, program) = running.ok_or_else(|| ExecError::NotRunning(pod.clone()))?;
        let program = Program {
            argv: command.to_vec(),
            input: Input::Nothing,
            ..program
        };
        let mut child = tokio::task::spawn_blocking(move || start_beside(pid, &program))
            .await
            .map_err(std::io::Error::other)??;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let read_out = async {
            if let Some(pipe) = &mut out {
                pipe.read_to_end(&mut stdout).await
            } else {
                Ok(0)
            }
        };
        let read_err = async {
            if let Some(pipe) = &mut err {
                pipe.read_to_end(&mut stderr).await
            } else {
                Ok(0)
            }
        };
        let (_, _, status) = try_join!(read_out, read_err, child.wait())?;
        Ok(ExecOutput {
            exit_code: container::exit_code(status),
            stdout,
            stderr,
        })
    }
}

impl Node {
    fn publish(&self, name: &NamespacedName, pod: PodHandle) {
        self.lock_pods().insert(name.clone(), pod);
    }

    fn unpublish(&self, name: &NamespacedName) {
        self.lock_pods().remove(name);
    }

    fn lock_pods(&self) -> MutexGuard<'_, HashMap<NamespacedName, PodHandle>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
