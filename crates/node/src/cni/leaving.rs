//! Links that go: all that wait are removed together, because one takes the kernel as long as many.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use podlab_kernel::conntrack::Conntrack;
use podlab_kernel::rtnl::Rtnl;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::CniError;
use super::links::{remove_links, remove_neighbour};

/// How many go at once: the kernel makes no other link meanwhile.
const AT_ONCE: usize = 256;

/// The mark of connections of pods to the outside.
pub(super) const OUTWARD: u32 = 1;

/// The links of one node that are to go.
pub(super) struct Leaving {
    node: Arc<Node>,
    waiting: Mutex<Vec<Departure>>,
    /// Held by who removes links. The others wait for it, and are often gone themselves when they get it.
    turn: tokio::sync::Mutex<()>,
}

struct Node {
    rtnl: Arc<Rtnl>,
    bridge: u32,
    flows: Conntrack,
}

struct Departure {
    link: u32,
    address: IpAddr,
    gone: oneshot::Sender<Result<(), CniError>>,
}

impl Leaving {
    pub(super) fn new(rtnl: Arc<Rtnl>, bridge: u32, flows: Conntrack) -> Self {
        Self {
            node: Arc::new(Node { rtnl, bridge, flows }),
            waiting: Mutex::new(Vec::new()),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Removes a port of the bridge, the neighbour that is behind it, and what is remembered of its connections to the
    /// outside: answers to them must not find who has the address next.
    pub(super) async fn remove(&self, link: u32, address: IpAddr) -> Result<(), CniError> {
        let (gone, result) = oneshot::channel();
        self.lock().push(Departure { link, address, gone });
        let turn = self.turn.lock().await;
        let departures = self.next_departures();
        if !departures.is_empty() {
            let node = self.node.clone();
            spawn_blocking(move || node.see_off(departures))
                .await
                .map_err(CniError::because("remove links"))?;
        }
        drop(turn);
        result.await.map_err(CniError::because("remove links"))?
    }

    /// Those who came first.
    fn next_departures(&self) -> Vec<Departure> {
        let mut waiting = self.lock();
        let count = waiting.len().min(AT_ONCE);
        waiting.drain(..count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Departure>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    fn see_off(&self, departures: Vec<Departure>) {
        let result = self.remove(&departures);
        for departure in departures {
            let _ = departure.gone.send(result.clone());
        }
    }

    fn remove(&self, departures: &[Departure]) -> Result<(), CniError> {
        let mut steps = remove_links(departures.iter().map(|departure| departure.link));
        let neighbours = departures
            .iter()
            .map(|departure| remove_neighbour(self.bridge, departure.address));
        steps.extend(neighbours);
        self.rtnl.apply(steps)?;
        // Nobody but those outside can make something of them, and they are few among all.
        let addresses = departures.iter().map(|departure| departure.address).collect();
        self.flows
            .forget(OUTWARD, &addresses)
            .map_err(CniError::because("forget connections of pods that are gone"))
    }
}
