//! How much gets through a ClusterIP, beside how much gets to the pod directly, in slices of time that alternate.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::{Case, Row, Scale};
use crate::Result;
use crate::figures::{Peer, tell};
use crate::lab::{self, Proxy};
use crate::load;
use crate::services::{POD_PORT, PORT, Service};

pub(crate) const ROW: Row = Row {
    id: "throughput",
    cases,
    measure,
};

/// Short, so that what else the machine does meets all ways alike, and many, so that it can be passed over.
const SLICE: Duration = Duration::from_millis(50);
const SLICES: usize = 90;

fn cases(_: Scale) -> Vec<Case> {
    vec![Case {
        peers: vec![Peer::Direct, Peer::Podlab],
        ..Case::new(Peer::Podlab, 1, 1)
    }]
}

fn measure(_: &Case) -> Result<()> {
    lab::in_async_sandbox(async || {
        let network = lab::node().await?;
        let (client, server) = (network.attach().await?, network.attach().await?);
        let bytes = load::read_stream(&server.netns, POD_PORT)?;
        let datagrams = load::read_datagrams(&server.netns, POD_PORT)?;
        let direct = SocketAddrV4::new(server.address.to_string().parse()?, POD_PORT);
        let service = Service {
            cluster_ip: Ipv4Addr::new(10, 96, 0, 10),
            endpoints: vec![direct],
        };
        let through_service = SocketAddrV4::new(service.cluster_ip, PORT);
        let store = lab::store()?;
        lab::fill(&store, &[service], &["TCP", "UDP"])?;
        let mut proxy = Proxy::start(&store, network.netns())?;
        proxy.settle(&store).await?;
        for slice in 0..=SLICES {
            for (peer, to) in [(Peer::Direct, direct), (Peer::Podlab, through_service)] {
                let tcp = load::write_stream(&client.netns, to, &bytes, SLICE)?;
                let udp = load::send_datagrams(&client.netns, to, &datagrams, SLICE)?;
                // The first slice of each warms up.
                if slice > 0 {
                    tell("tcp", peer, 1, tcp)?;
                    tell("udp", peer, 1, udp)?;
                }
            }
        }
        Ok(())
    })
}
