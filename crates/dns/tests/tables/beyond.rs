//! What CoreDNS's code does where its tests say nothing, asked of the cluster of `services`.

use super::{NODATA, NXDOMAIN, Row};

pub(super) const ROWS: &[Row] = &[
    // Ports: with underscores or not, all of them, and those of no name or number.
    (
        "http.tcp.svc1.testns.svc.cluster.local. SRV",
        &[
            "http.tcp.svc1.testns.svc.cluster.local. 5 IN SRV 0 100 80 svc1.testns.svc.cluster.local.",
            "+ svc1.testns.svc.cluster.local. 5 IN A 10.0.0.1",
        ],
    ),
    (
        "_http._tcp.svc1.testns.svc.cluster.local. A",
        &["_http._tcp.svc1.testns.svc.cluster.local. 5 IN A 10.0.0.1"],
    ),
    ("_https._tcp.svc1.testns.svc.cluster.local. SRV", NXDOMAIN),
    ("_http._udp.svc1.testns.svc.cluster.local. SRV", NXDOMAIN),
    ("_tcp.svc1.testns.svc.cluster.local. SRV", NXDOMAIN),
    ("_a._http._tcp.svc1.testns.svc.cluster.local. SRV", NXDOMAIN),
    (
        "two-ports.testns.svc.cluster.local. SRV",
        &[
            "two-ports.testns.svc.cluster.local. 5 IN SRV 0 50 80 two-ports.testns.svc.cluster.local.",
            "two-ports.testns.svc.cluster.local. 5 IN SRV 0 50 53 two-ports.testns.svc.cluster.local.",
            "+ two-ports.testns.svc.cluster.local. 5 IN A 10.0.0.4",
        ],
    ),
    (
        "_dns._udp.two-ports.testns.svc.cluster.local. SRV",
        &[
            "_dns._udp.two-ports.testns.svc.cluster.local. 5 IN SRV 0 100 53 two-ports.testns.svc.cluster.local.",
            "+ two-ports.testns.svc.cluster.local. 5 IN A 10.0.0.4",
        ],
    ),
    (
        "_._udp.two-ports.testns.svc.cluster.local. SRV",
        &[
            "_._udp.two-ports.testns.svc.cluster.local. 5 IN SRV 0 100 53 two-ports.testns.svc.cluster.local.",
            "+ two-ports.testns.svc.cluster.local. 5 IN A 10.0.0.4",
        ],
    ),
    (
        "unnamed.testns.svc.cluster.local. SRV",
        &[
            "unnamed.testns.svc.cluster.local. 5 IN SRV 0 100 8080 unnamed.testns.svc.cluster.local.",
            "+ unnamed.testns.svc.cluster.local. 5 IN A 10.0.0.5",
        ],
    ),
    ("hdlsprtls.testns.svc.cluster.local. SRV", NODATA),
    ("_http._tcp.hdlsprtls.testns.svc.cluster.local. SRV", NXDOMAIN),
    (
        "_http._tcp.mixed.testns.svc.cluster.local. SRV",
        &[
            "_http._tcp.mixed.testns.svc.cluster.local. 5 IN SRV 0 50 80 172-0-0-50.mixed.testns.svc.cluster.local.",
            "+ 172-0-0-50.mixed.testns.svc.cluster.local. 5 IN A 172.0.0.50",
        ],
    ),
    // Endpoints: of services with addresses too, only ready ones, and with a name that is a label.
    (
        "ep1a.svc1.testns.svc.cluster.local. A",
        &["ep1a.svc1.testns.svc.cluster.local. 5 IN A 172.0.0.1"],
    ),
    (
        "EP1A.svc1.testns.svc.cluster.local. A",
        &["EP1A.svc1.testns.svc.cluster.local. 5 IN A 172.0.0.1"],
    ),
    ("172-0-0-1.svc1.testns.svc.cluster.local. A", NXDOMAIN),
    ("172-0-0-2.hdls1.testns.svc.cluster.local. AAAA", NODATA),
    (
        "dup-name.hdls1.testns.svc.cluster.local. SRV",
        &[
            "dup-name.hdls1.testns.svc.cluster.local. 5 IN SRV 0 50 80 dup-name.hdls1.testns.svc.cluster.local.",
            "+ dup-name.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.4",
            "+ dup-name.hdls1.testns.svc.cluster.local. 5 IN A 172.0.0.5",
        ],
    ),
    ("unready.testns.svc.cluster.local. A", NXDOMAIN),
    ("172-0-0-40.unready.testns.svc.cluster.local. A", NXDOMAIN),
    ("40.0.0.172.in-addr.arpa. PTR", NXDOMAIN),
    (
        "fd00--0.zeros.testns.svc.cluster.local. AAAA",
        &["fd00--0.zeros.testns.svc.cluster.local. 5 IN AAAA fd00::"],
    ),
    // Services that aren't whole: no address yet, or no namespace any more.
    ("pending.testns.svc.cluster.local. A", NXDOMAIN),
    ("orphan.gone.svc.cluster.local. A", NXDOMAIN),
    ("gone.svc.cluster.local. A", NXDOMAIN),
    (
        "6.0.0.10.in-addr.arpa. PTR",
        &["6.0.0.10.in-addr.arpa. 5 IN PTR orphan.gone.svc.cluster.local."],
    ),
    // Other names: they lead somewhere, or are nothing.
    (
        "external.testns.svc.cluster.local. A",
        &["external.testns.svc.cluster.local. 5 IN CNAME ext.interwebs.test."],
    ),
    ("external.testns.svc.cluster.local. TXT", NODATA),
    ("external.testns.svc.cluster.local. SRV", NODATA),
    ("external.testns.svc.cluster.local. MX", NODATA),
    ("_http._tcp.external.testns.svc.cluster.local. SRV", NXDOMAIN),
    ("external-to-service.testns.svc.cluster.local. AAAA", NODATA),
    (
        "alias-of-alias.testns.svc.cluster.local. A",
        &[
            "alias-of-alias.testns.svc.cluster.local. 5 IN CNAME external-to-service.testns.svc.cluster.local.",
            "external-to-service.testns.svc.cluster.local. 5 IN CNAME svc1.testns.svc.cluster.local.",
            "svc1.testns.svc.cluster.local. 5 IN A 10.0.0.1",
        ],
    ),
    (
        "alias-of-alias.testns.svc.cluster.local. CNAME",
        &[
            "alias-of-alias.testns.svc.cluster.local. 5 IN CNAME external-to-service.testns.svc.cluster.local.",
        ],
    ),
    (
        "alias-of-external.testns.svc.cluster.local. A",
        &[
            "alias-of-external.testns.svc.cluster.local. 5 IN CNAME external.testns.svc.cluster.local.",
            "external.testns.svc.cluster.local. 5 IN CNAME ext.interwebs.test.",
        ],
    ),
    (
        "alias-of-server.testns.svc.cluster.local. A",
        &[
            "alias-of-server.testns.svc.cluster.local. 5 IN CNAME ns.dns.cluster.local.",
            "ns.dns.cluster.local. 5 IN A 10.0.0.10",
        ],
    ),
    (
        "alias-of-pod.testns.svc.cluster.local. A",
        &[
            "alias-of-pod.testns.svc.cluster.local. 5 IN CNAME 10-240-0-1.podns.pod.cluster.local.",
            "10-240-0-1.podns.pod.cluster.local. 5 IN A 10.240.0.1",
        ],
    ),
    ("alias-of-nothing.testns.svc.cluster.local. A", NODATA),
    ("number.testns.svc.cluster.local. CNAME", NXDOMAIN),
    ("itself.testns.svc.cluster.local. A", NODATA),
    ("below-itself.testns.svc.cluster.local. A", NODATA),
    ("ring-a.testns.svc.cluster.local. A", NODATA),
    (
        "ring-a.testns.svc.cluster.local. CNAME",
        &["ring-a.testns.svc.cluster.local. 5 IN CNAME ring-b.testns.svc.cluster.local."],
    ),
    // Types that nothing here has: whether the name is there decides.
    ("svc1.testns.svc.cluster.local. CNAME", NODATA),
    ("svc1.testns.svc.cluster.local. MX", NODATA),
    ("svc1.testns.svc.cluster.local. NS", NODATA),
    ("svc1.testns.svc.cluster.local. ANY", NODATA),
    ("svc1.testns.svc.cluster.local. HTTPS", NODATA),
    ("svc0.testns.svc.cluster.local. CNAME", NXDOMAIN),
    ("svc0.testns.svc.cluster.local. MX", NXDOMAIN),
    ("svc0.testns.svc.cluster.local. HTTPS", NXDOMAIN),
    ("dns-version.cluster.local. A", NXDOMAIN),
    // Against RFC 8020, which CoreDNS doesn't follow here.
    ("svc0.testns.svc.cluster.local. SOA", NODATA),
    ("cluster.local. TXT", NXDOMAIN),
    ("svc.cluster.local. TXT", NXDOMAIN),
    ("testns.svc.cluster.local. TXT", NXDOMAIN),
    // The name server.
    (
        "ns.dns.cluster.local. A",
        &["ns.dns.cluster.local. 5 IN A 10.0.0.10"],
    ),
    ("ns.dns.cluster.local. AAAA", NODATA),
    ("ns.dns.cluster.local. SRV", NODATA),
    ("dns.cluster.local. A", NXDOMAIN),
    // Pods, whether they are there or not.
    (
        "fd00--5.podns.pod.cluster.local. AAAA",
        &["fd00--5.podns.pod.cluster.local. 5 IN AAAA fd00::5"],
    ),
    ("fd00--5.podns.pod.cluster.local. A", NODATA),
    ("10-240-0-1.podns.pod.cluster.local. TXT", NODATA),
    ("10-240-0.podns.pod.cluster.local. A", NXDOMAIN),
    ("10-240-0-01.podns.pod.cluster.local. A", NXDOMAIN),
    (
        "10-240-0-1.podns.pod.cluster.local. SRV",
        &[
            "10-240-0-1.podns.pod.cluster.local. 5 IN SRV 0 100 0 10-240-0-1.podns.pod.cluster.local.",
            "+ 10-240-0-1.podns.pod.cluster.local. 5 IN A 10.240.0.1",
        ],
    ),
    (
        "a.10-240-0-1.podns.pod.cluster.local. A",
        &["a.10-240-0-1.podns.pod.cluster.local. 5 IN A 10.240.0.1"],
    ),
    ("a.b.c.10-240-0-1.podns.pod.cluster.local. A", NXDOMAIN),
    // Not what they look like.
    ("*.cluster.local. SOA", NODATA),
    ("*.cluster.local. A", NXDOMAIN),
    ("*.testns.svc.cluster.local. A", NXDOMAIN),
    // The sign of Kelvin is a `k` in small letters, but not to DNS.
    ("\u{212a}ube-dns.kube-system.svc.cluster.local. A", NXDOMAIN),
];
