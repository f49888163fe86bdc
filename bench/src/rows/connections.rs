//! New TCP connections through a ClusterIP, beside those to the pods directly, in slices of time that alternate.

use std::net::SocketAddrV4;
use std::time::Duration;

use podlab_node::cni::{NodeNetwork, PodLink};

use super::{Case, ONLY_IN_FULL, Row, Scale};
use crate::Result;
use crate::figures::{Peer, tell};
use crate::lab::{self, Proxy};
use crate::load;
use crate::services::{ENDPOINTS, POD_PORT, PORT, Service, services};
use crate::shapes;
use crate::statistics::quantile;

pub(crate) const ROW: Row = Row {
    id: "connections",
    cases,
    measure,
};

/// Short, so that what else the machine does meets all ways alike, and many, so that it can be passed over.
const SLICE: Duration = Duration::from_millis(50);
const SLICES: usize = 90;
/// The service that pods serve.
const CLUSTER_IP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 96, 0, 10);

fn cases(scale: Scale) -> Vec<Case> {
    let all = [
        Peer::Direct,
        Peer::Podlab,
        Peer::KubeProxyNft,
        Peer::KubeProxyIptables,
    ];
    let some = [Peer::Direct, Peer::Podlab];
    let case = |peers: &[Peer], size| Case {
        peers: peers.to_vec(),
        ..Case::new(Peer::Podlab, size, 1)
    };
    let mut cases = vec![case(&some, 1), case(&all, 1_000)];
    if scale == Scale::Full {
        cases.push(case(&all, 10_000));
    } else {
        cases.push(case(
            &[Peer::Direct, Peer::Podlab, Peer::KubeProxyIptables],
            10_000,
        ));
        cases.push(Case::left_out(Peer::KubeProxyNft, 10_000, ONLY_IN_FULL));
    }
    cases.push(case(&some, 100_000));
    cases
}

/// A way from a client to some servers.
struct Way {
    peer: Peer,
    client: PodLink,
    to: Vec<SocketAddrV4>,
    /// What keeps it open.
    node: Option<(NodeNetwork, Option<Proxy>)>,
}

fn measure(case: &Case) -> Result<()> {
    lab::in_async_sandbox(async || {
        let mut ways = Vec::new();
        for peer in case.peers.iter().filter(|peer| **peer != Peer::Direct) {
            let way = through_service(*peer, case.size).await?;
            if *peer == Peer::Podlab {
                ways.push(direct(&way).await?);
            }
            ways.push(way.0);
        }
        for slice in 0..=SLICES {
            // Nobody always comes after the same other one.
            ways.rotate_left(1);
            for way in &ways {
                let connections = load::connect(&way.client.netns, &way.to, SLICE)?;
                // The first slice of each warms up.
                if slice > 0 {
                    tell_of(way.peer, case.size, &connections)?;
                }
            }
        }
        Ok(())
    })
}

fn tell_of(peer: Peer, size: u32, connections: &load::Connections) -> Result<()> {
    tell("connections", peer, size, connections.per_second)?;
    for (figure, share) in [("p50", 0.5), ("p99", 0.99)] {
        let latency = quantile(&connections.latencies, share).ok_or("no connection was made")?;
        tell(figure, peer, size, latency)?;
    }
    Ok(())
}

/// A node with `size` services, the last of which is served by pods: the way to it, and those to the pods.
async fn through_service(peer: Peer, size: u32) -> Result<(Way, Vec<SocketAddrV4>)> {
    let network = lab::node().await?;
    let client = network.attach().await?;
    let mut endpoints = Vec::new();
    for _ in 0..ENDPOINTS {
        let pod = network.attach().await?;
        load::accept(&pod.netns, POD_PORT)?;
        endpoints.push(SocketAddrV4::new(pod.address.to_string().parse()?, POD_PORT));
    }
    let live = Service {
        cluster_ip: CLUSTER_IP,
        endpoints: endpoints.clone(),
    };
    let proxy = serve(peer, &network, &services(size, Some(live))).await?;
    let way = Way {
        peer,
        client,
        to: vec![SocketAddrV4::new(CLUSTER_IP, PORT)],
        node: Some((network, proxy)),
    };
    Ok((way, endpoints))
}

async fn serve(peer: Peer, network: &NodeNetwork, all: &[Service]) -> Result<Option<Proxy>> {
    let node = network.netns();
    match peer {
        Peer::KubeProxyNft => lab::feed(node, "nft", &["-f", "-"], &shapes::kube_proxy_nft(all))?,
        Peer::KubeProxyIptables => {
            lab::feed(node, "iptables-restore", &[], &shapes::kube_proxy_iptables(all))?
        }
        _ => {
            let store = lab::store()?;
            lab::fill(&store, all, &["TCP"])?;
            let mut proxy = Proxy::start(&store, node)?;
            proxy.settle(&store).await?;
            return Ok(Some(proxy));
        }
    };
    Ok(None)
}

/// To the pods of a service without the service, on the same node. Another pod asks: the ports that it has used lately
/// would be in the way of the same client's translated connections to the same pods.
async fn direct((way, endpoints): &(Way, Vec<SocketAddrV4>)) -> Result<Way> {
    let (network, _) = way.node.as_ref().ok_or("a way without a node")?;
    Ok(Way {
        peer: Peer::Direct,
        client: network.attach().await?,
        to: endpoints.clone(),
        node: None,
    })
}
