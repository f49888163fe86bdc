//! Which addresses of a node's pod range are taken.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// The addresses of a pod CIDR: the network's own, the bridge's (the first) and, IPv4, the broadcast address are
/// never given. A freed address is given again only after all others, so that nothing stale finds a new pod there.
#[derive(Debug)]
pub struct AddressPool {
    range: IpNet,
    taken: BTreeSet<IpAddr>,
    last: Option<IpAddr>,
}

/// All addresses of a node's pod CIDR are in use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no IP addresses available in range {0}")]
pub struct PoolExhausted(pub IpNet);

impl AddressPool {
    /// All addresses of `range` are free.
    pub fn new(range: IpNet) -> Self {
        Self {
            range,
            taken: BTreeSet::new(),
            last: None,
        }
    }

    /// The bridge's address: the first after the network's own.
    pub fn gateway(&self) -> IpAddr {
        after(self.range, self.range.network())
            .next()
            .unwrap_or_else(|| self.range.network())
    }

    /// Takes the next free address after the one taken last.
    ///
    /// # Errors
    /// [`PoolExhausted`].
    pub fn take(&mut self) -> Result<IpAddr, PoolExhausted> {
        let gateway = self.gateway();
        let free = |address: &IpAddr| *address != gateway && !self.taken.contains(address);
        let last = self.last.unwrap_or(gateway);
        let address = after(self.range, last)
            .find(free)
            .or_else(|| after(self.range, gateway).find(free))
            .ok_or(PoolExhausted(self.range))?;
        self.taken.insert(address);
        self.last = Some(address);
        Ok(address)
    }

    /// Gives an address back.
    pub fn release(&mut self, address: IpAddr) {
        self.taken.remove(&address);
    }
}

/// The usable addresses of a range that come after `last`.
fn after(range: IpNet, last: IpAddr) -> Box<dyn Iterator<Item = IpAddr>> {
    match (range, last) {
        (IpNet::V4(range), IpAddr::V4(last)) => {
            let end = u32::from(range.broadcast());
            Box::new((u32::from(last).saturating_add(1)..end).map(|bits| IpAddr::V4(bits.into())))
        }
        (IpNet::V6(range), IpAddr::V6(last)) => {
            let end = u128::from(range.broadcast());
            Box::new((u128::from(last).saturating_add(1)..=end).map(|bits| IpAddr::V6(bits.into())))
        }
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_in_order_and_a_freed_one_comes_last() {
        let mut pool = AddressPool::new("10.244.0.0/29".parse().unwrap());
        let take = |pool: &mut AddressPool| pool.take().map(|address| address.to_string());
        for expected in ["10.244.0.2", "10.244.0.3", "10.244.0.4"] {
            assert_eq!(take(&mut pool).as_deref(), Ok(expected));
        }
        pool.release("10.244.0.3".parse().unwrap());
        for expected in ["10.244.0.5", "10.244.0.6", "10.244.0.3"] {
            assert_eq!(take(&mut pool).as_deref(), Ok(expected));
        }
        assert_eq!(
            take(&mut pool).unwrap_err().to_string(),
            "no IP addresses available in range 10.244.0.0/29"
        );
    }

    #[test]
    fn both_families_have_a_gateway_that_no_pod_gets() {
        for (range, gateway, first) in [
            ("10.244.3.0/24", "10.244.3.1", "10.244.3.2"),
            ("fd00:10:244::/64", "fd00:10:244::1", "fd00:10:244::2"),
        ] {
            let mut pool = AddressPool::new(range.parse().unwrap());
            assert_eq!(pool.gateway().to_string(), gateway);
            assert_eq!(pool.take().unwrap().to_string(), first);
        }
    }
}
