use super::*;
use crate::traffic::Ends;
use podlab_api::scenario::Distribution;
use podlab_kernel::conntrack::Protocol;

const CLIENT: IpAddr = address(1);
const NODE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(172, 18, 0, 2));

const fn address(last: u8) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::new(10, 244, 0, last))
}

fn name(name: &str) -> NamespacedName {
    NamespacedName {
        namespace: "default".into(),
        name: name.into(),
    }
}

/// `web-1` at 10.244.0.11 to `web-3` at 10.244.0.13 could answer; `other` at 10.244.0.14 is somebody else.
fn facts() -> Facts {
    let web: Vec<NamespacedName> = ["web-1", "web-2", "web-3"].map(name).to_vec();
    let all = web.iter().cloned().chain([name("other")]);
    Facts {
        pods: Owners {
            of_address: (11..).map(address).zip(all).collect(),
            ..Owners::default()
        },
        nodes: vec![NODE],
        allowed: None,
        candidates: web,
        records: None,
    }
}

fn tried(seen: Seen) -> Try {
    let ends = matches!(seen, Seen::Answered { .. }).then_some(Ends {
        protocol: Protocol::Tcp,
        answerer: (address(11), 8080).into(),
        client: CLIENT,
    });
    Try {
        sender: Some(name("client")),
        address: CLIENT,
        seen,
        latency: Duration::from_millis(5),
        ends,
        name_server: None,
    }
}

fn http(status: u16, body: &str) -> Try {
    tried(Seen::Answered {
        status: Some(status),
        body: body.into(),
    })
}

fn bytes(body: &str) -> Try {
    tried(Seen::Answered {
        status: None,
        body: body.into(),
    })
}

fn exited(code: i32, stdout: &str, stderr: &str) -> Try {
    tried(Seen::Exited {
        code,
        stdout: stdout.into(),
        stderr: stderr.into(),
    })
}

fn from(answerer: u8, client: IpAddr) -> Try {
    let ends = Some(Ends {
        protocol: Protocol::Tcp,
        answerer: (address(answerer), 8080).into(),
        client,
    });
    Try {
        ends,
        ..http(200, "")
    }
}

fn expect() -> Expect {
    Expect::default()
}

fn outcome(outcome: Outcome) -> Expect {
    Expect { outcome, ..expect() }
}

fn json(pointer: &str, value: Value) -> Expect {
    Expect {
        json: vec![(pointer.into(), value)],
        ..expect()
    }
}

fn source(address: SourceAddress) -> Expect {
    Expect {
        source_address: Some(address),
        ..expect()
    }
}

