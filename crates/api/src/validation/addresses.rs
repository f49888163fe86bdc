//! Addresses and ranges of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Errors;

/// Any address. Whether it is one.
pub(super) fn ip(field: &str, address: &str, errors: &mut Errors) -> bool {
    let rule = match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => "must not be an IPv4-mapped IPv6 address",
        Ok(_) => return true,
        Err(_) if has_leading_zeros(address) => "must not have leading 0s",
        Err(_) => "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
    };
    errors.invalid(field, address, rule);
    false
}

/// An address that would be one without the zeros before its numbers, which some programs take for octal numbers.
fn has_leading_zeros(address: &str) -> bool {
    let numbers: Vec<&str> = address.split('.').collect();
    let is_byte =
        |number: &&str| number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u8>().is_ok();
    numbers.len() == 4 && numbers.iter().all(is_byte)
}

/// A range of addresses.
pub(super) fn cidr(field: &str, range: &str, errors: &mut Errors) {
    if range.parse::<IpNet>().is_err() {
        let rule = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        errors.invalid(field, range, rule);
    }
}

/// An address of one family, that traffic may be sent to.
pub(super) fn endpoint_ip_of(family: &str, field: &str, address: &str, errors: &mut Errors) {
    let valid = match family {
        "IPv4" => address.parse::<Ipv4Addr>().is_ok(),
        _ => address
            .parse::<Ipv6Addr>()
            .is_ok_and(|v6| v6.to_ipv4_mapped().is_none()),
    };
    if valid {
        not_special(field, address, errors);
    } else {
        errors.invalid(field, address, &format!("must be a valid {family} address"));
    }
}

/// An address that traffic may be sent to.
pub(super) fn endpoint_ip(field: &str, address: &str, errors: &mut Errors) {
    if ip(field, address, errors) {
        not_special(field, address, errors);
    }
}

/// An address without a meaning of its own, through which a service would reach what its author can't.
fn not_special(field: &str, address: &str, errors: &mut Errors) {
    let Ok(parsed) = address.parse::<IpAddr>() else {
        return;
    };
    let (link_local, local_multicast) = match parsed {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] & 0xff0f == 0xff02),
    };
    let unspecified = format!("may not be unspecified ({address})");
    for (is_so, rule) in [
        (parsed.is_unspecified(), &*unspecified),
        (
            parsed.is_loopback(),
            "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        (
            link_local,
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        ),
        (
            local_multicast,
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ] {
        if is_so {
            errors.invalid(field, address, rule);
        }
    }
}
