//! The services that podlab and its peers are given: as many as wanted that nobody answers for, and perhaps one that
//! real pods serve.

use std::net::{Ipv4Addr, SocketAddrV4};

/// A TCP service at port 80.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) cluster_ip: Ipv4Addr,
    pub(crate) endpoints: Vec<SocketAddrV4>,
}

/// How many endpoints a service has.
pub(crate) const ENDPOINTS: u32 = 3;
/// The port of a service, and that of a pod.
pub(crate) const PORT: u16 = 80;
pub(crate) const POD_PORT: u16 = 8080;
/// Where ClusterIPs come from, where the addresses of the cluster's pods do, and those of this node's.
pub(crate) const SERVICE_CIDR: &str = "10.96.0.0/12";
pub(crate) const CLUSTER_CIDR: &str = "10.128.0.0/9";
pub(crate) const POD_CIDR: &str = "10.244.0.0/16";

const FIRST_CLUSTER_IP: Ipv4Addr = Ipv4Addr::new(10, 97, 0, 0);
const FIRST_ENDPOINT: Ipv4Addr = Ipv4Addr::new(10, 128, 0, 0);

/// The service number `number` of those that nobody answers for.
pub(crate) fn silent(number: u32) -> Service {
    let endpoint = |slot| SocketAddrV4::new(after(FIRST_ENDPOINT, number * ENDPOINTS + slot), POD_PORT);
    Service {
        cluster_ip: after(FIRST_CLUSTER_IP, number),
        endpoints: (0..ENDPOINTS).map(endpoint).collect(),
    }
}

/// `count` services in all. The one that pods serve, if there is one, comes last: that is the worst place in a list,
/// and makes no difference to a map.
pub(crate) fn services(count: u32, live: Option<Service>) -> Vec<Service> {
    let silent_ones = (0..count - u32::from(live.is_some())).map(silent);
    silent_ones.chain(live).collect()
}

/// An address that no other service or endpoint has.
pub(crate) fn newcomer(number: u32) -> Ipv4Addr {
    after(Ipv4Addr::new(10, 192, 0, 0), number)
}

fn after(first: Ipv4Addr, number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(first) + number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_service_that_pods_serve_is_the_last_of_as_many_as_wanted() {
        let live = Service {
            cluster_ip: "10.96.0.10".parse().unwrap(),
            endpoints: vec!["10.244.0.2:8080".parse().unwrap()],
        };
        let all = services(3, Some(live.clone()));
        assert_eq!(all, [silent(0), silent(1), live.clone()]);
        assert_eq!(services(1, Some(live.clone())), [live]);
        assert_eq!(services(2, None), [silent(0), silent(1)]);
    }

    #[test]
    fn no_two_have_an_address_in_common() {
        let all = services(100_000, None);
        let endpoints = all
            .iter()
            .flat_map(|service| &service.endpoints)
            .map(|it| *it.ip());
        let addresses: BTreeSet<Ipv4Addr> = all.iter().map(|it| it.cluster_ip).chain(endpoints).collect();
        assert_eq!(addresses.len(), 400_000);
        assert!(!addresses.contains(&newcomer(0)));
    }
}
