//! Gives out ClusterIPs as Kubernetes does: random ones from the upper band, requested ones from anywhere.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// The ClusterIPs of a service range, and which of them are taken.
///
/// The lower band, `min(max(16, size / 16), 256)` addresses, is kept for services that request an address (KEP-3070);
/// a random one comes from there only when the rest is taken.
#[derive(Debug)]
pub struct ClusterIps {
    range: IpNet,
    first: u32,
    size: u32,
    taken: HashSet<u32>,
}

/// An address can't be given; texts as Kubernetes has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// Somebody else has it.
    #[error("provided IP is already allocated")]
    Taken,
    /// It isn't one of the range's.
    #[error("the provided IP ({address}) is not in the valid range. The range of valid IPs is {range}")]
    OutOfRange {
        /// What was asked for.
        address: IpAddr,
        /// Where it would have to be.
        range: IpNet,
    },
    /// All are taken.
    #[error("range is full")]
    Full,
    /// Only IPv4 ranges of four addresses or more can be given out.
    #[error("service range {0} can't be used: it must be an IPv4 range of at least 4 addresses")]
    Unusable(IpNet),
}

impl ClusterIps {
    /// All addresses of a range but its first and last, which are the network's own.
    ///
    /// # Errors
    /// [`AllocationError::Unusable`] for IPv6, and for ranges without an address to give.
    pub fn new(range: IpNet) -> Result<Self, AllocationError> {
        let IpNet::V4(v4) = range else {
            return Err(AllocationError::Unusable(range));
        };
        let (network, broadcast) = (u32::from(v4.network()), u32::from(v4.broadcast()));
        if broadcast - network < 3 {
            return Err(AllocationError::Unusable(range));
        }
        Ok(Self {
            range,
            first: network + 1,
            size: broadcast - network - 1,
            taken: HashSet::new(),
        })
    }

    /// The first address, which is the API's own service's.
    pub fn first(&self) -> IpAddr {
        self.address(0)
    }

    /// How many addresses are kept for requests: the dynamic band begins after them.
    fn reserved(&self) -> u32 {
        if self.size < 16 {
            0
        } else {
            (self.size / 16).clamp(16, 256)
        }
    }

    /// Takes an address that was asked for.
    ///
    /// # Errors
    /// [`AllocationError::OutOfRange`], [`AllocationError::Taken`].
    pub fn take(&mut self, address: IpAddr) -> Result<(), AllocationError> {
        let offset = self.offset(address).ok_or(AllocationError::OutOfRange {
            address,
            range: self.range,
        })?;
        if self.taken.insert(offset) {
            Ok(())
        } else {
            Err(AllocationError::Taken)
        }
    }

    /// Takes a random free address, of the upper band while it has one.
    ///
    /// # Errors
    /// [`AllocationError::Full`].
    pub fn take_any(&mut self) -> Result<IpAddr, AllocationError> {
        let reserved = self.reserved();
        let free = |from: u32, to: u32, taken: &HashSet<u32>| {
            let length = to - from;
            let start = if length == 0 {
                0
            } else {
                rand::random_range(0..length)
            };
            (0..length)
                .map(|step| from + (start + step) % length)
                .find(|offset| !taken.contains(offset))
        };
        let offset = free(reserved, self.size, &self.taken)
            .or_else(|| free(0, reserved, &self.taken))
            .ok_or(AllocationError::Full)?;
        self.taken.insert(offset);
        Ok(self.address(offset))
    }

    /// Gives an address back.
    pub fn release(&mut self, address: IpAddr) {
        if let Some(offset) = self.offset(address) {
            self.taken.remove(&offset);
        }
    }

    fn offset(&self, address: IpAddr) -> Option<u32> {
        let IpAddr::V4(address) = address else { return None };
        u32::from(address)
            .checked_sub(self.first)
            .filter(|offset| *offset < self.size)
    }

    fn address(&self, offset: u32) -> IpAddr {
        Ipv4Addr::from(self.first + offset).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(range: &str) -> ClusterIps {
        ClusterIps::new(range.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_lower_band_is_kept_for_requests() {
        for (range, reserved) in [
            ("10.0.0.0/12", 256),
            ("10.0.0.0/24", 16),
            ("10.0.0.0/20", 255),
            ("10.0.0.0/28", 0),
        ] {
            assert_eq!(ips(range).reserved(), reserved, "{range}");
        }
    }

    #[test]
    fn random_addresses_come_from_the_upper_band_then_the_lower_until_it_is_full() {
        let mut ips = ips("10.0.0.0/27");
        let taken: Vec<IpAddr> = (0..30).map(|_| ips.take_any().unwrap()).collect();
        let upper: HashSet<_> = taken[..14].iter().collect();
        assert!(
            upper.iter().all(|ip| ips.offset(**ip).unwrap() >= 16),
            "{upper:?}"
        );
        assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 30);
        assert_eq!(ips.take_any(), Err(AllocationError::Full));
        ips.release(taken[3]);
        assert_eq!(ips.take_any(), Ok(taken[3]));
    }

    #[test]
    fn a_request_is_refused_when_taken_or_out_of_range() {
        let mut ips = ips("10.96.0.0/12");
        assert_eq!(ips.take("10.96.0.10".parse().unwrap()), Ok(()));
        assert_eq!(
            ips.take("10.96.0.10".parse().unwrap()),
            Err(AllocationError::Taken)
        );
        for outside in ["10.112.0.1", "10.96.0.0", "10.111.255.255", "fd00::1"] {
            let error = ips.take(outside.parse().unwrap()).unwrap_err();
            assert!(matches!(error, AllocationError::OutOfRange { .. }), "{outside}");
        }
    }

    #[test]
    fn a_range_without_room_is_refused() {
        for range in ["10.0.0.0/31", "10.0.0.0/32", "fd00::/112"] {
            assert!(ClusterIps::new(range.parse().unwrap()).is_err(), "{range}");
        }
    }
}
