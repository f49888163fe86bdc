//! A whole cluster: one control plane, its nodes, and a host outside, in a sandbox of their own.

pub mod dns;
pub mod machine;
mod node;
pub mod room;

use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use ipnet::IpNet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use podlab_api::steps::NamespacedName;
use podlab_control::allocator::AllocationError;
use podlab_control::controllers::Controllers;
use podlab_control::registry::{ApiError, Registry, RegistryOptions};
use podlab_control::store::Store;
use podlab_kernel::netns::Netns;
use podlab_node::cgroups;
use podlab_node::cni::{CniError, NodeNetwork, Underlay};
use podlab_node::images::Images;
use podlab_node::kubelet::exec::{ExecError, ExecOutput, Session, Streams};
use podlab_node::kubelet::logs::{LogOptions, LogStream, LogsError};
use podlab_node::kubelet::{ChoiceError, ClusterDns, Kubelet, LogLine};
use podlab_proxy::agent::{self, Config};
use podlab_proxy::plan::PodRanges;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use machine::Machine;
use room::{node_range, room};

pub use podlab_node::cni::Host;
pub use podlab_node::kubelet;

/// The name of the node.
const NODE: &str = "node-1";

/// What a cluster is made of, apart from its objects.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where ClusterIPs come from.
    pub service_cidr: IpNet,
    /// Where pod addresses come from, a part of it for each node.
    pub pod_cidr: IpNet,
    /// The length of the prefix of a node's part, or all of a smaller range.
    pub node_cidr_mask_size: u8,
    /// A name server for names of other domains.
    pub upstream_nameserver: Option<Ipv4Addr>,
    /// What runs in place of images.
    pub images: Images,
}

/// A running cluster. Dropping it stops what serves it; its namespaces and processes go with the sandbox.
pub struct Cluster {
    registry: Registry,
    nodes: Vec<Host>,
    outside: Host,
    kubelets: Vec<Kubelet>,
    /// The address of its name server.
    dns: Option<IpAddr>,
    /// Up to which revision of the store controllers and proxies have dealt with everything.
    progress: Vec<watch::Receiver<u64>>,
    /// Why services don't work any more.
    failure: watch::Receiver<Option<String>>,
    _underlay: Underlay,
    _agents: JoinSet<()>,
}

/// A pod that has its network.
#[derive(Debug, Clone)]
pub struct PodNetwork {
    /// The pod's address.
    pub address: IpAddr,
    /// The name of its node.
    pub node: String,
    /// Its network namespace.
    pub netns: Netns,
}

