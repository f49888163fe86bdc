//! EndpointSlices, Endpoints and ServiceCIDRs.

use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;

use super::*;

fn slice(family: &str, endpoint: Value) -> Value {
    json!({ "metadata": { "name": "web" }, "addressType": family, "endpoints": [endpoint] })
}

#[test]
fn endpoints_of_a_slice() {
    let zones: Vec<Value> = (0..9)
        .map(|number| json!({ "name": format!("zone-{number}") }))
        .collect();
    let address = |address: &str| json!({ "addresses": [address] });
    for (family, endpoint, expected) in [
        (
            "IPv4",
            json!({ "addresses": [] }),
            "endpoints[0].addresses: Required value: must contain at least 1 address",
        ),
        (
            "IPv4",
            address("2001:db8::1"),
            "endpoints[0].addresses[0]: Invalid value: \"2001:db8::1\": must be a valid IPv4 address",
        ),
        (
            "IPv6",
            address("::ffff:10.0.0.1"),
            "endpoints[0].addresses[0]: Invalid value: \"::ffff:10.0.0.1\": must be a valid IPv6 address",
        ),
        (
            "IPv6",
            address("::1"),
            "endpoints[0].addresses[0]: Invalid value: \"::1\": may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        (
            "FQDN",
            address("web"),
            "endpoints[0].addresses[0]: Invalid value: \"web\": should be a domain with at least two segments \
             separated by dots",
        ),
        (
            "IPv4",
            json!({ "addresses": ["10.0.0.1"], "hostname": "a.b" }),
            "endpoints[0].hostname: Invalid value: \"a.b\": must not contain dots",
        ),
        (
            "IPv4",
            json!({ "addresses": ["10.0.0.1"], "hints": { "forZones": zones } }),
            "endpoints[0].hints.forZones: Too many: 9: must have at most 8 items",
        ),
        (
            "IPv4",
            json!({ "addresses": ["10.0.0.1"], "hints": { "forNodes": [{ "name": "a" }, { "name": "a" }] } }),
            "endpoints[0].hints.forNodes[1].name: Duplicate value: \"a\"",
        ),
    ] {
        assert_eq!(errors::<EndpointSlice>(slice(family, endpoint)), [expected]);
    }
}

#[test]
fn a_slice_as_a_whole() {
    let endpoints = vec![json!({ "addresses": [] }); 1001];
    let many = json!({ "metadata": { "name": "web" }, "addressType": "IPv4", "endpoints": endpoints });
    assert_eq!(
        errors::<EndpointSlice>(many),
        ["endpoints: Too many: 1001: must have at most 1000 items"]
    );
    let ports = json!([{ "name": "a", "port": 80 }, { "name": "a", "port": 81, "protocol": "tcp" }]);
    let broken = json!({ "metadata": { "name": "web" }, "addressType": "", "endpoints": [], "ports": ports });
    assert_eq!(
        errors::<EndpointSlice>(broken),
        [
            "addressType: Required value",
            "ports[1].name: Duplicate value: \"a\"",
            "ports[1].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
        ]
    );
}

#[test]
fn endpoints_of_the_older_kind() {
    let subsets = json!([
        { "ports": [{ "port": 80 }, { "name": "b", "port": 0 }] },
        { "addresses": [{ "ip": "169.254.0.1", "hostname": "A" }] },
    ]);
    let found = errors::<Endpoints>(json!({ "metadata": { "name": "web" }, "subsets": subsets }));
    assert_eq!(
        found[..3],
        [
            "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
            "subsets[0].ports[0].name: Required value",
            "subsets[0].ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ]
    );
    assert!(
        found[3].starts_with(
            "subsets[1].addresses[0].hostname: Invalid value: \"A\": a lowercase RFC 1123 label"
        )
    );
    assert_eq!(
        found[4..],
        [
            "subsets[1].addresses[0].ip: Invalid value: \"169.254.0.1\": may not be in the link-local range \
          (169.254.0.0/16, fe80::/10)"
        ]
    );
}

#[test]
fn ranges_of_services() {
    for (cidrs, expected) in [
        (
            json!([]),
            "spec.cidrs: Required value: at least one CIDR required",
        ),
        (
            json!(["10.0.0.0/16", "10.1.0.0/16"]),
            "spec.cidrs: Invalid value: [\"10.0.0.0/16\",\"10.1.0.0/16\"]: may specify no more than one IP for each \
             IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
        ),
        (
            json!(["10.0.0.0/16", "2001:db8::/64", "x"]),
            "spec.cidrs: Invalid value: {\"CIDRs\":[\"10.0.0.0/16\",\"2001:db8::/64\",\"x\"]}: may only hold up to \
             2 values",
        ),
    ] {
        let range = json!({ "metadata": { "name": "more" }, "spec": { "cidrs": cidrs } });
        assert_eq!(errors::<ServiceCIDR>(range), [expected]);
    }
}
