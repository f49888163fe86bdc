//! Services and pods: the cluster and the questions of the tests of CoreDNS's plugin `kubernetes`.

use serde_json::json;

use super::*;

pub(crate) fn cluster() -> Objects {
    let services = [
        service(
            "kube-dns.kube-system",
            json!({
                "clusterIP": "10.0.0.10",
                "ports": [{"name": "dns", "protocol": "UDP", "port": 53}],
            }),
        ),
        cluster_ip("svc1.testns", &["10.0.0.1"]),
        cluster_ip("svcempty.testns", &["10.0.0.1"]),
        cluster_ip("svc6.testns", &["1234:abcd::1"]),
        cluster_ip("svc-dual-stack.testns", &["10.0.0.3", "10::3"]),
        service("hdls1.testns", json!({"clusterIP": "None"})),
        service("hdlsprtls.testns", json!({"clusterIP": "None"})),
        external("external.testns", "ext.interwebs.test"),
        external("external-to-service.testns", "svc1.testns.svc.cluster.local."),
        // Those below are for `beyond`.
        service(
            "two-ports.testns",
            json!({
                "clusterIP": "10.0.0.4",
                "ports": [
                    {"name": "web", "port": 80},
                    {"name": "dns", "protocol": "UDP", "port": 53},
                ],
            }),
        ),
        service(
            "unnamed.testns",
            json!({"clusterIP": "10.0.0.5", "ports": [{"port": 8080}]}),
        ),
        service("unready.testns", json!({"clusterIP": "None"})),
        service("mixed.testns", json!({"clusterIP": "None"})),
        service("zeros.testns", json!({"clusterIP": "None"})),
        service(
            "pending.testns",
            json!({"type": "ClusterIP", "ports": [{"port": 80}]}),
        ),
        cluster_ip("orphan.gone", &["10.0.0.6"]),
        external(
            "alias-of-alias.testns",
            "external-to-service.testns.svc.cluster.local",
        ),
        external("alias-of-external.testns", "external.testns.svc.cluster.local"),
        external("alias-of-nothing.testns", "svc0.testns.svc.cluster.local"),
        external("alias-of-server.testns", "ns.dns.cluster.local"),
        external("alias-of-pod.testns", "10-240-0-1.podns.pod.cluster.local"),
        external("itself.testns", "itself.testns.svc.cluster.local"),
        external("below-itself.testns", "a.below-itself.testns.svc.cluster.local"),
        external("ring-a.testns", "ring-b.testns.svc.cluster.local"),
        external("ring-b.testns", "ring-a.testns.svc.cluster.local"),
        external("number.testns", "1.2.3.4"),
    ];
    let unready = json!({
        "metadata": {
            "name": "unready-1", "namespace": "testns",
            "labels": {"kubernetes.io/service-name": "unready"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["172.0.0.40"], "conditions": {"ready": false}}],
        "ports": http(),
    });
    let http_of_all = json!([{"name": "http", "protocol": "TCP"}]);
    let slices = [
        slice(
            "kube-dns.kube-system",
            1,
            &["172.0.0.100"],
            json!([{"name": "dns", "protocol": "UDP", "port": 53}]),
        ),
        slice("svc1.testns", 1, &["172.0.0.1 ep1a"], http()),
        slice("svcempty.testns", 1, &[], http()),
        slice(
            "hdls1.testns",
            1,
            &[
                "172.0.0.2",
                "172.0.0.3",
                "172.0.0.4 dup-name",
                "172.0.0.5 dup-name",
            ],
            http(),
        ),
        slice("hdls1.testns", 2, &["5678:abcd::1", "5678:abcd::2"], http()),
        slice("hdlsprtls.testns", 1, &["172.0.0.20"], json!([])),
        slice("mixed.testns", 1, &["172.0.0.50"], http()),
        slice("mixed.testns", 2, &["172.0.0.51"], http_of_all),
        slice("zeros.testns", 1, &["fd00::"], http()),
        serde_json::from_value(unready).unwrap(),
    ];
    let namespaces = ["default", "kube-system", "testns", "podns"];
    super::cluster(&namespaces, &services, &slices)
}

