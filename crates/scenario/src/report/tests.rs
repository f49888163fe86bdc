use super::*;

/// A run of which a step failed, with what needs care in one of the forms: markup, an empty answer, many endpoints.
fn report() -> Report {
    let pod = |name: &str, status: &str, ip: &str| PodRow {
        namespace: "default".into(),
        name: name.into(),
        ready: "1/1".into(),
        status: status.into(),
        restarts: 0,
        ip: ip.into(),
        node: "node-1".into(),
    };
    let step = |name: &str, expected: Option<&str>, seen: &str| StepReport {
        name: name.into(),
        passed: expected.is_none(),
        expected: expected.map(str::to_owned),
        seen: seen.into(),
        seconds: 0.0125,
        pods: vec!["default/web-1".into()],
    };
    let mut report = Report {
        scenario: "lesson".into(),
        description: Some("What a Service is.\n".into()),
        pods: vec![
            pod("web-1", "Running", "10.244.0.2"),
            pod("web-22", "CrashLoopBackOff", "10.244.0.13"),
        ],
        services: vec![ServiceRow {
            namespace: "default".into(),
            name: "web".into(),
            type_: "ClusterIP".into(),
            cluster_ip: "10.96.12.34".into(),
            ports: "80/TCP,53/UDP".into(),
            endpoints: "10.244.0.2:80,10.244.0.3:80,10.244.0.4:80,10.244.0.5:80,10.244.0.6:80".into(),
        }],
        steps: vec![
            step("The page is there", None, "200 from default/web-1 in 0.9 ms"),
            step(
                "It shows <b>bold</b> & more",
                Some("an answer with \"<b>\" in it"),
                "200 from default/web-1 in 0.9 ms: <i>]]>\n</i>",
            ),
            step("Nothing is said about this", None, ""),
        ],
        logs: vec![PodLog {
            pod: "default/web-1".into(),
            lines: vec!["web: GET / \u{1b}[31mred\u{1b}[0m".into(), "web: <done>".into()],
        }],
        ..Report::default()
    };
    for (phase, milliseconds) in [("read", 3), ("network", 30), ("pods", 40), ("steps", 1_200)] {
        report.phase(phase, Duration::from_millis(milliseconds));
    }
    report
}

fn skipped() -> Report {
    Report {
        scenario: "lesson".into(),
        skipped: Some("postgres isn't installed".into()),
        ..Report::default()
    }
}

#[test]
fn for_people() {
    let visible = |report: &Report| report.to_text().replace('\u{1b}', "␛");
    insta::assert_snapshot!("text", visible(&report()));
    insta::assert_snapshot!("text-skipped", visible(&skipped()));
}

#[test]
fn for_programs() {
    insta::assert_snapshot!("json", report().to_json().unwrap());
    insta::assert_snapshot!("json-skipped", skipped().to_json().unwrap());
}

#[test]
fn for_ci() {
    insta::assert_snapshot!("junit", report().to_junit().unwrap());
    insta::assert_snapshot!("junit-skipped", skipped().to_junit().unwrap());
}

#[test]
fn a_report_passes_when_no_step_failed() {
    assert!(!report().passed());
    assert!(skipped().passed());
}
