//! Services in the kernel: all of them into an empty node, and then changes of one endpoint each.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use podlab_kernel::netns::Netns;

use super::{Case, ONLY_IN_FULL, Row, Scale};
use crate::Result;
use crate::figures::{Peer, tell};
use crate::lab::{self, Proxy};
use crate::services::{newcomer, services};
use crate::shapes;
use crate::statistics::Summary;

pub(crate) const ROW: Row = Row {
    id: "services",
    cases,
    measure,
};

/// How many changes the median is of.
const CHANGES: u32 = 100;
/// As many of kube-proxy's, which take longer.
const PEERS_CHANGES: u32 = 20;

fn cases(scale: Scale) -> Vec<Case> {
    let rounds = if scale == Scale::Full { 5 } else { 3 };
    let mut cases = Vec::new();
    for size in [1_000, 10_000, 100_000] {
        cases.push(Case::new(Peer::Podlab, size, rounds));
        cases.push(Case::new(Peer::Maps, size, rounds));
    }
    cases.push(Case::new(Peer::Podlab, 2_000, rounds));
    for size in [1_000, 2_000] {
        cases.push(Case::new(Peer::KubeProxyNft, size, rounds));
    }
    cases.push(Case::new(Peer::KubeProxyIptables, 1_000, rounds));
    cases.push(Case::new(Peer::KubeProxyIptables, 10_000, 1));
    cases.push(match scale {
        Scale::Quick => Case::left_out(Peer::KubeProxyNft, 10_000, ONLY_IN_FULL),
        Scale::Full => Case::new(Peer::KubeProxyNft, 10_000, 1),
    });
    cases.push(Case::left_out(
        Peer::KubeProxyNft,
        100_000,
        "never: it would take hours",
    ));
    cases.push(Case::left_out(
        Peer::KubeProxyIptables,
        100_000,
        "never: it takes minutes",
    ));
    cases
}

fn measure(case: &Case) -> Result<()> {
    match case.peers[..] {
        [Peer::Podlab] => lab::in_async_sandbox(|| by_podlab(case.size)),
        [peer] => lab::in_sandbox(|_| by_text(peer, case.size)),
        _ => Ok(()),
    }
}

async fn by_podlab(size: u32) -> Result<()> {
    let (store, node) = (lab::store()?, Netns::create()?);
    lab::fill(&store, &services(size, None), &["TCP"])?;
    let began = Instant::now();
    let mut proxy = Proxy::start(&store, &node)?;
    proxy.settle(&store).await?;
    tell("load", Peer::Podlab, size, began.elapsed().as_secs_f64())?;

    // What loading has left to clean up, in the kernel and in this process, is no part of a change.
    lab::replace_endpoint(&store, 0, newcomer(CHANGES))?;
    proxy.settle(&store).await?;
    let mut took = Vec::new();
    let before = processor_time()?;
    for change in 0..CHANGES {
        let began = Instant::now();
        lab::replace_endpoint(&store, change * (size / CHANGES), newcomer(change))?;
        proxy.settle(&store).await?;
        took.push(began.elapsed().as_secs_f64());
    }
    let processor = (processor_time()? - before).as_secs_f64() / f64::from(CHANGES);
    tell_of_changes(Peer::Podlab, size, &took, processor)
}

fn by_text(peer: Peer, size: u32) -> Result<()> {
    let (node, all) = (Netns::create()?, services(size, None));
    let (program, arguments, text): (_, &[&str], _) = match peer {
        Peer::KubeProxyIptables => ("iptables-restore", &[], shapes::kube_proxy_iptables(&all)),
        Peer::KubeProxyNft => ("nft", &["-f", "-"], shapes::kube_proxy_nft(&all)),
        _ => ("nft", &["-f", "-"], shapes::maps(&all)),
    };
    let began = Instant::now();
    lab::feed(&node, program, arguments, &text)?;
    tell("load", peer, size, began.elapsed().as_secs_f64())?;
    if peer != Peer::KubeProxyNft {
        return Ok(());
    }

    let mut took = Vec::new();
    let before = processor_time()?;
    for change in 0..PEERS_CHANGES {
        let number = (change * (size / PEERS_CHANGES)) as usize;
        let text = shapes::kube_proxy_nft_change(number, &all[number], newcomer(change));
        let began = Instant::now();
        lab::feed(&node, "nft", &["-f", "-"], &text)?;
        took.push(began.elapsed().as_secs_f64());
    }
    let processor = (processor_time()? - before).as_secs_f64() / f64::from(PEERS_CHANGES);
    tell_of_changes(peer, size, &took, processor)
}

fn tell_of_changes(peer: Peer, size: u32, took: &[f64], processor: f64) -> Result<()> {
    let summary = Summary::of(took).ok_or("no change was made")?;
    tell("change", peer, size, summary.median)?;
    tell("change-processor", peer, size, processor)?;
    Ok(())
}

/// What this process and the ones that it has waited for have used of the processors.
fn processor_time() -> Result<Duration> {
    let mut all = Duration::ZERO;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        for time in [usage.user_time(), usage.system_time()] {
            all += Duration::from_micros(u64::try_from(time.num_microseconds())?);
        }
    }
    Ok(all)
}