/// The cluster can't be built, or can't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The kernel refused a part of the network.
    #[error(transparent)]
    Network(#[from] CniError),
    /// The kernel refused a namespace.
    #[error("cannot make a network namespace: {0}")]
    Namespace(#[from] std::io::Error),
    /// The pod range has no room for a node's pods.
    #[error("podCIDR {0} can't be used: it must be an IPv4 range of at least a /28")]
    PodRange(IpNet),
    /// The service range has no addresses to give.
    #[error(transparent)]
    ServiceRange(#[from] AllocationError),
    /// The control plane refused what every cluster has.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl Cluster {
    /// Builds a cluster of one node, with nothing but its name server. Must be called in the sandbox, in a tokio runtime.
    ///
    /// # Errors
    /// [`ClusterError`] with what the kernel refused.
    pub async fn start(options: Options) -> Result<Self, ClusterError> {
        // With less than the machine allows, a large cluster finds out when it has no more.
        let _ = machine::open_many_files();
        let store = Store::new(Arc::new(|| Time(k8s_openapi::jiff::Timestamp::now())));
        let registry = Registry::new(
            store.clone(),
            RegistryOptions {
                service_cidr: options.service_cidr,
            },
        )?;
        for object in dns::objects(
            options.service_cidr,
            options.pod_cidr,
            options.upstream_nameserver,
        ) {
            registry.apply(object)?;
        }
        let node_range = node_range(options.pod_cidr, options.node_cidr_mask_size)?;
        let mut underlay = Underlay::create().await?;
        let netns = Netns::create()?;
        let (node, network) = tokio::try_join!(
            underlay.add_node(NODE, netns.clone(), options.pod_cidr),
            NodeNetwork::create(netns, node_range, options.pod_cidr),
        )?;
        let outside = underlay.add_outside().await?;
        let dns = dns::address(options.service_cidr);
        let (controllers_at, controllers) = watch::channel(0);
        let (proxy_at, proxy) = watch::channel(0);
        let progress = vec![controllers, proxy];
        let kubelet = Kubelet::new(
            NODE.to_owned(),
            node.address,
            store.clone(),
            network,
            options.images,
            dns.map(|address| ClusterDns {
                address,
                domain: dns::DOMAIN.to_owned(),
            }),
            progress.clone(),
        );

        let mut agents = JoinSet::new();
        let config = Config {
            node: node.name.clone(),
            ranges: PodRanges {
                cluster: options.pod_cidr,
                node: node_range,
            },
        };
        agents.spawn(Controllers::new(registry.clone()).serve(controllers_at));
        let (fail, failure) = watch::channel(None);
        let (served, netns) = (store.clone(), node.netns.clone());
        agents.spawn(async move {
            let name = config.node.clone();
            let error = agent::serve(served, netns, config, &proxy_at).await;
            // Before who waits for its progress sees that there will be none.
            fail.send_replace(Some(format!("the proxy of node {name} has ended: {error}")));
        });
        agents.spawn(kubelet.clone().serve());
        agents.spawn(node::stay_alive(node.name.clone(), store.clone()));
        // The store can't have a node of this name yet, and a node has nothing that could be invalid.
        let pods = room(node_range).min(Machine::here().pods());
        let unenforced = cgroups::here().unenforced();
        let _ = store.create(node::object(&node, node_range, pods, unenforced, &store.now()));
        Ok(Self {
            registry,
            nodes: vec![node],
            outside,
            kubelets: vec![kubelet],
            dns,
            progress,
            failure,
            _underlay: underlay,
            _agents: agents,
        })
    }

    /// Where objects are created, changed and deleted.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The store, to read and watch.
    pub fn store(&self) -> &Store {
        self.registry.store()
    }

    /// Waits until controllers and proxies have dealt with everything that is in the store now, and with what came
    /// of that.
    pub async fn settled(&self) {
        loop {
            let revision = self.store().revision();
            for progress in &self.progress {
                // An agent that is gone will not come any further.
                let _ = progress.clone().wait_for(|done| *done >= revision).await;
            }
            if self.store().revision() == revision {
                return;
            }
        }
    }

    /// Waits until services work no longer because the kernel has refused them for good: why.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        match failure.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            // Its proxy was stopped, and hasn't failed.
            Err(_) => pending().await,
        }
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> &[Host] {
        &self.nodes
    }

    /// The host that is connected to the nodes' network and isn't part of the cluster.
    pub fn outside(&self) -> &Host {
        &self.outside
    }

    /// The network of a pod; none before it has one.
    pub fn pod(&self, name: &NamespacedName) -> Option<PodNetwork> {
        self.nodes.iter().zip(&self.kubelets).find_map(|(node, kubelet)| {
            let (address, netns) = kubelet.pod_network(name)?;
            Some(PodNetwork {
                address,
                node: node.name.clone(),
                netns,
            })
        })
    }

    /// What a pod's `/etc/resolv.conf` says; for who is none, that the cluster's name server is to be asked.
    pub fn resolv_conf(&self, pod: Option<&NamespacedName>) -> String {
        match pod {
            Some(pod) => self
                .kubelets
                .iter()
                .find_map(|kubelet| kubelet.resolv_conf(pod))
                .unwrap_or_default(),
            None => self
                .dns
                .map_or_else(String::new, |dns| format!("nameserver {dns}\n")),
        }
    }

    /// The container that a command would run in; see [`Kubelet::container`].
    ///
    /// # Errors
    /// [`ChoiceError`].
    pub fn container(&self, pod: &NamespacedName, name: Option<&str>) -> Result<String, ChoiceError> {
        self.kubelet(pod)?.container(pod, name)
    }

    /// Starts a command in a running container of a pod; see [`Kubelet::exec`].
    ///
    /// # Errors
    /// [`ExecError`].
    pub async fn exec(
        &self,
        pod: &NamespacedName,
        container: Option<&str>,
        command: &[String],
        streams: Streams,
    ) -> Result<Session, ExecError> {
        self.kubelet(pod)?.exec(pod, container, command, streams).await
    }

    /// Runs a command in a pod's default or first container, and waits for it.
    ///
    /// # Errors
    /// [`ExecError`].
    pub async fn run(&self, pod: &NamespacedName, command: &[String]) -> Result<ExecOutput, ExecError> {
        self.kubelet(pod)?.run(pod, command).await
    }

    /// What a container of a pod wrote; nothing as long as the pod has no node.
    ///
    /// # Errors
    /// [`LogsError`].
    pub fn logs(&self, pod: &NamespacedName, options: &LogOptions) -> Result<LogStream, LogsError> {
        match self.kubelet(pod) {
            Err(ChoiceError::NoHost(_)) => Ok(stream::empty().boxed()),
            kubelet => kubelet?.logs(pod, options),
        }
    }

    /// What the containers of a pod wrote, the last 1,000 lines of each.
    pub fn recent_lines(&self, pod: &NamespacedName) -> Vec<LogLine> {
        self.kubelet(pod)
            .map(|kubelet| kubelet.recent_lines(pod))
            .unwrap_or_default()
    }

    /// Connects to a port of a pod from inside of the pod; see [`Kubelet::dial`].
    ///
    /// # Errors
    /// As [`Kubelet::dial`] has them; `NotFound` also for a pod that isn't there, or has no node.
    pub async fn dial(&self, pod: &NamespacedName, port: u16) -> io::Result<TcpStream> {
        let kubelet = self.kubelet(pod);
        let kubelet = kubelet.map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?;
        kubelet.dial(pod, port).await
    }

    /// Who runs a pod.
    fn kubelet(&self, pod: &NamespacedName) -> Result<&Kubelet, ChoiceError> {
        let stored = self.store().get::<Pod>(pod);
        let stored = stored.ok_or_else(|| ChoiceError::NoPod(pod.clone()))?;
        let node = stored.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
        let mut kubelets = self.nodes.iter().zip(&self.kubelets);
        let found = kubelets.find(|(host, _)| Some(&*host.name) == node);
        found
            .map(|(_, kubelet)| kubelet)
            .ok_or_else(|| ChoiceError::NoHost(pod.clone()))
    }
}
