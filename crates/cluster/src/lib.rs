//! A whole cluster: one control plane, its nodes, and a host outside, in a sandbox of their own.

use std::net::IpAddr;

use ipnet::IpNet;
use podlab_api::scenario::Program;
use podlab_api::steps::NamespacedName;
use podlab_control::store::Store;
use podlab_kernel::netns::Netns;
use podlab_node::kubelet::{ExecOutput, LogLine};

/// What a cluster is made of, apart from its objects.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where ClusterIPs come from.
    pub service_cidr: IpNet,
    /// Where pod addresses come from, a /24 of it for each node.
    pub pod_cidr: IpNet,
    /// Images and the programs of this machine that stand for them, in addition to the built-in table.
    pub programs: Vec<Program>,
}

/// A running cluster. Dropping it ends its pods; its namespaces go with the process.
pub struct Cluster {}

/// A host on the nodes' network: a node, or the one outside of the cluster.
#[derive(Debug, Clone)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its address on the nodes' network.
    pub address: IpAddr,
    /// Its network namespace.
    pub netns: Netns,
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
pub enum ClusterError {}

impl Cluster {
    /// Builds an empty cluster of one node.
    pub async fn start(_options: Options) -> Result<Self, ClusterError> {
        todo!()
    }

    /// The store, to read and watch.
    pub fn store(&self) -> &Store {
        todo!()
    }

    /// Waits until controllers and proxies have dealt with everything that is in the store now.
    pub async fn settled(&self) {
        todo!()
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> &[Host] {
        todo!()
    }

    /// The host that is connected to the nodes' network and isn't part of the cluster.
    pub fn outside(&self) -> &Host {
        todo!()
    }

    /// The network of a pod; none before it has one.
    pub fn pod(&self, _name: &NamespacedName) -> Option<PodNetwork> {
        todo!()
    }

    /// Runs a command in the first container of a pod, and waits for it.
    pub async fn exec(&self, _pod: &NamespacedName, _command: &[String]) -> Result<ExecOutput, ClusterError> {
        todo!()
    }

    /// What the containers of a pod wrote, the last 1,000 lines of each.
    pub fn logs(&self, _pod: &NamespacedName) -> Vec<LogLine> {
        todo!()
    }
}
