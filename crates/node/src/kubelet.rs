//! Runs the pods that are bound to its node.

mod choice;
mod container;
mod downward;
mod environment;
mod events;
pub mod exec;
mod feed;
mod files;
mod forward;
mod hostname;
mod links;
pub mod logs;
mod pod;
mod probe;
mod program;
mod recipe;
mod resolv_conf;
mod sources;
pub mod status;
mod volumes;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use podlab_api::object::Object;
use podlab_api::steps::NamespacedName;
use podlab_control::recorder::Recorder;
use podlab_control::store::{Change, Event, Shared, Store, name_of};
use podlab_kernel::netns::Netns;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cni::NodeNetwork;
use crate::images::Images;
pub use choice::ChoiceError;
use container::Handle;
use links::Links;
use logs::{LogOptions, LogStream, LogsError};
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
    guides: Vec<watch::Receiver<u64>>,
    recorder: Recorder,
    links: Links,
    /// Bounds how many pods are connected at once, and how many containers are started: more than the machine's cores
    /// can do at once would only be in each other's way.
    connecting: Semaphore,
    starting: Semaphore,
    /// Tells that a ConfigMap or a Secret has changed.
    sources: watch::Sender<()>,
    pods: Mutex<HashMap<NamespacedName, PodHandle>>,
}

/// How long a pod that is being deleted waits for traffic to go elsewhere.
const LONGEST_LAG: Duration = Duration::from_secs(1);

/// A line that a container wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The container's name.
    pub container: String,
    /// The line, without its end.
    pub text: String,
}

impl Kubelet {
    /// A kubelet for the node `name`, whose address is `address`, in a cluster with this DNS service. `guides` are those
    /// who lead traffic to pods: the revisions of the store that they have dealt with, in the order in which one follows
    /// the other.
    pub fn new(
        name: String,
        address: IpAddr,
        store: Store,
        network: NodeNetwork,
        images: Images,
        dns: Option<ClusterDns>,
        guides: Vec<watch::Receiver<u64>>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Node {
            recorder: Recorder::new(store.clone(), "kubelet", Some(name.clone())),
            links: Links::default(),
            connecting: Semaphore::new(2 * cores),
            starting: Semaphore::new(2 * cores),
            sources: watch::Sender::default(),
            name,
            address,
            store,
            network,
            images,
            dns,
            guides,
            pods: Mutex::default(),
        }))
    }

    /// Runs the pods that the store binds to this node. When this is dropped, nobody looks after them any more; they
    /// are not taken down.
    pub async fn serve(self) {
        let mut watch = self.0.store.watch();
        let mut workers = Workers::default();
        while let Some(event) = watch.next().await {
            match &*event.object {
                Object::Pod(pod)
                    if pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()) == Some(&self.0.name) =>
                {
                    self.take(&event, &mut workers);
                }
                Object::ConfigMap(_) | Object::Secret(_) => self.0.sources.send_replace(()),
                Object::Service(service) => {
                    let namespace = service.metadata.namespace.as_deref();
                    self.0.links.forget(namespace.unwrap_or_default());
                }
                _ => {}
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

    /// What a container of a pod wrote, as the options ask for it.
    ///
    /// # Errors
    /// [`LogsError`].
    pub fn logs(&self, pod: &NamespacedName, options: &LogOptions) -> Result<LogStream, LogsError> {
        let stored = self.0.store.get::<Pod>(pod);
        let stored = stored.ok_or_else(|| ChoiceError::NoPod(pod.clone()))?;
        let container = choice::named_or_only(&stored, options.container.as_deref())?;
        let run = logs::run_to_read(&stored, &container, options.previous)?;
        let handle = self.0.handle(&stored, &container);
        let stream = handle.and_then(|handle| handle.log.stream(&run, options, &self.0.store));
        stream.ok_or(LogsError::Gone(run))
    }

    /// What the containers of a pod wrote: the last 1,000 lines of each, by container.
    pub fn recent_lines(&self, pod: &NamespacedName) -> Vec<LogLine> {
        let containers = self
            .0
            .lock_pods()
            .get(pod)
            .map(|pod| pod.containers.clone())
            .unwrap_or_default();
        let lines = |(name, handle): (String, Handle)| {
            handle.log.recent().into_iter().map(move |text| LogLine {
                container: name.clone(),
                text,
            })
        };
        containers.into_iter().flat_map(lines).collect()
    }
}

impl Node {
    /// Waits until nobody is sent any more to who is being deleted now, but not for long: a server that is told to end
    /// before that would refuse who comes later.
    async fn traffic_goes_elsewhere(&self) {
        let elsewhere = async {
            for guide in &self.guides {
                let revision = self.store.revision();
                // One that is gone leads nobody anywhere.
                let _ = guide.clone().wait_for(|done| *done >= revision).await;
            }
        };
        let _ = timeout(LONGEST_LAG, elsewhere).await;
    }

    fn publish(&self, name: &NamespacedName, pod: PodHandle) {
        self.lock_pods().insert(name.clone(), pod);
    }

    /// What may be known of a container, if its pod has come so far.
    fn handle(&self, pod: &Pod, container: &str) -> Option<Handle> {
        let pods = self.lock_pods();
        let handle = pods.get(&name_of(&pod.metadata));
        let handle = handle.filter(|handle| handle.uid == pod.metadata.uid)?;
        let mut containers = handle.containers.iter();
        let found = containers.find(|(name, _)| name == container);
        found.map(|(_, handle)| handle.clone())
    }

    /// Another pod of its name may have taken its place already.
    fn unpublish(&self, pod: &Pod) {
        let (mut pods, name) = (self.lock_pods(), name_of(&pod.metadata));
        if pods
            .get(&name)
            .is_some_and(|handle| handle.uid == pod.metadata.uid)
        {
            pods.remove(&name);
        }
    }

    fn lock_pods(&self) -> MutexGuard<'_, HashMap<NamespacedName, PodHandle>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
