//! Gives out ClusterIPs as Kubernetes does: random ones from the upper band, requested ones from anywhere.

mod band;

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use band::Band;

/// The ClusterIPs of a cluster: its service ranges, and which of their addresses are taken.
///
/// The work of each call is that of the ranges, however large they are and however many addresses are taken.
#[derive(Debug, Default)]
pub struct ClusterIps {
    ranges: Vec<Range>,
    taken: HashSet<Ipv4Addr>,
}

/// A service range.
///
/// Its lower band, `min(max(16, size / 16), 256)` addresses, is kept for services that request an address (KEP-3070);
/// others get one from there only when the rest is taken.
#[derive(Debug)]
struct Range {
    cidr: Ipv4Net,
    first: u32,
    size: u32,
    lower: Band,
    upper: Band,
}

/// An address can't be given; texts as Kubernetes has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// Somebody else has it.
    #[error("provided IP is already allocated")]
    Taken,
    /// It isn't one of the range's.
    #[error("the provided IP ({address}) is not in the valid range. The range of valid IPs is {}", list(.ranges))]
    OutOfRange {
        /// What was asked for.
        address: IpAddr,
        /// Where it would have to be.
        ranges: Vec<IpNet>,
    },
    /// All are taken.
    #[error("range is full")]
    Full,
    /// Only IPv4 ranges of four addresses or more can be given out.
    #[error("service range {0} can't be used: it must be an IPv4 range of at least 4 addresses")]
    Unusable(IpNet),
}

fn list(ranges: &[IpNet]) -> String {
    ranges
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

impl ClusterIps {
    /// Adds a range: all of its addresses but the first and the last, which are the network's own.
    ///
    /// # Errors
    /// [`AllocationError::Unusable`] for IPv6, and for ranges without an address to give.
    pub fn add_range(&mut self, cidr: IpNet) -> Result<(), AllocationError> {
        let mut range = Range::new(cidr)?;
        for address in &self.taken {
            range.take(*address);
        }
        self.ranges.push(range);
        Ok(())
    }

    /// Gives no more addresses from a range; those that are taken stay so.
    pub fn remove_range(&mut self, cidr: IpNet) {
        if let Some(index) = self
            .ranges
            .iter()
            .position(|range| IpNet::V4(range.cidr) == cidr.trunc())
        {
            self.ranges.remove(index);
        }
    }

    /// Whether an address of the range is taken that no other range has.
    pub fn depend_on(&self, cidr: IpNet) -> bool {
        let others = || {
            self.ranges
                .iter()
                .filter(|range| IpNet::V4(range.cidr) != cidr.trunc())
        };
        let mut taken = self.taken.iter().map(|address| IpAddr::V4(*address));
        taken.any(|address| cidr.contains(&address) && !others().any(|range| range.has(address)))
    }

    /// Takes an address that was asked for.
    ///
    /// # Errors
    /// [`AllocationError::OutOfRange`], [`AllocationError::Taken`].
    pub fn take(&mut self, address: IpAddr) -> Result<(), AllocationError> {
        let IpAddr::V4(v4) = address else {
            return Err(self.out_of_range(address));
        };
        if !self.ranges.iter().any(|range| range.has(address)) {
            return Err(self.out_of_range(address));
        }
        if !self.taken.insert(v4) {
            return Err(AllocationError::Taken);
        }
        self.ranges.iter_mut().for_each(|range| range.take(v4));
        Ok(())
    }

    /// Takes a random free address, of an upper band while there is one. One that was given back comes again only
    /// when all others of its band have been given out.
    ///
    /// # Errors
    /// [`AllocationError::Full`].
    pub fn take_any(&mut self) -> Result<IpAddr, AllocationError> {
        let free = self.ranges.iter().find_map(Range::any);
        let address = free.ok_or(AllocationError::Full)?;
        self.take(address.into())?;
        Ok(address.into())
    }

    /// Gives an address back.
    pub fn release(&mut self, address: IpAddr) {
        if let IpAddr::V4(address) = address
            && self.taken.remove(&address)
        {
            self.ranges.iter_mut().for_each(|range| range.release(address));
        }
    }

    fn out_of_range(&self, address: IpAddr) -> AllocationError {
        let ranges = self.ranges.iter().map(|range| range.cidr.into()).collect();
        AllocationError::OutOfRange { address, ranges }
    }
}

/// The first address of a range, which is the API's own service's.
///
/// # Errors
/// [`AllocationError::Unusable`].
pub fn first_address(cidr: IpNet) -> Result<IpAddr, AllocationError> {
    Range::new(cidr).map(|range| range.address(0).into())
}

impl Range {
    fn new(cidr: IpNet) -> Result<Self, AllocationError> {
        let IpNet::V4(v4) = cidr.trunc() else {
            return Err(AllocationError::Unusable(cidr));
        };
        let (network, broadcast) = (u32::from(v4.network()), u32::from(v4.broadcast()));
        if broadcast - network < 3 {
            return Err(AllocationError::Unusable(cidr));
        }
        let size = broadcast - network - 1;
        // How many addresses are kept for requests: the dynamic band begins after them.
        let reserved = if size < 16 { 0 } else { (size / 16).clamp(16, 256) };
        Ok(Self {
            cidr: v4,
            first: network + 1,
            size,
            lower: Band::new(reserved),
            upper: Band::new(size - reserved),
        })
    }

    fn has(&self, address: IpAddr) -> bool {
        matches!(address, IpAddr::V4(address) if self.offset(address).is_some())
    }

    fn any(&self) -> Option<Ipv4Addr> {
        let upper = self.upper.any().map(|index| self.lower.size() + index);
        upper
            .or_else(|| self.lower.any())
            .map(|offset| self.address(offset))
    }

    fn take(&mut self, address: Ipv4Addr) {
        if let Some((band, index)) = self.band(address) {
            band.take(index);
        }
    }

    fn release(&mut self, address: Ipv4Addr) {
        if let Some((band, index)) = self.band(address) {
            band.release(index);
        }
    }

    fn band(&mut self, address: Ipv4Addr) -> Option<(&mut Band, u32)> {
        let offset = self.offset(address)?;
        Some(match offset.checked_sub(self.lower.size()) {
            Some(index) => (&mut self.upper, index),
            None => (&mut self.lower, offset),
        })
    }

    fn offset(&self, address: Ipv4Addr) -> Option<u32> {
        u32::from(address)
            .checked_sub(self.first)
            .filter(|offset| *offset < self.size)
    }

    fn address(&self, offset: u32) -> Ipv4Addr {
        Ipv4Addr::from(self.first + offset)
    }
}

#[cfg(test)]
mod tests;