pub(super) const ROWS: &[Row] = &[
    // Services with addresses, with and without endpoints.
    (
        "svc1.testns.svc.cluster.local. A",
        &["svc1.testns.svc.cluster.local. 5 IN A 10.0.0.1"],
    ),
    (
        "svcempty.testns.svc.cluster.local. A",
        &["svcempty.testns.svc.cluster.local. 5 IN A 10.0.0.1"],
    ),
    (
        "svc6.testns.svc.cluster.local. AAAA",
        &["svc6.testns.svc.cluster.local. 5 IN AAAA 1234:abcd::1"],
    ),
    (
        "svc-dual-stack.testns.svc.cluster.local. A",
        &["svc-dual-stack.testns.svc.cluster.local. 5 IN A 10.0.0.3"],
    ),
    (
        "svc-dual-stack.testns.svc.cluster.local. AAAA",
        &["svc-dual-stack.testns.svc.cluster.local. 5 IN AAAA 10::3"],
    ),
    // Their ports.
    (
        "svc1.testns.svc.cluster.local. SRV",
        &[
            "svc1.testns.svc.cluster.local. 5 IN SRV 0 100 80 svc1.testns.svc.cluster.local.",
            "+ svc1.testns.svc.cluster.local. 5 IN A 10.0.0.1",
        ],
    ),
    (
        "svcempty.testns.svc.cluster.local. SRV",
        &[
            "svcempty.testns.svc.cluster.local. 5 IN SRV 0 100 80 svcempty.testns.svc.cluster.local.",
            "+ svcempty.testns.svc.cluster.local. 5 IN A 10.0.0.1",
        ],
    ),
    (
        "svc6.testns.svc.cluster.local. SRV",
        &[
            "svc6.testns.svc.cluster.local. 5 IN SRV 0 100 80 svc6.testns.svc.cluster.local.",
            "+ svc6.testns.svc.cluster.local. 5 IN AAAA 1234:abcd::1",
        ],
    ),
    (
        "svc-dual-stack.testns.svc.cluster.local. SRV",
        &[
            "svc-dual-stack.testns.svc.cluster.local. 5 IN SRV 0 50 80 svc-dual-stack.testns.svc.cluster.local.",
            "+ svc-dual-stack.testns.svc.cluster.local. 5 IN A 10.0.0.3",
            "+ svc-dual-stack.testns.svc.cluster.local. 5 IN AAAA 10::3",
        ],
    ),
    (
        "_http._tcp.svc1.testns.svc.cluster.local. SRV",
        &[
            "_http._tcp.svc1.testns.svc.cluster.local. 5 IN SRV 0 100 80 svc1.testns.svc.cluster.local.",
            "+ svc1.testns.svc.cluster.local. 5 IN A 10.0.0.1",
        ],
    ),
    (
        "_http._tcp.svcempty.testns.svc.cluster.local. SRV",
        &[
            "_http._tcp.svcempty.testns.svc.cluster.local. 5 IN SRV 0 100 80 svcempty.testns.svc.cluster.local.",
            "+ svcempty.testns.svc.cluster.local. 5 IN A 10.0.0.1",
        ],
    ),
    (
        "_http._tcp.svc6.testns.svc.cluster.local. SRV",
        &[
            "_http._tcp.svc6.testns.svc.cluster.local. 5 IN SRV 0 100 80 svc6.testns.svc.cluster.local.",
            "+ svc6.testns.svc.cluster.local. 5 IN AAAA 1234:abcd::1",
        ],
    ),
    // Headless services.
    (
        "hdls1.testns.svc.cluster.local. A",
        &[
            "hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.2",
            "hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.3",
            "hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.4",
            "hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.5",
        ],
    ),
    (
        "hdls1.testns.svc.cluster.local. AAAA",
        &[
            "hdls1.testns.svc.cluster.local. 5 IN AAAA 5678:abcd::1",
            "hdls1.testns.svc.cluster.local. 5 IN AAAA 5678:abcd::2",
        ],
    ),
    (
        "hdlsprtls.testns.svc.cluster.local. A",
        &["hdlsprtls.testns.svc.cluster.local. 5 IN A 172.0.0.20"],
    ),
    (
        "_http._tcp.hdls1.testns.svc.cluster.local. SRV",
        &[
            "_http._tcp.hdls1.testns.svc.cluster.local. 5 IN SRV 0 16 80 172-0-0-2.hdls1.testns.svc.cluster.local.",
            "_http._tcp.hdls1.testns.svc.cluster.local. 5 IN SRV 0 16 80 172-0-0-3.hdls1.testns.svc.cluster.local.",
            "_http._tcp.hdls1.testns.svc.cluster.local. 5 IN SRV 0 16 80 dup-name.hdls1.testns.svc.cluster.local.",
            "_http._tcp.hdls1.testns.svc.cluster.local. 5 IN SRV 0 16 80 5678-abcd--1.hdls1.testns.svc.cluster.local.",
            "_http._tcp.hdls1.testns.svc.cluster.local. 5 IN SRV 0 16 80 5678-abcd--2.hdls1.testns.svc.cluster.local.",
            "+ 172-0-0-2.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.2",
            "+ 172-0-0-3.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.3",
            "+ dup-name.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.4",
            "+ dup-name.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.5",
            "+ 5678-abcd--1.hdls1.testns.svc.cluster.local. 5 IN AAAA 5678:abcd::1",
            "+ 5678-abcd--2.hdls1.testns.svc.cluster.local. 5 IN AAAA 5678:abcd::2",
        ],
    ),
    // Endpoints.
    (
        "172-0-0-2.hdls1.testns.svc.cluster.local. A",
        &["172-0-0-2.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.2"],
    ),
    (
        "172-0-0-3.hdls1.testns.svc.cluster.local. A",
        &["172-0-0-3.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.3"],
    ),
    (
        "dup-name.hdls1.testns.svc.cluster.local. A",
        &[
            "dup-name.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.4",
            "dup-name.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.5",
        ],
    ),
    (
        "5678-abcd--1.hdls1.testns.svc.cluster.local. AAAA",
        &["5678-abcd--1.hdls1.testns.svc.cluster.local. 5 IN AAAA 5678:abcd::1"],
    ),
    (
        "5678-abcd--2.hdls1.testns.svc.cluster.local. AAAA",
        &["5678-abcd--2.hdls1.testns.svc.cluster.local. 5 IN AAAA 5678:abcd::2"],
    ),
    (
        "172-0-0-20.hdlsprtls.testns.svc.cluster.local. A",
        &["172-0-0-20.hdlsprtls.testns.svc.cluster.local. 5 IN A 172.0.0.20"],
    ),
    // Services that are called differently elsewhere.
    (
        "external.testns.svc.cluster.local. CNAME",
        &["external.testns.svc.cluster.local. 5 IN CNAME ext.interwebs.test."],
    ),
    (
        "external-to-service.testns.svc.cluster.local. A",
        &[
            "external-to-service.testns.svc.cluster.local. 5 IN CNAME svc1.testns.svc.cluster.local.",
            "svc1.testns.svc.cluster.local. 5 IN A 10.0.0.1",
        ],
    ),
    ("endpoint.external.testns.svc.cluster.local. CNAME", NXDOMAIN),
    (
        "subdomain.subdomain.external.testns.svc.cluster.local. CNAME",
        NXDOMAIN,
    ),
    // Names that are there, with nothing of that type.
    ("svc1.testns.svc.cluster.local. AAAA", NODATA),
    ("svc1.testns.svc.cluster.local. TXT", NODATA),
    ("svc1.testns.svc.cluster.local. SOA", NODATA),
    ("svc.cluster.local. A", NODATA),
    ("pod.cluster.local. A", NODATA),
    ("testns.svc.cluster.local. A", NODATA),
    ("svc.cluster.local. NS", NODATA),
    ("testns.svc.cluster.local. NS", NODATA),
    // Names that aren't there.
    ("svc0.testns.svc.cluster.local. A", NXDOMAIN),
    ("svc0.testns.svc.cluster.local. AAAA", NXDOMAIN),
    ("svc0.svc-nons.svc.cluster.local. A", NXDOMAIN),
    ("svc0.svc-nons.svc.cluster.local. TXT", NXDOMAIN),
    ("svc1.nsnoexist.svc.cluster.local. A", NXDOMAIN),
    ("bogusendpoint.hdls1.testns.svc.cluster.local. A", NXDOMAIN),
    ("bogusendpoint.svc0.testns.svc.cluster.local. A", NXDOMAIN),
    ("foo.cluster.local. NS", NXDOMAIN),
    ("foo.svc.cluster.local. NS", NXDOMAIN),
    // The zone itself.
    (
        "dns-version.cluster.local. TXT",
        &["dns-version.cluster.local. 28800 IN TXT 1.1.0"],
    ),
    (
        "cluster.local. NS",
        &[
            "cluster.local. 5 IN NS kube-dns.kube-system.svc.cluster.local.",
            "+ kube-dns.kube-system.svc.cluster.local. 5 IN A 10.0.0.10",
        ],
    ),
    ("cluster.local. A", NODATA),
    ("cluster.local. AAAA", NODATA),
    ("cluster.local. SRV", NODATA),
    ("cluster.local. HINFO", NODATA),
    // The letters of the question are kept.
    ("not-a-service.testns.svc.ClUsTeR.lOcAl. A", NXDOMAIN),
    (
        "SvC1.TeStNs.SvC.cLuStEr.LoCaL. A",
        &["SvC1.TeStNs.SvC.cLuStEr.LoCaL. 5 IN A 10.0.0.1"],
    ),
    (
        "_HtTp._TcP.sVc1.TeStNs.SvC.cLuStEr.LoCaL. SRV",
        &[
            "_HtTp._TcP.sVc1.TeStNs.SvC.cLuStEr.LoCaL. 5 IN SRV 0 100 80 svc1.testns.svc.cLuStEr.LoCaL.",
            "+ svc1.testns.svc.cLuStEr.LoCaL. 5 IN A 10.0.0.1",
        ],
    ),
    // Pods.
    (
        "10-240-0-1.podns.pod.cluster.local. A",
        &["10-240-0-1.podns.pod.cluster.local. 5 IN A 10.240.0.1"],
    ),
    (
        "172-0-0-2.podns.pod.cluster.local. A",
        &["172-0-0-2.podns.pod.cluster.local. 5 IN A 172.0.0.2"],
    ),
    ("blah.podns.pod.cluster.local. A", NXDOMAIN),
    ("blah.podns.pod.cluster.local. AAAA", NXDOMAIN),
    ("blah.podns.pod.cluster.local. HINFO", NXDOMAIN),
    ("blah.pod-nons.pod.cluster.local. A", NXDOMAIN),
    ("podns.pod.cluster.local. A", NODATA),
];
