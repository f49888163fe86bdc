//! The proxy of a node: follows the store, and has the node's kernel follow too.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use podlab_control::store::Store;
use podlab_kernel::conntrack::{Conntrack, Flow};
use podlab_kernel::maps::{Maps, MapsError};
use podlab_kernel::netns::Netns;
use podlab_kernel::nft::{Nft, NftError};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::affinity;
use crate::elements::TABLE;
use crate::plan::{Plan, PodRanges};
use crate::transaction::Transaction;

/// How often in a row the kernel may refuse all of it before the proxy gives up.
const ATTEMPTS: u32 = 5;
/// The time from the first refusal to the next attempt; it doubles with every further one.
const BACK_OFF: Duration = Duration::from_millis(20);

/// Before the skeleton, in the same transaction. Only when needed: the kernel takes 10 ms to let go of a table.
const REMOVE: &str = "add table ip podlab-proxy\ndelete table ip podlab-proxy\n";

/// What a proxy has to know of its cluster.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name of the node.
    pub node: String,
    /// Where the addresses of pods come from: other clients are masqueraded.
    pub ranges: PodRanges,
}

/// The kernel can't be told, or doesn't take it.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Rules.
    #[error(transparent)]
    Rules(#[from] NftError),
    /// Elements of maps.
    #[error(transparent)]
    Elements(#[from] MapsError),
    /// Anything.
    #[error("cannot open a netlink socket: {0}")]
    Socket(#[from] io::Error),
}

/// Serves the Services of `store` in the node whose namespace is `netns`, until it is dropped.
///
/// `progress` is the revision of the store that the kernel is up to date with. What the kernel refuses is logged,
/// and everything is built anew from the store; when that is refused again and again, the proxy ends with what was.
pub async fn serve(store: Store, netns: Netns, config: Config, progress: &watch::Sender<u64>) -> ProxyError {
    let result = match Kernel::open(netns, &config) {
        Ok(kernel) => keep_up(&store, Arc::new(kernel), &config, progress).await,
        Err(error) => Err(error),
    };
    let Err(error) = result;
    tracing::error!("the proxy ends: {error}");
    error
}

async fn keep_up(
    store: &Store,
    kernel: Arc<Kernel>,
    config: &Config,
    progress: &watch::Sender<u64>,
) -> Result<Infallible, ProxyError> {
    let mut refusals = 0;
    loop {
        let Err(error) = follow(store, &kernel, config, progress, &mut refusals).await;
        refusals += 1;
        if refusals == ATTEMPTS {
            return Err(error);
        }
        tracing::warn!("building all services anew: {error}");
        sleep(BACK_OFF * 2u32.pow(refusals - 1)).await;
    }
}

/// Until the kernel refuses something: then what it holds is not known.
async fn follow(
    store: &Store,
    kernel: &Arc<Kernel>,
    config: &Config,
    progress: &watch::Sender<u64>,
    refusals: &mut u32,
) -> Result<Infallible, ProxyError> {
    // Before the watch: what has been deleted by now isn't in it.
    let mut revision = store.revision();
    let mut watch = store.watch();
    let mut plan = Plan::new(config.node.clone(), config.ranges);
    let mut load: fn(&Kernel, Transaction) -> Result<(), ProxyError> = if *refusals == 0 {
        Kernel::load
    } else {
        Kernel::reload
    };
    loop {
        while let Some(event) = watch.try_next() {
            plan.record(&event);
            revision = event.revision;
        }
        let transaction = plan.commit();
        let kernel = kernel.clone();
        spawn_blocking(move || load(&kernel, transaction))
            .await
            .map_err(io::Error::other)??;
        load = Kernel::apply;
        *refusals = 0;
        progress.send_replace(revision);
        let event = watch
            .next()
            .await
            .expect("the store ends its watches, and it is held here");
        plan.record(&event);
        revision = event.revision;
    }
}

/// The tables of a node.
struct Kernel {
    nft: Nft,
    maps: Maps,
    conntrack: Conntrack,
    skeleton: String,
}

impl Kernel {
    fn open(netns: Netns, config: &Config) -> Result<Self, ProxyError> {
        let skeleton = include_str!("skeleton.nft").replace("POD_CIDR", &config.ranges.cluster.to_string());
        Ok(Self {
            maps: Maps::open(&netns, TABLE)?,
            conntrack: Conntrack::open(&netns)?,
            nft: Nft::new(netns)?,
            skeleton,
        })
    }

    /// Into a node without services: nobody is promised any before all are there.
    fn load(&self, transaction: Transaction) -> Result<(), ProxyError> {
        let rules = format!("{}\n{}", self.skeleton, transaction.rules_before());
        self.nft.load(&rules)?;
        self.maps.change(transaction.changes())?;
        self.forget(&transaction);
        Ok(())
    }

    /// In place of whatever there is, in one transaction of text: services go on while it is replaced.
    fn reload(&self, transaction: Transaction) -> Result<(), ProxyError> {
        self.nft
            .load(&format!("{REMOVE}{}\n{transaction}", self.skeleton))?;
        self.forget(&transaction);
        // What went in the meantime isn't in the transaction.
        self.forget_flows(|flow| transaction.knows_nothing_of(flow));
        Ok(())
    }

    /// Chains are made before anything leads to them, and deleted after that.
    fn apply(&self, transaction: Transaction) -> Result<(), ProxyError> {
        tracing::debug!("\n{transaction}");
        let (before, after) = (transaction.rules_before(), transaction.rules_after());
        if !before.is_empty() {
            self.nft.load(&before)?;
        }
        self.maps.change(transaction.changes())?;
        if !after.is_empty() {
            self.nft.load(&after)?;
        }
        self.forget(&transaction);
        Ok(())
    }

    /// What is remembered of clients, and must not be any more.
    fn forget(&self, transaction: &Transaction) {
        if !transaction.udp.is_empty() {
            self.forget_flows(|flow| transaction.makes_stale(flow));
        }
        if let Err(error) = affinity::forget(&self.nft, &transaction.forgotten) {
            tracing::warn!("cannot forget where clients stayed: {error}");
        }
    }

    /// At worst a client's datagrams go to a pod that is gone until it pauses for the kernel's time-out.
    fn forget_flows(&self, is_stale: impl Fn(&Flow) -> bool) {
        let result = self.conntrack.flows().and_then(|flows| {
            let mut stale = flows.iter().filter(|flow| is_stale(flow));
            stale.try_for_each(|flow| self.conntrack.delete(flow))
        });
        if let Err(error) = result {
            tracing::warn!("cannot forget UDP flows: {error}");
        }
    }
}
