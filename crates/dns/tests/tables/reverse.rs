//! Names of addresses: the cluster and the questions of the tests of CoreDNS's plugin `kubernetes`.

use super::*;

pub(crate) fn cluster() -> Objects {
    let services = [
        cluster_ip("svc1.testns", &["192.168.1.100"]),
        cluster_ip("svc2.testns", &["192.168.1.101", "fd00:96::1"]),
    ];
    let slices = [
        slice(
            "svc1.testns",
            1,
            &["10.0.0.100 ep1a", "10.0.0.99 double-ep"],
            http(),
        ),
        slice(
            "svc1.testns",
            2,
            &[
                "1234:abcd::1 ep1b",
                "fd00:77:30::a ip6svc1ex",
                "fd00:77:30::2:9ba6 ip6svc1in",
            ],
            http(),
        ),
        // The same one as in the first slice: it is being moved.
        slice("svc1.testns", 3, &["10.0.0.100 ep1a"], http()),
        slice("svc2.testns", 1, &["10.0.0.99 double-ep"], http()),
        // Of the address of a service, the service's name comes first.
        slice("svc2.testns", 2, &["192.168.1.100", "10.0.0.98"], http()),
        slice("gone.testns", 1, &["10.0.0.97"], http()),
        slice("gone.testns", 2, &["1000::"], http()),
    ];
    super::cluster(&["testns"], &services, &slices)
}

pub(super) const ROWS: &[Row] = &[
    (
        "100.0.0.10.in-addr.arpa. PTR",
        &["100.0.0.10.in-addr.arpa. 5 IN PTR ep1a.svc1.testns.svc.cluster.local."],
    ),
    (
        "100.1.168.192.in-addr.arpa. PTR",
        &["100.1.168.192.in-addr.arpa. 5 IN PTR svc1.testns.svc.cluster.local."],
    ),
    (
        "99.0.0.10.in-addr.arpa. PTR",
        &[
            "99.0.0.10.in-addr.arpa. 5 IN PTR double-ep.svc1.testns.svc.cluster.local.",
            "99.0.0.10.in-addr.arpa. 5 IN PTR double-ep.svc2.testns.svc.cluster.local.",
        ],
    ),
    (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.c.b.a.4.3.2.1.ip6.arpa. PTR",
        &[
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.c.b.a.4.3.2.1.ip6.arpa. 5 IN PTR ep1b.svc1.testns.svc.cluster.local.",
        ],
    ),
    (
        "a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa. PTR",
        &[
            "a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa. 5 IN PTR ip6svc1ex.svc1.testns.svc.cluster.local.",
        ],
    ),
    (
        "6.a.b.9.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa. PTR",
        &[
            "6.a.b.9.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa. 5 IN PTR ip6svc1in.svc1.testns.svc.cluster.local.",
        ],
    ),
    ("101.0.0.10.in-addr.arpa. PTR", NXDOMAIN),
    ("example.org.cluster.local. PTR", NXDOMAIN),
    ("svc1.testns.svc.cluster.local. PTR", NODATA),
    ("svc1.testns.svc.0.10.in-addr.arpa. A", NXDOMAIN),
    ("100.0.0.10.cluster.local. PTR", NXDOMAIN),
    // Beyond those of CoreDNS's tests.
    (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.D.F.IP6.ARPA. PTR",
        NXDOMAIN,
    ),
    (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.D.F.IP6.ARPA. PTR",
        &[
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.D.F.IP6.ARPA. 5 IN PTR svc2.testns.svc.cluster.local.",
        ],
    ),
    (
        "98.0.0.10.in-addr.arpa. PTR",
        &["98.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-98.svc2.testns.svc.cluster.local."],
    ),
    (
        "97.0.0.10.in-addr.arpa. PTR",
        &["97.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-97.gone.testns.svc.cluster.local."],
    ),
    ("100.0.0.10.in-addr.arpa. A", NXDOMAIN),
    ("100.0.0.10.in-addr.arpa. TXT", NXDOMAIN),
    ("0.0.10.in-addr.arpa. PTR", NXDOMAIN),
    ("0100.0.0.10.in-addr.arpa. PTR", NXDOMAIN),
    ("+100.0.0.10.in-addr.arpa. PTR", NXDOMAIN),
    ("1.100.0.0.10.in-addr.arpa. PTR", NXDOMAIN),
    ("100.0.0.10.ip6.arpa. PTR", NXDOMAIN),
    // A digit short of that of 1000::.
    (
        "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.ip6.arpa. PTR",
        NXDOMAIN,
    ),
    ("in-addr.arpa. PTR", NODATA),
    ("in-addr.arpa. A", NODATA),
];
