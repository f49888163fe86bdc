//! Which addresses of a node's pod range are taken.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;

use ipnet::{IpAddrRange, IpNet};

/// The addresses of a pod CIDR: the network's own, the bridge's (the first) and, IPv4, the broadcast address are
/// never given. A freed address is given again only after all others, so that nothing stale finds a new pod there.
#[derive(Debug)]
pub struct AddressPool {
    range: IpNet,
    gateway: IpAddr,
    never_given: IpAddrRange,
    taken: HashSet<IpAddr>,
    /// The one that was freed first is in front.
    freed: VecDeque<IpAddr>,
}

/// All addresses of a node's pod CIDR are in use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no IP addresses available in range {0}")]
pub struct PoolExhausted(pub IpNet);

impl AddressPool {
    /// All addresses of `range` are free.
    pub fn new(range: IpNet) -> Self {
        let mut usable = range.hosts();
        let gateway = usable.find(|address| *address != range.network());
        Self {
            range,
            gateway: gateway.unwrap_or_else(|| range.network()),
            never_given: usable,
            taken: HashSet::new(),
            freed: VecDeque::new(),
        }
    }

    /// The bridge's address: the first after the network's own.
    pub fn gateway(&self) -> IpAddr {
        self.gateway
    }

    /// Takes an address that nobody has had yet, or else the one that has been free for longest.
    ///
    /// # Errors
    /// [`PoolExhausted`].
    pub fn take(&mut self) -> Result<IpAddr, PoolExhausted> {
        let unused = self.never_given.next().or_else(|| self.freed.pop_front());
        let address = unused.ok_or(PoolExhausted(self.range))?;
        self.taken.insert(address);
        Ok(address)
    }

    /// Gives an address back. One that isn't taken stays as it is.
    pub fn release(&mut self, address: IpAddr) {
        if self.taken.remove(&address) {
            self.freed.push_back(address);
        }
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
    fn the_address_that_was_freed_first_is_given_first_and_once() {
        let mut pool = AddressPool::new("10.244.0.0/29".parse().unwrap());
        while pool.take().is_ok() {}
        for freed in ["10.244.0.5", "10.244.0.2", "10.244.0.5"] {
            pool.release(freed.parse().unwrap());
        }
        assert_eq!(pool.take().unwrap().to_string(), "10.244.0.5");
        assert_eq!(pool.take().unwrap().to_string(), "10.244.0.2");
        assert!(pool.take().is_err());
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
