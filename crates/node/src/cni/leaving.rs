//! Links that go: all that wait are removed together, because one takes the kernel as long as many.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use podlab_kernel::rtnl::Rtnl;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::CniError;
use super::links::{remove_links, remove_neighbour};

/// How many go at once: the kernel makes no other link meanwhile.
const AT_ONCE: usize = 256;

/// The links of one node that are to go.
pub(super) struct Leaving {
    rtnl: Arc<Rtnl>,
    bridge: u32,
    waiting: Mutex<Vec<Departure>>,
    /// Held by who removes links. The others wait for it, and are often gone themselves when they get it.
    turn: tokio::sync::Mutex<()>,
}

struct Departure {
    link: u32,
    address: IpAddr,
    gone: oneshot::Sender<Result<(), CniError>>,
}

impl Leaving {
    pub(super) fn new(rtnl: Arc<Rtnl>, bridge: u32) -> Self {
        Self {
            rtnl,
            bridge,
            waiting: Mutex::new(Vec::new()),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Removes a port of the bridge, and the neighbour that is behind it.
    pub(super) async fn remove(&self, link: u32, address: IpAddr) -> Result<(), CniError> {
        let (gone, result) = oneshot::channel();
        self.lock().push(Departure { link, address, gone });
        let turn = self.turn.lock().await;
        let departures = self.next_departures();
        if !departures.is_empty() {
            let (rtnl, bridge) = (self.rtnl.clone(), self.bridge);
            spawn_blocking(move || see_off(&rtnl, bridge, departures))
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

fn see_off(rtnl: &Rtnl, bridge: u32, departures: Vec<Departure>) {
    let mut steps = remove_links(departures.iter().map(|departure| departure.link));
    let neighbours = departures
        .iter()
        .map(|departure| remove_neighbour(bridge, departure.address));
    steps.extend(neighbours);
    let result = rtnl.apply(steps).map_err(CniError::from);
    for departure in departures {
        let _ = departure.gone.send(result.clone());
    }
}
