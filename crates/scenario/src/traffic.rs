//! Sends what a step says from where it says, and sees what comes back and from whom.

mod client;
mod names;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use podlab_api::object::Kind;
use podlab_api::scenario::{PortSpec, RecordType};
use podlab_api::steps::{NamespacedName, Request, Source, Target, Traffic};
use podlab_cluster::Cluster;
use podlab_control::store::{Store, name_of};
use podlab_kernel::conntrack::{Conntrack, Protocol, Tuple};
use podlab_kernel::netns::Netns;
use tokio::time::{Instant, timeout};

use crate::Obstacle;
use crate::lookup::{self, called};
use client::Payload;
use names::Resolver;

/// How many tries are under way at once.
const AT_ONCE: usize = 16;
/// The port of pods and hosts when a step names none.
const DEFAULT_PORT: u16 = 80;

/// What came of one try.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    /// The pod that sent, if a pod did.
    pub(crate) sender: Option<NamespacedName>,
    /// The sender's address.
    pub(crate) address: IpAddr,
    pub(crate) seen: Seen,
    pub(crate) latency: Duration,
    /// Who spoke with whom; none when nobody answered.
    pub(crate) ends: Option<Ends>,
    /// The name server that was asked, if one was.
    pub(crate) name_server: Option<IpAddr>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An answer came; with a status if it is one of HTTP.
    Answered {
        status: Option<u16>,
        body: Vec<u8>,
    },
    /// A name server's answer.
    Resolved {
        code: String,
        records: Vec<String>,
    },
    /// A command ended.
    Exited {
        code: i32,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
    },
    Refused,
    TimedOut,
    Unreachable,
    /// Anything else, in the words of the kernel or the protocol.
    Broken(String),
}

/// A connection as the one that answers sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) protocol: Protocol,
    pub(crate) answerer: SocketAddr,
    pub(crate) client: IpAddr,
}

struct Sender {
    pod: Option<NamespacedName>,
    address: IpAddr,
    netns: Netns,
    /// The node that routes what it sends, whose connection tracking sees it.
    node: String,
}

impl Sender {
    fn tried(&self, seen: Seen, latency: Duration) -> Try {
        Try {
            sender: self.pod.clone(),
            address: self.address,
            seen,
            latency,
            ends: None,
            name_server: None,
        }
    }
}

/// Sends it as often as it says. The tries are in order.
pub(crate) async fn send(cluster: &Cluster, traffic: &Traffic) -> Result<Vec<Try>, Obstacle> {
    let senders = senders(cluster, &traffic.from)?;
    let sender = |number: usize| &senders[number % senders.len()];
    let tries = stream::iter(0..traffic.times as usize);
    let (payload, to, port) = match &traffic.request {
        Request::Http { to, port, http } => (Payload::Http(http), to, port.as_ref()),
        Request::Tcp { to, port, send } => (Payload::Tcp(send.as_deref()), to, port.as_ref()),
        Request::Udp { to, port, send } => (Payload::Udp(send), to, port.as_ref()),
        Request::Dns { name, kind } => {
            let resolve = |number| resolve(cluster, sender(number), name, *kind, traffic.timeout);
            return tries.map(resolve).buffered(AT_ONCE).try_collect().await;
        }
        Request::Exec(command) => {
            let exec = |number| exec(cluster, sender(number), command, traffic.timeout);
            return tries.map(exec).buffered(AT_ONCE).try_collect().await;
        }
    };
    let targets = targets(cluster, to, port, payload.protocol())?;
    let tracking = cluster
        .nodes()
        .iter()
        .map(|node| Ok((node.name.as_str(), Conntrack::open(&node.netns)?)))
        .collect::<io::Result<HashMap<_, _>>>()?;
    let exchange = |number| {
        let (sender, target) = (sender(number), targets[number % targets.len()]);
        exchange(sender, target, payload, traffic.timeout, &tracking)
    };
    tries.map(exchange).buffered(AT_ONCE).try_collect().await
}

