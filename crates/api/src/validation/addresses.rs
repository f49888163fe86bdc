//! Addresses.

use std::net::IpAddr;

use super::Errors;

/// Any address.
pub(super) fn ip(field: &str, address: &str, errors: &mut Errors) {
    if address.parse::<IpAddr>().is_err() {
        errors.invalid(
            field,
            address,
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        );
    }
}

/// An address that traffic may be sent to: not one with a meaning of its own, through which a service would reach
/// what its author can't.
pub(super) fn endpoint_ip(field: &str, address: &str, errors: &mut Errors) {
    let Ok(parsed) = address.parse::<IpAddr>() else {
        return ip(field, address, errors);
    };
    let (link_local, local_multicast) = match parsed {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), v6.segments()[0] & 0xff0f == 0xff02),
    };
    for (is_so, rule) in [
        (parsed.is_unspecified(), "may not be unspecified (0.0.0.0 or ::)"),
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
