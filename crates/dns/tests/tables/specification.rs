//! Each example of Kubernetes' DNS specification, 1.1.0. What it doesn't prescribe is as CoreDNS has it.

use serde_json::json;

use super::*;

pub(crate) fn cluster() -> Objects {
    let https = json!([{"name": "https", "protocol": "TCP", "port": 443}]);
    let services = [
        service(
            "kubernetes.default",
            json!({
                "clusterIP": "10.3.0.1", "clusterIPs": ["10.3.0.1", "2001:db8::1"],
                "ports": [{"name": "https", "protocol": "TCP", "port": 443}, {"port": 8443}],
            }),
        ),
        service("headless.default", json!({"clusterIP": "None", "ports": https})),
        service("nobody.default", json!({"clusterIP": "None", "ports": https})),
        external("foo.default", "www.example.com"),
    ];
    let v4 = ["10.3.0.100 my-pet", "10.3.0.2 my-pet-2", "10.3.0.3"];
    let v6 = ["2001:db8::2 my-pet", "2001:db8::3 my-pet"];
    let slices = [
        slice("headless.default", 1, &v4, https.clone()),
        slice("headless.default", 2, &v6, https),
    ];
    super::cluster(&["default"], &services, &slices)
}

pub(super) const ROWS: &[Row] = &[
    // 2.2
    (
        "dns-version.cluster.local. TXT",
        &["dns-version.cluster.local. 28800 IN TXT 1.1.0"],
    ),
    // 2.3.1
    (
        "kubernetes.default.svc.cluster.local. A",
        &["kubernetes.default.svc.cluster.local. 5 IN A 10.3.0.1"],
    ),
    (
        "kubernetes.default.svc.cluster.local. AAAA",
        &["kubernetes.default.svc.cluster.local. 5 IN AAAA 2001:db8::1"],
    ),
    // 2.3.2
    (
        "_https._tcp.kubernetes.default.svc.cluster.local. SRV",
        &[
            "_https._tcp.kubernetes.default.svc.cluster.local. 5 IN SRV 0 50 443 kubernetes.default.svc.cluster.local.",
            "+ kubernetes.default.svc.cluster.local. 5 IN A 10.3.0.1",
            "+ kubernetes.default.svc.cluster.local. 5 IN AAAA 2001:db8::1",
        ],
    ),
    // 2.3.3
    (
        "1.0.3.10.in-addr.arpa. PTR",
        &["1.0.3.10.in-addr.arpa. 5 IN PTR kubernetes.default.svc.cluster.local."],
    ),
    (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR",
        &[
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 5 IN PTR kubernetes.default.svc.cluster.local.",
        ],
    ),
    // 2.4.1
    (
        "headless.default.svc.cluster.local. A",
        &[
            "headless.default.svc.cluster.local. 5 IN A 10.3.0.2",
            "headless.default.svc.cluster.local. 5 IN A 10.3.0.3",
            "headless.default.svc.cluster.local. 5 IN A 10.3.0.100",
        ],
    ),
    (
        "my-pet.headless.default.svc.cluster.local. A",
        &["my-pet.headless.default.svc.cluster.local. 5 IN A 10.3.0.100"],
    ),
    (
        "headless.default.svc.cluster.local. AAAA",
        &[
            "headless.default.svc.cluster.local. 5 IN AAAA 2001:db8::2",
            "headless.default.svc.cluster.local. 5 IN AAAA 2001:db8::3",
        ],
    ),
    (
        "my-pet.headless.default.svc.cluster.local. AAAA",
        &[
            "my-pet.headless.default.svc.cluster.local. 5 IN AAAA 2001:db8::2",
            "my-pet.headless.default.svc.cluster.local. 5 IN AAAA 2001:db8::3",
        ],
    ),
    ("nobody.default.svc.cluster.local. A", NXDOMAIN),
    ("nobody.default.svc.cluster.local. AAAA", NXDOMAIN),
    // 2.4.2
    (
        "_https._tcp.headless.default.svc.cluster.local. SRV",
        &[
            "_https._tcp.headless.default.svc.cluster.local. 5 IN SRV 0 20 443 my-pet.headless.default.svc.cluster.local.",
            "_https._tcp.headless.default.svc.cluster.local. 5 IN SRV 0 20 443 my-pet-2.headless.default.svc.cluster.local.",
            "_https._tcp.headless.default.svc.cluster.local. 5 IN SRV 0 20 443 10-3-0-3.headless.default.svc.cluster.local.",
            "+ my-pet.headless.default.svc.cluster.local. 5 IN A 10.3.0.100",
            "+ my-pet-2.headless.default.svc.cluster.local. 5 IN A 10.3.0.2",
            "+ 10-3-0-3.headless.default.svc.cluster.local. 5 IN A 10.3.0.3",
            "+ my-pet.headless.default.svc.cluster.local. 5 IN AAAA 2001:db8::2",
            "+ my-pet.headless.default.svc.cluster.local. 5 IN AAAA 2001:db8::3",
        ],
    ),
    // 2.4.3
    (
        "100.0.3.10.in-addr.arpa. PTR",
        &["100.0.3.10.in-addr.arpa. 5 IN PTR my-pet.headless.default.svc.cluster.local."],
    ),
    (
        "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR",
        &[
            "2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 5 IN PTR my-pet.headless.default.svc.cluster.local.",
        ],
    ),
    // 2.5
    (
        "foo.default.svc.cluster.local. A",
        &["foo.default.svc.cluster.local. 5 IN CNAME www.example.com."],
    ),
    (
        "foo.default.svc.cluster.local. AAAA",
        &["foo.default.svc.cluster.local. 5 IN CNAME www.example.com."],
    ),
];