#[test]
fn a_try_is_as_expected_or_it_is_said_what_was() {
    let status = |status| Expect {
        status: Some(status),
        ..expect()
    };
    let contains = |text: &str| Expect {
        contains: vec![text.into()],
        ..expect()
    };
    let lacks = |text: &str| Expect {
        lacks: vec![text.into()],
        ..expect()
    };
    let exit_code = |exit_code| Expect {
        exit_code,
        ..expect()
    };
    let faster = |milliseconds| Expect {
        latency_below: Some(Duration::from_millis(milliseconds)),
        ..expect()
    };
    let list = r#"{"items": [{"name": "cards"}], "total": 1}"#;
    let cases: Vec<(Expect, Try, Option<&str>)> = vec![
        (expect(), http(200, ""), None),
        (expect(), http(302, ""), None),
        (expect(), http(404, ""), Some("a status below 400")),
        (status(404), http(404, ""), None),
        (status(404), http(200, ""), Some("status 404")),
        (expect(), bytes(""), None),
        (expect(), tried(Seen::Refused), Some("an answer")),
        (expect(), tried(Seen::TimedOut), Some("an answer")),
        (outcome(Outcome::Refused), tried(Seen::Refused), None),
        (outcome(Outcome::TimedOut), tried(Seen::TimedOut), None),
        (outcome(Outcome::Unreachable), tried(Seen::Unreachable), None),
        (
            outcome(Outcome::Refused),
            tried(Seen::TimedOut),
            Some("connection refused"),
        ),
        (
            outcome(Outcome::Refused),
            tried(Seen::Unreachable),
            Some("connection refused"),
        ),
        (outcome(Outcome::TimedOut), http(200, ""), Some("timed out")),
        // What breaks off is none of the outcomes.
        (
            outcome(Outcome::Refused),
            tried(Seen::Broken("connection reset by peer".into())),
            Some("connection refused"),
        ),
        (contains("ell"), http(200, "hello"), None),
        (
            contains("Ell"),
            http(200, "hello"),
            Some(r#"an answer with "Ell" in it"#),
        ),
        (contains("ell"), exited(0, "hello", ""), None),
        // Standard error is no answer.
        (
            contains("ell"),
            exited(0, "", "hello"),
            Some(r#"an answer with "ell" in it"#),
        ),
        (lacks("ell"), bytes("hallo"), None),
        (
            lacks("ell"),
            bytes("hello"),
            Some(r#"an answer without "ell" in it"#),
        ),
        (exit_code(0), exited(0, "", ""), None),
        (exit_code(0), exited(1, "", ""), Some("exit code 0")),
        (exit_code(3), exited(3, "", ""), None),
        (json("/items/0/name", "cards".into()), http(200, list), None),
        (json("/total", 1.into()), http(200, list), None),
        (json("/items/1", Value::Null), http(200, list), None),
        (json("/total", 2.into()), http(200, list), Some("2 at /total")),
        (
            json("/total", "1".into()),
            http(200, list),
            Some("\"1\" at /total"),
        ),
        (
            json("/total", 1.into()),
            http(200, "one"),
            Some("an answer that is JSON"),
        ),
        (faster(6), http(200, ""), None),
        (faster(5), http(200, ""), Some("in less than 5.0 ms")),
        (source(SourceAddress::Client), from(11, CLIENT), None),
        (
            source(SourceAddress::Client),
            from(11, NODE),
            Some("a source address that is the sender's own, 10.244.0.1"),
        ),
        (source(SourceAddress::Node), from(11, NODE), None),
        (
            source(SourceAddress::Node),
            from(11, CLIENT),
            Some("a source address that is one of the node's"),
        ),
        (source(SourceAddress::Address(NODE)), from(11, NODE), None),
        (
            source(SourceAddress::Address(NODE)),
            from(11, CLIENT),
            Some("a source address that is 172.18.0.2"),
        ),
    ];
    for (expect, one, expected) in cases {
        let verdict = judge(&expect, std::slice::from_ref(&one), &facts());
        assert_eq!(
            verdict.expected.as_deref(),
            expected,
            "{expect:?}\n{one:?}\n{verdict:?}"
        );
    }
}

#[test]
fn an_answer_comes_from_one_of_those_that_may_answer() {
    let allowing = |pods: &[&str]| Facts {
        allowed: Some(pods.iter().map(|pod| name(pod)).collect()),
        ..facts()
    };
    let cases = [
        (allowing(&["web-1"]), 11, None),
        (allowing(&["web-1", "web-2"]), 12, None),
        (
            allowing(&["web-1", "web-2"]),
            14,
            Some("an answer of one of default/web-1, default/web-2"),
        ),
        (allowing(&["web-1"]), 99, Some("an answer of default/web-1")),
        (allowing(&[]), 11, Some("an answer of a pod that isn't there")),
    ];
    for (facts, answerer, expected) in cases {
        let verdict = judge(&expect(), &[from(answerer, CLIENT)], &facts);
        assert_eq!(verdict.expected.as_deref(), expected, "{facts:?}");
    }
}

#[test]
fn of_many_tries_each_must_be_as_expected() {
    let mut tries = vec![http(200, ""); 10];
    tries[3] = tried(Seen::TimedOut);
    tries[7] = tried(Seen::Refused);
    let verdict = judge(&expect(), &tries, &facts());
    assert_eq!(
        verdict.expected.as_deref(),
        Some("an answer, in each of 10 tries")
    );
    assert_eq!(
        verdict.seen,
        "2 of 10 tries are different; the first: timed out in 5.0 ms"
    );
    assert_eq!(verdict.pods, [name("client"), name("web-1")].into());
}

#[test]
fn what_was_seen_is_told_shortly_when_it_is_right_and_in_full_when_it_is_wrong() {
    let body = "x".repeat(400);
    let cases = [
        (
            expect(),
            http(200, "hi"),
            "200 from default/web-1 (10.244.0.11) in 5.0 ms",
        ),
        (
            source(SourceAddress::Client),
            http(200, "hi"),
            "200 from default/web-1 (10.244.0.11), which saw 10.244.0.1, in 5.0 ms",
        ),
        (
            outcome(Outcome::Refused),
            http(200, "hi"),
            "200 from default/web-1 (10.244.0.11), which saw 10.244.0.1, in 5.0 ms: hi",
        ),
        (expect(), exited(0, "", "err"), "exit code 0 in 5.0 ms"),
        (expect(), exited(0, "one\n", ""), "exit code 0 in 5.0 ms: one"),
        (
            expect(),
            exited(0, "one\ntwo\n", ""),
            "exit code 0 in 5.0 ms: one…",
        ),
        (
            expect(),
            exited(2, "out", "err"),
            "exit code 2 in 5.0 ms: out: err",
        ),
        (
            expect(),
            bytes(""),
            "connected from default/web-1 (10.244.0.11) in 5.0 ms",
        ),
        (
            expect(),
            bytes("a\nb"),
            "\"a\\nb\" from default/web-1 (10.244.0.11) in 5.0 ms",
        ),
        (expect(), tried(Seen::Unreachable), "no route there in 5.0 ms"),
        (
            outcome(Outcome::Refused),
            http(200, &body),
            &format!(
                "200 from default/web-1 (10.244.0.11), which saw 10.244.0.1, in 5.0 ms: {}…",
                &body[..300]
            ),
        ),
    ];
    for (expect, one, seen) in cases {
        assert_eq!(judge(&expect, &[one], &facts()).seen, seen);
    }
}

/// Answers of web-1, web-2 and web-3.
fn spread_over(counts: [usize; 3]) -> Vec<Try> {
    (11..)
        .zip(counts)
        .flat_map(|(answerer, count)| vec![from(answerer, CLIENT); count])
        .collect()
}

#[test]
fn a_spread_is_judged_by_the_chi_squared_test() {
    let uniform = Expect {
        distribution: Some(Distribution::Uniform),
        ..expect()
    };
    // With two degrees of freedom, p = exp(-χ² / 2): 0.001 at 13.816.
    let cases = [
        ([100, 100, 100], 0.0, 1.0, true),
        ([96, 103, 101], 0.26, (-0.13_f64).exp(), true),
        ([130, 85, 85], 13.5, (-6.75_f64).exp(), true),
        ([131, 85, 84], 14.42, (-7.21_f64).exp(), false),
        ([150, 150, 0], 150.0, (-75.0_f64).exp(), false),
        ([300, 0, 0], 600.0, (-300.0_f64).exp(), false),
    ];
    for (counts, chi_squared, p, even) in cases {
        let tries = spread_over(counts);
        let spread = Spread::new(&tries, &facts());
        assert!((spread.chi_squared() - chi_squared).abs() < 1e-9, "{counts:?}");
        assert!((spread.p() - p).abs() < 1e-9, "{counts:?}: {}", spread.p());
        assert_eq!(
            judge(&uniform, &tries, &facts()).expected.is_none(),
            even,
            "{counts:?}"
        );
    }
    let verdict = judge(&uniform, &spread_over([300, 0, 0]), &facts());
    assert_eq!(
        verdict.expected.as_deref(),
        Some("each of 3 pods as likely as any other: p > 0.001")
    );
    assert_eq!(
        verdict.seen,
        "300 × 200: web-1 300, web-2 0, web-3 0; χ² = 600.00, p < 0.001; the slowest in 5.0 ms"
    );
}

#[test]
fn turns_and_affinity_are_told_from_chance() {
    let cases = [
        ([100, 100, 100], true, false),
        ([101, 100, 100], true, false),
        ([101, 101, 100], true, false),
        ([102, 100, 100], false, false),
        ([1, 1, 0], true, false),
        ([0, 300, 0], false, true),
        ([1, 299, 0], false, false),
    ];
    for (counts, in_turn, single) in cases {
        let spread = Spread::new(&spread_over(counts), &facts());
        assert_eq!(
            spread.mismatch(Distribution::InTurn).is_none(),
            in_turn,
            "{counts:?}"
        );
        assert_eq!(
            spread.mismatch(Distribution::Single).is_none(),
            single,
            "{counts:?}"
        );
    }
}

/// With a single pod there is nothing to spread over.
#[test]
fn one_pod_is_an_even_spread() {
    let facts = Facts {
        candidates: vec![name("web-1")],
        ..facts()
    };
    let spread = Spread::new(&spread_over([20, 0, 0]), &facts);
    for distribution in [Distribution::Uniform, Distribution::InTurn, Distribution::Single] {
        assert_eq!(spread.mismatch(distribution), None);
    }
}

#[test]
fn an_uneven_spread_is_drawn_again_only_when_nothing_else_is_wrong() {
    let uneven = |other: Option<Try>| {
        let tries = vec![from(11, CLIENT); 30].into_iter();
        tries.chain(other).collect::<Vec<_>>()
    };
    let uniform = Expect {
        distribution: Some(Distribution::Uniform),
        ..expect()
    };
    assert!(is_only_uneven(&uniform, &uneven(None), &facts()));
    assert!(!is_only_uneven(&uniform, &uneven(Some(http(500, ""))), &facts()));
    assert!(!is_only_uneven(&expect(), &uneven(None), &facts()));
    let even: Vec<Try> = [11, 12, 13]
        .repeat(10)
        .into_iter()
        .map(|last| from(last, CLIENT))
        .collect();
    assert!(!is_only_uneven(&uniform, &even, &facts()));
}
