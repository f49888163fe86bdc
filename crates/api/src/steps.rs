//! Steps in the form that is run: each is exactly one thing, its references parsed, its durations known.
//!
//! Made from [`crate::scenario`] when a scenario is read, so that a step that can't be understood is refused
//! before anything is built.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use crate::object::{Kind, Object};
use crate::scenario::{
    Distribution, HttpSpec, Outcome, PortSpec, Program, RecordType, ResponseCode, WaitCondition,
};
use crate::selector::LabelSelector;

/// Where ClusterIPs come from when a scenario doesn't say: as kubeadm has it.
pub const SERVICE_CIDR: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12));
/// Where pods' addresses come from when a scenario doesn't say.
pub const POD_CIDR: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16));

/// How long the prefix of a node's part of them is when a scenario doesn't say: as kube-controller-manager has it.
pub const NODE_CIDR_MASK_SIZE: u8 = 24;
/// The longest that it can be: a node has room for thirteen pods then.
pub const LONGEST_NODE_CIDR_MASK_SIZE: u8 = 28;

/// A scenario in the form that is run.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The heading of the report.
    pub name: String,
    /// What it teaches.
    pub description: Option<String>,
    /// Where ClusterIPs come from.
    pub service_cidr: IpNet,
    /// Where pod addresses come from, a part of it for each node.
    pub pod_cidr: IpNet,
    /// The length of the prefix of a node's part.
    pub node_cidr_mask_size: u8,
    /// Who is asked for names of other domains.
    pub upstream_nameserver: Option<Ipv4Addr>,
    /// Programs of this machine that images stand for, in addition to podlab's own table.
    pub programs: Vec<Program>,
    /// Host programs without which it is skipped.
    pub requires: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// A scenario that takes no steps, for manifests alone.
    pub fn without_steps(name: String) -> Self {
        Self {
            name,
            description: None,
            service_cidr: SERVICE_CIDR,
            pod_cidr: POD_CIDR,
            node_cidr_mask_size: NODE_CIDR_MASK_SIZE,
            upstream_nameserver: None,
            programs: Vec::new(),
            requires: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// A step of a scenario.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it proves, as a sentence.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// Repeat until the expectation holds, for at most this long.
    pub eventually: Option<Duration>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Send something and look at what comes back.
    Traffic(Box<Traffic>),
    /// Look at an object.
    Get {
        /// Which one.
        object: ObjectRef,
        /// Field paths (`spec.clusterIP`) and the values they must have.
        fields: Vec<(String, serde_json::Value)>,
        /// Field paths whose values are what they were when the cluster was built.
        unchanged: Vec<String>,
    },
    /// Look at the objects of a kind that have these labels.
    List {
        /// Their kind.
        kind: Kind,
        /// Their namespace; empty for what has none.
        namespace: String,
        /// The labels that they all have.
        selector: LabelSelector,
        /// Field paths (`items[0].endpoints`) and the values they must have.
        fields: Vec<(String, serde_json::Value)>,
    },
    /// Set a deployment's replicas.
    Scale {
        /// Namespace and name of the deployment.
        deployment: NamespacedName,
        /// How many pods it shall have.
        replicas: i32,
    },
    /// Delete a pod and wait for its replacement, if a deployment makes one.
    DeletePod(PodRef),
    /// Make a pod ready or not, whatever its probe says.
    SetReady {
        /// Which pod.
        pod: PodRef,
        /// False: not ready; true: as its probe says.
        ready: bool,
    },
    /// Create or change objects.
    Apply(Vec<Object>),
    /// Delete an object and wait until it is gone.
    Delete(ObjectRef),
    /// Wait for a condition.
    Wait {
        /// Whose condition.
        object: ObjectRef,
        /// Which condition.
        condition: WaitCondition,
        /// How long at most.
        timeout: Duration,
    },
}

/// Something sent, `times` times, and what must be seen.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Who sends.
    pub from: Source,
    /// What is sent.
    pub request: Request,
    /// How often.
    pub times: u32,
    /// How long one try may take.
    pub timeout: Duration,
    /// What must be seen.
    pub expect: Expect,
}

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A pod, or the ready pods of a deployment in turn.
    Pod(PodRef),
    /// The node itself.
    Node,
    /// A host that is connected to the nodes' network and isn't part of the cluster.
    Outside,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// An HTTP/1.1 request over a new connection. The spec's `to` and `port` stand parsed beside it.
    Http {
        /// Whom to.
        to: Target,
        /// Which port.
        port: Option<PortSpec>,
        /// Method, path, header fields and body.
        http: HttpSpec,
    },
    /// A TCP connection, with bytes to send.
    Tcp {
        /// Whom to.
        to: Target,
        /// Which port.
        port: Option<PortSpec>,
        /// What to send after connecting.
        send: Option<String>,
    },
    /// A UDP datagram.
    Udp {
        /// Whom to.
        to: Target,
        /// Which port.
        port: Option<PortSpec>,
        /// Its payload.
        send: String,
    },
    /// A question to the sender's name server.
    Dns {
        /// The name as it is given to the resolver.
        name: String,
        /// The type of record.
        kind: RecordType,
    },
    /// A command in the pod.
    Exec(Vec<String>),
}

/// Records that a name server must give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// One, as `dig +short` prints it.
    Text(String),
    /// The ClusterIP of a service.
    Service(NamespacedName),
    /// The addresses of a pod, or of a deployment's ready ones.
    Pods(PodRef),
}

/// Whom something is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A service's ClusterIP.
    Service(NamespacedName),
    /// A pod's own address.
    Pod(PodRef),
    /// The node's address.
    Node,
    /// The address of the host outside.
    Outside,
    /// An address as it stands.
    Address(IpAddr),
}

/// What must be seen; see [`crate::scenario::ExpectSpec`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// How the network answers.
    pub outcome: Outcome,
    /// HTTP status; without it any below 400.
    pub status: Option<u16>,
    /// Texts in the answer.
    pub contains: Vec<String>,
    /// Texts that must not be in the answer.
    pub lacks: Vec<String>,
    /// JSON pointers into the answer and their values.
    pub json: Vec<(String, serde_json::Value)>,
    /// Code of a name server's answer.
    pub code: ResponseCode,
    /// All records of a name server's answer; any when missing.
    pub records: Option<Vec<Records>>,
    /// Exit code of a command.
    pub exit_code: i32,
    /// The slowest try must be faster.
    pub latency_below: Option<Duration>,
    /// Pods that may answer; empty: any.
    pub answered_by: Vec<PodRef>,
    /// How the answers spread.
    pub distribution: Option<Distribution>,
    /// The client address that the answering pod sees.
    pub source_address: Option<SourceAddress>,
}

/// The client address that a pod sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceAddress {
    /// The sender's own: nothing translated it.
    Client,
    /// One of the node's: the connection was masqueraded.
    Node,
    /// This one.
    Address(IpAddr),
}

/// Namespace and name of an object. Its text form is `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// The object's namespace; empty for what has none.
    pub namespace: String,
    /// The object's name.
    pub name: String,
}

impl std::fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// A pod by name, or any pod of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodRef {
    /// `pod/NAME`
    Pod(NamespacedName),
    /// `deployment/NAME`
    Deployment(NamespacedName),
}

/// An object by kind and name: `service/backend`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// Its kind, as Kubernetes writes it: `Service`.
    pub kind: Kind,
    /// Its namespace and name.
    pub name: NamespacedName,
}
