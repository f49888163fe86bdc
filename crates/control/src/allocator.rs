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
/// Its lower band, `min(max(16, size / 16), 256)` addresses when it has more than 16, is kept for services that request
/// an address (KEP-3070); others get one from there only when the rest is taken.
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
    #[error("the provided network does not match the current range")]
    OutOfRange,
    /// All are taken.
    #[error("range is full")]
    Full,
    /// Only IPv4 ranges of four addresses or more can be given out.
    #[error("service range {0} can't be used: it must be an IPv4 range of at least 4 addresses")]
    Unusable(IpNet),
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

    /// Whether an address of the range is taken that no range has.
    pub fn depend_on(&self, cidr: IpNet) -> bool {
        let mut taken = self.taken.iter().map(|address| IpAddr::V4(*address));
        taken.any(|address| cidr.contains(&address) && !self.ranges.iter().any(|range| range.has(address)))
    }

    /// The ranges that addresses are given from.
    pub fn ranges(&self) -> impl Iterator<Item = Ipv4Net> {
        self.ranges.iter().map(|range| range.cidr)
    }

    /// Takes an address that was asked for.
    ///
    /// # Errors
    /// [`AllocationError::OutOfRange`], [`AllocationError::Taken`].
    pub fn take(&mut self, address: IpAddr) -> Result<(), AllocationError> {
        let IpAddr::V4(v4) = address else {
            return Err(AllocationError::OutOfRange);
        };
        if !self.ranges.iter().any(|range| range.has(address)) {
            return Err(AllocationError::OutOfRange);
        }
        if !self.taken.insert(v4) {
            return Err(AllocationError::Taken);
        }
        self.ranges.iter_mut().for_each(|range| range.take(v4));
        Ok(())
    }

    /// Takes a random free address of a random range, of its upper band while there is one. One that was given back
    /// comes again only when all others of its band have been given out.
    ///
    /// # Errors
    /// [`AllocationError::Full`].
    pub fn take_any(&mut self) -> Result<IpAddr, AllocationError> {
        let start = rand::random_range(0..self.ranges.len().max(1));
        let (before, after) = self.ranges.split_at(start.min(self.ranges.len()));
        let free = after.iter().chain(before).find_map(Range::any);
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
        // How many addresses are kept for requests, by the range with its network and broadcast addresses.
        let all = size + 2;
        let reserved = if all <= 16 { 0 } else { (all / 16).clamp(16, 256) };
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
