//! The Scenario kind: what happens in a cluster, and what must be seen.
//!
//! This is the form that a manifest is written in: serde decodes it, and its JSON Schema is made from it.
//! [`crate::steps`] turns it into the form that is run, in which a step is exactly one thing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `apiVersion` of a [`Scenario`] document.
pub const API_VERSION: &str = "podlab.dev/v1alpha1";
/// `kind` of a [`Scenario`] document.
pub const KIND: &str = "Scenario";

/// A lesson or a test: a cluster, and the steps that are taken in it, one after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// `podlab.dev/v1alpha1`.
    #[schemars(extend("const" = API_VERSION))]
    pub api_version: String,
    /// `Scenario`.
    #[schemars(extend("const" = KIND))]
    pub kind: String,
    /// Only `name` counts: it is the heading of the report.
    pub metadata: ScenarioMeta,
    /// The cluster and the steps.
    pub spec: ScenarioSpec,
}

/// The part of Kubernetes' ObjectMeta that a Scenario has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioMeta {
    /// The scenario's name, a DNS label.
    pub name: String,
}

/// What a scenario needs, and what happens in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioSpec {
    /// What the scenario teaches, in a few sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Address ranges, where the defaults don't serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterSpec>,
    /// Programs of this machine that images stand for, in addition to podlab's own table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<Program>,
    /// Host programs (names looked up in PATH) without which the scenario is skipped, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// What happens, in order; a failed step does not stop the ones after it.
    pub steps: Vec<StepSpec>,
}

/// Address ranges of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// Where ClusterIPs come from; `10.96.0.0/12` when missing, as kubeadm has it.
    #[serde(default, rename = "serviceCIDR", skip_serializing_if = "Option::is_none")]
    pub service_cidr: Option<String>,
    /// Where pod addresses come from, a part of it for each node; `10.244.0.0/16` when missing.
    #[serde(default, rename = "podCIDR", skip_serializing_if = "Option::is_none")]
    pub pod_cidr: Option<String>,
    /// The length of the prefix of a node's part of `podCIDR`: the shorter it is, the more pods a node can have; 24 when
    /// missing, which is room for 253.
    #[serde(default, rename = "nodeCIDRMaskSize", skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 28))]
    pub node_cidr_mask_size: Option<u8>,
    /// The address of a name server, reachable from pods, that the cluster's own asks for names of other domains;
    /// without it, those are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_nameserver: Option<String>,
}

/// An image's name, and the program of this machine that is run in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Program {
    /// The image, without its tag: `nginx`, `registry.example/team/app`.
    pub image: String,
    /// Program and arguments that stand for the image's entry point.
    pub command: Vec<String>,
}

/// A step: a sentence that says what it proves, and exactly one thing to do.
///
/// Traffic is one of `http`, `tcp`, `udp`, `dns`, `exec`, and has a `from`; the rest change the cluster, or look at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepSpec {
    /// What the step proves, as a sentence.
    pub name: String,
    /// Namespace of the objects that the step names; `default` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Who sends: `pod/NAME`, `deployment/NAME` (its ready pods in turn), `node`, or `outside`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// An HTTP request, over a new connection each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSpec>,
    /// A TCP connection: bytes sent, then bytes read until the other side closes or falls silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<SocketSpec>,
    /// A UDP datagram from a new socket, and the first datagram that comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp: Option<SocketSpec>,
    /// A question to the name server of whoever sends, as their resolver asks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsSpec>,
    /// A command in the pod's first container; its exit code and standard output are what is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Vec<String>>,
    /// How often the traffic is repeated; once when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub times: Option<u32>,
    /// How long one try may take; `2s` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Repeat the whole step until what is expected is seen, for at most this long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eventually: Option<String>,
    /// Set the number of replicas of a deployment, and wait until its pods are ready or gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<ScaleSpec>,
    /// Delete a pod (`pod/NAME`) or one pod of a deployment (`deployment/NAME`), and wait for its replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_pod: Option<String>,
    /// Make a pod ready or not, whatever its probe says, and wait until its services know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_ready: Option<SetReadySpec>,
    /// Objects to create or change, as in a manifest; waits until they are in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<serde_json::Map<String, serde_json::Value>>>")]
    pub apply: Option<Vec<serde_json::Value>>,
    /// An object to delete, `KIND/NAME`; waits until it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
    /// Wait for a condition of an object, as `kubectl wait` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitSpec>,
    /// Look at an object, `KIND/NAME`; `expect.fields` and `expect.unchanged` say what must be seen. Or, with
    /// `selector`, at a list, `KIND`, whose objects are its `items`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
    /// Labels of the objects that `get` lists, as `kubectl get -l` has them: `key=value`, several with commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// What must be seen. Traffic without it must be answered (HTTP: with a status below 400; exec: exit code 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<ExpectSpec>,
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpSpec {
    /// `service/NAME` (its ClusterIP), `pod/NAME`, `deployment/NAME` (one of its pods), `node`, `outside`, or an IP
    /// address.
    pub to: String,
    /// Port number, or name of a port of the service; the service's first port when missing, otherwise 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortSpec>,
    /// `GET` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `/` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Header fields to send.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Body as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Body as JSON; sets `content-type: application/json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Value>,
}

