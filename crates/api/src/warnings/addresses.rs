//! Addresses and ranges that are valid, and that one would write otherwise.

use std::net::Ipv6Addr;

use ipnet::IpNet;

use super::Warnings;

pub(super) fn ip(path: &str, address: &str, warnings: &mut Warnings) {
    let Ok(v6) = address.parse::<Ipv6Addr>() else {
        return;
    };
    let canonical = v6.to_string();
    if canonical != address {
        let message =
            format!("IPv6 address {address:?} should be in RFC 5952 canonical format ({canonical:?})");
        warnings.add(path, message);
    }
}

pub(super) fn cidr(path: &str, range: &str, warnings: &mut Warnings) {
    let Ok(net) = range.parse::<IpNet>() else { return };
    let whole = net.trunc().to_string();
    if net.addr() != net.network() {
        let single = format!("{}/{}", net.addr(), net.max_prefix_len());
        let message =
            format!("CIDR value {range:?} is ambiguous in this context (should be {whole:?} or {single:?}?)");
        warnings.add(path, message);
    } else if whole != range && range.contains(':') {
        let message = format!("IPv6 CIDR value {range:?} should be in RFC 5952 canonical format ({whole:?})");
        warnings.add(path, message);
    }
}
