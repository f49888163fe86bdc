//! Which addresses are given, in which order, and which are refused.

use super::*;

fn ips(range: &str) -> ClusterIps {
    let mut ips = ClusterIps::default();
    ips.add_range(range.parse().unwrap()).unwrap();
    ips
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_lower_band_is_kept_for_requests() {
    for (range, reserved) in [
        ("10.0.0.0/12", 256),
        ("10.0.0.0/20", 256),
        ("10.0.0.0/23", 32),
        ("10.0.0.0/24", 16),
        ("10.0.0.0/27", 16),
        ("10.0.0.0/28", 0),
        ("10.0.0.0/30", 0),
    ] {
        assert_eq!(ips(range).ranges[0].lower.size(), reserved, "{range}");
    }
}

#[test]
fn random_addresses_come_from_the_upper_band_then_the_lower_until_it_is_full() {
    let mut ips = ips("10.0.0.0/27");
    let taken: Vec<IpAddr> = (0..30).map(|_| ips.take_any().unwrap()).collect();
    assert!(
        taken[..14].iter().all(|taken| *taken > ip("10.0.0.16")),
        "{taken:?}"
    );
    assert!(
        taken[14..].iter().all(|taken| *taken <= ip("10.0.0.16")),
        "{taken:?}"
    );
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 30);
    assert_eq!(ips.take_any(), Err(AllocationError::Full));
    ips.release(taken[3]);
    assert_eq!(ips.take_any(), Ok(taken[3]));
}

#[test]
fn an_address_that_was_given_back_comes_last() {
    let mut ips = ips("10.0.0.0/28");
    let first = ips.take_any().unwrap();
    ips.release(first);
    let second = ips.take_any().unwrap();
    ips.release(second);
    let others: Vec<IpAddr> = (0..12).map(|_| ips.take_any().unwrap()).collect();
    assert!(!others.contains(&first) && !others.contains(&second));
    assert_eq!(ips.take(second), Ok(()), "who asks for it gets it");
    assert_eq!(ips.take_any(), Ok(first));
    assert_eq!(ips.take_any(), Err(AllocationError::Full));
}

#[test]
fn a_request_is_refused_when_taken_or_out_of_range() {
    let mut ips = ips("10.96.0.0/12");
    assert_eq!(ips.take(ip("10.96.0.10")), Ok(()));
    assert_eq!(ips.take(ip("10.96.0.10")), Err(AllocationError::Taken));
    for outside in ["10.112.0.1", "10.96.0.0", "10.111.255.255", "fd00::1"] {
        assert_eq!(
            ips.take(ip(outside)),
            Err(AllocationError::OutOfRange),
            "{outside}"
        );
    }
}

#[test]
fn a_range_without_room_is_refused() {
    for range in ["10.0.0.0/31", "10.0.0.0/32", "fd00::/112"] {
        assert!(Range::new(range.parse().unwrap()).is_err(), "{range}");
    }
}

#[test]
fn ranges_follow_one_another_and_may_overlap() {
    let mut ips = ips("10.0.0.0/30");
    ips.take_any().unwrap();
    ips.take_any().unwrap();
    assert_eq!(ips.take_any(), Err(AllocationError::Full));
    let second = "10.0.0.0/29".parse().unwrap();
    ips.add_range(second).unwrap();
    let mut more: Vec<IpAddr> = (0..4).map(|_| ips.take_any().unwrap()).collect();
    more.sort();
    assert_eq!(more, ["10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"].map(ip));
    assert_eq!(ips.take_any(), Err(AllocationError::Full));
    ips.remove_range(second);
    assert!(ips.depend_on(second));
    more.iter().for_each(|address| ips.release(*address));
    assert!(!ips.depend_on(second), "the rest is in the first one, too");
    assert!(ips.take(more[0]).is_err());
}

/// As Kubernetes picks among the ranges that are ready.
#[test]
fn each_range_is_used() {
    let mut ips = ips("10.0.0.0/24");
    ips.add_range("10.1.0.0/24".parse().unwrap()).unwrap();
    let of_first = (0..64)
        .filter(|_| ips.take_any().unwrap() < ip("10.1.0.0"))
        .count();
    assert!((1..64).contains(&of_first), "{of_first} of 64");
}

/// A bitmap that is walked would take minutes.
#[test]
fn a_full_range_of_a_million_costs_no_more_than_an_empty_one() {
    let mut ips = ips("10.96.0.0/12");
    let mut given = HashSet::new();
    for _ in 0..(1 << 20) - 2 {
        given.insert(ips.take_any().unwrap());
    }
    assert_eq!(given.len(), (1 << 20) - 2);
    assert_eq!(ips.take_any(), Err(AllocationError::Full));
}