/// A TCP connection or a UDP datagram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SocketSpec {
    /// `service/NAME` (its ClusterIP), `pod/NAME`, `deployment/NAME` (one of its pods), `node`, `outside`, or an IP
    /// address.
    pub to: String,
    /// Port number, or name of a port of the service; the service's first port of the protocol when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<PortSpec>,
    /// Text to send; when missing, TCP only connects and UDP sends an empty datagram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<String>,
}

/// A question to a name server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DnsSpec {
    /// The name; completed by the sender's search list, unless it ends with a dot. For `PTR` it may be an IP address.
    pub name: String,
    /// `A` when missing.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<RecordType>,
}

/// The type of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, clippy::upper_case_acronyms)]
pub enum RecordType {
    #[default]
    A,
    AAAA,
    CNAME,
    NS,
    PTR,
    SOA,
    SRV,
    TXT,
}

/// What a name server says, apart from records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(clippy::upper_case_acronyms)]
pub enum ResponseCode {
    /// The name is there, with or without records of the type.
    #[default]
    NOERROR,
    /// There is no such name.
    NXDOMAIN,
    /// It can't say.
    SERVFAIL,
    /// It won't say.
    REFUSED,
}

/// A port by number or by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PortSpec {
    /// 1 to 65535.
    Number(u16),
    /// Name of a port of the service.
    Name(String),
}

/// `kubectl scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaleSpec {
    /// The deployment's name.
    pub deployment: String,
    /// How many pods it shall have.
    #[schemars(range(min = 0))]
    pub replicas: i32,
}

/// A pod's readiness, by decree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetReadySpec {
    /// `pod/NAME`, or `deployment/NAME` for one of its pods.
    pub object: String,
    /// False: not ready whatever the probe says. True: as the probe says, as before.
    pub ready: bool,
}

/// `kubectl wait`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitSpec {
    /// `pod/NAME` or `deployment/NAME`.
    pub object: String,
    /// What to wait for.
    #[serde(rename = "for")]
    pub condition: WaitCondition,
    /// How long at most; `30s` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}

/// What `wait` can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WaitCondition {
    /// The pod is ready, or the deployment has all its replicas ready.
    Ready,
    /// The object is gone.
    Deleted,
}

/// The JSON Schema of a Scenario document, for editors.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Scenario)
}

/// What must be seen. Everything that is stated must hold, for each of the `times`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectSpec {
    /// How the network answers; `Answered` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Texts that the body (HTTP), the answer (TCP, UDP) or standard output (exec) contains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// Texts that it must not contain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// JSON pointer (RFC 6901) into the body, and the value that must stand there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, serde_json::Value>,
    /// Code of a name server's answer; `NOERROR` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ResponseCode>,
    /// The records of a name server's answer, all of them, in any order: as `dig +short` prints them, or
    /// `service/NAME` (its ClusterIP), `pod/NAME`, `deployment/NAME` (the addresses of its ready pods). Any records, but
    /// at least one, when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<String>>,
    /// Exit code of `exec`; 0 when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How fast: the slowest of the tries must stay below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_below: Option<String>,
    /// Which pods answer: each answer comes from one of these, `pod/NAME` or `deployment/NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered_by: Vec<String>,
    /// How the answers spread over the pods that could have given them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// The client address that the answering pod sees: `client` (the sender's own), `node`, or an IP address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_address: Option<String>,
    /// Fields of the object that `get` names, as paths (`spec.clusterIP`), and their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, serde_json::Value>,
    /// Fields of the object that `get` names that are what they were when the cluster was built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchanged: Vec<String>,
}

/// How the network answers a try.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// The other side answered.
    #[default]
    Answered,
    /// Connection refused: a TCP reset or an ICMP port unreachable, before the time-out.
    Refused,
    /// Nothing came back in time.
    TimedOut,
    /// No way there: no route to host, or network unreachable.
    Unreachable,
}

/// How answers spread over pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Distribution {
    /// Each pod is as likely as any other: chi-squared test over the counts, p > 0.001; drawn once more when it fails.
    Uniform,
    /// Each pod as often as any other, but for one time more: connections take turns.
    InTurn,
    /// All answers are one pod's: the client stays with it.
    Single,
}