async fn exchange(
    sender: &Sender,
    target: SocketAddr,
    payload: Payload<'_>,
    patience: Duration,
    tracking: &HashMap<&str, Conntrack>,
) -> Result<Try, Obstacle> {
    let socket = || client::socket(target, payload.protocol());
    let start = Instant::now();
    let socket = sender.netns.visit(socket)?;
    let (seen, local) = client::exchange(socket, target, payload, patience).await;
    let latency = start.elapsed();
    let ends = match (&seen, local) {
        (Seen::Answered { .. }, Some(source)) => {
            let original = Tuple {
                source,
                destination: target,
            };
            let flow = match tracking.get(sender.node.as_str()) {
                Some(conntrack) => conntrack.get(payload.protocol(), &original)?,
                None => None,
            };
            // What stays on a bridge isn't tracked, because nothing translates it.
            let (answerer, client) = flow.map_or((target, source), |flow| {
                (flow.reply.source, flow.reply.destination)
            });
            Some(Ends {
                protocol: payload.protocol(),
                answerer,
                client: client.ip(),
            })
        }
        _ => None,
    };
    Ok(Try {
        ends,
        ..sender.tried(seen, latency)
    })
}

async fn exec(
    cluster: &Cluster,
    sender: &Sender,
    command: &[String],
    patience: Duration,
) -> Result<Try, Obstacle> {
    let start = Instant::now();
    let seen = match &sender.pod {
        Some(pod) => match timeout(patience, cluster.run(pod, command)).await {
            Ok(output) => {
                let output = output?;
                Seen::Exited {
                    code: output.exit_code,
                    stdout: output.stdout,
                    stderr: output.stderr,
                }
            }
            Err(_) => Seen::TimedOut,
        },
        None => Seen::Broken("only a pod can run a command".to_owned()),
    };
    Ok(sender.tried(seen, start.elapsed()))
}

async fn resolve(
    cluster: &Cluster,
    sender: &Sender,
    name: &str,
    kind: RecordType,
    patience: Duration,
) -> Result<Try, Obstacle> {
    let resolver = Resolver::new(&cluster.resolv_conf(sender.pod.as_ref()));
    let start = Instant::now();
    let resolved = timeout(patience, resolver.resolve(&sender.netns, name, kind));
    let seen = resolved.await.unwrap_or(Seen::TimedOut);
    Ok(Try {
        name_server: resolver.server(),
        ..sender.tried(seen, start.elapsed())
    })
}

fn senders(cluster: &Cluster, from: &Source) -> Result<Vec<Sender>, Obstacle> {
    let host = |host: &podlab_cluster::Host, node: &str| Sender {
        pod: None,
        address: host.address,
        netns: host.netns.clone(),
        node: node.to_owned(),
    };
    // The host outside reaches the cluster by way of its first node.
    let node = &cluster.nodes()[0];
    let pods = match from {
        Source::Node => return Ok(vec![host(node, &node.name)]),
        Source::Outside => return Ok(vec![host(cluster.outside(), &node.name)]),
        Source::Pod(which) => lookup::able_pods(cluster.store(), which)?,
    };
    pods.iter()
        .map(|pod| {
            let name = name_of(&pod.metadata);
            let network = cluster
                .pod(&name)
                .ok_or_else(|| Obstacle::NoAddress(called(Kind::Pod, &name)))?;
            Ok(Sender {
                pod: Some(name),
                address: network.address,
                netns: network.netns,
                node: network.node,
            })
        })
        .collect()
}

fn targets(
    cluster: &Cluster,
    to: &Target,
    port: Option<&PortSpec>,
    protocol: Protocol,
) -> Result<Vec<SocketAddr>, Obstacle> {
    let number = match port {
        Some(PortSpec::Number(number)) => *number,
        _ => DEFAULT_PORT,
    };
    let single = |address: IpAddr| Ok(vec![SocketAddr::new(address, number)]);
    match to {
        Target::Service(name) => {
            let address = lookup::cluster_ip(cluster.store(), name, port, protocol)?;
            Ok(vec![address])
        }
        Target::Pod(which) => pod_addresses(cluster.store(), which)?
            .into_iter()
            .map(|address| Ok(SocketAddr::new(address, number)))
            .collect(),
        Target::Node => single(cluster.nodes()[0].address),
        Target::Outside => single(cluster.outside().address),
        Target::Address(address) => single(*address),
    }
}

fn pod_addresses(store: &Store, which: &podlab_api::steps::PodRef) -> Result<Vec<IpAddr>, Obstacle> {
    let pods = lookup::able_pods(store, which)?;
    pods.iter()
        .map(|pod| {
            let name = name_of(&pod.metadata);
            lookup::address(pod).ok_or_else(|| Obstacle::NoAddress(called(Kind::Pod, &name)))
        })
        .collect()
}
