//! `podlab check`: the steps of a Scenario in a live cluster.

use std::fs;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use podlab_tests::live::{Place, file};
use podlab_tests::{Running, User, err, out, printed};
use serde_json::Value;

/// What the steps are about.
const MANIFESTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: echo, image: podlab/echo}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: main, image: podlab/pause}]}
";

/// A scenario without the objects that it is about.
fn scenario(steps: &str) -> String {
    format!(
        "apiVersion: podlab.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: live}}\nspec:\n  steps:{steps}"
    )
}

const ANSWERS: &str = "
  - name: The service answers
    from: pod/client
    http: {to: service/shop/web}
    times: 20
    expect: {status: 200, answeredBy: [deployment/shop/web]}
";

fn check(place: &Place, arguments: &[&str], input: &str) -> Output {
    let mut command = place.command(&[&["check", "-"], arguments].concat());
    command.stdin(file(input)).output().expect("podlab runs")
}

#[test]
fn steps_are_taken_among_the_objects_that_are_there() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", MANIFESTS);
        let passed = check(&place, &[], &scenario(ANSWERS));
        assert_eq!(passed.status.code(), Some(0), "{}", printed(&passed));
        let report = out(&passed);
        for part in [
            "live\n",
            "shop        web-",
            "✓ The service answers\n",
            "all 1 steps passed in",
        ] {
            assert!(report.contains(part), "{part:?}\n{report}");
        }

        let wrong = scenario(&ANSWERS.replace("200", "404"));
        let folder = place.path().join("reports");
        let arguments = ["-o", "json", "--report-dir", folder.to_str().expect("a path")];
        let failed = check(&place, &arguments, &wrong);
        assert_eq!(failed.status.code(), Some(1), "{}", printed(&failed));
        let report: Value = serde_json::from_str(&out(&failed)).expect("JSON");
        assert_eq!(
            (&report["passed"], &report["scenario"]),
            (&false.into(), &"live".into())
        );
        assert!(
            report["logs"].as_array().is_some_and(|logs| !logs.is_empty()),
            "{report:#}"
        );
        let files = fs::read_dir(&folder).expect("the folder");
        let mut files: Vec<_> = files.map(|file| file.expect("a file").file_name()).collect();
        files.sort();
        assert_eq!(files, ["live.json", "live.txt", "live.xml"]);
    }
}

#[test]
fn what_steps_change_stays() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", MANIFESTS);
        let steps = "
  - name: There is one more pod
    namespace: shop
    scale: {deployment: web, replicas: 3}
  - name: And a settings object
    apply:
    - {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: b}}
  - name: It is there
    get: configmap/settings
    expect: {fields: {data.a: b}}
";
        let passed = check(&place, &[], &format!("{MANIFESTS}---\n{}", scenario(steps)));
        assert_eq!(passed.status.code(), Some(0), "{}", printed(&passed));
        let (_, pods) = place.run(&["get", "pods", "-n", "shop", "-o", "name"]);
        assert_eq!(out(&pods).lines().count(), 3);
        let (_, settings) = place.run(&["get", "cm", "settings", "-o", "name"]);
        assert_eq!(out(&settings), "configmap/settings\n");
    }
}

#[test]
fn wrong_input_is_told_with_its_place_and_no_step_is_taken() {
    let place = Place::new(User::all()[0]);
    place.up("default", MANIFESTS);
    let elsewhere = ANSWERS.replace("service/shop/web", "service/web");
    let misspelt = ANSWERS.replace("http: {to:", "htpp: {to:");
    let absent = "apiVersion: v1\nkind: Pod\nmetadata: {name: absent}\nspec: {containers: [{name: main, image: podlab/pause}]}\n";
    for (input, expected) in [
        (
            scenario(&elsewhere),
            "\
<stdin>:8:16: error: Scenario \"live\": spec.steps[0].http.to: services \"web\" not found
  |
8 |     http: {to: service/web}
  |                ^^^^^^^^^^^
  |
  = help: there is one in namespace \"shop\": write service/shop/web
",
        ),
        (
            scenario(&misspelt),
            "\
<stdin>:8:5: error: Scenario \"live\": unknown field \"spec.steps[0].htpp\"; did you mean \"http\"?
  |
8 |     htpp: {to: service/shop/web}
  |     ^^^^
",
        ),
        (
            format!("{absent}---\n{}", scenario(ANSWERS)),
            "\
<stdin>:3:18: error: Pod \"absent\": pods \"absent\" not found
  |
3 | metadata: {name: absent}
  |                  ^^^^^^
  |
  = help: put it there first: podlab apply -f -
",
        ),
        (
            MANIFESTS.to_owned(),
            "\
<stdin>:1:1: error: no Scenario found
  |
1 |
  | ^
",
        ),
    ] {
        let refused = check(&place, &[], &input);
        assert_eq!(
            (refused.status.code(), &*err(&refused)),
            (Some(2), expected),
            "{}",
            printed(&refused)
        );
        assert_eq!(out(&refused), "");
    }
}

#[test]
fn one_check_waits_for_another_and_ends_with_its_command() {
    let place = Place::new(User::all()[0]);
    place.up("default", MANIFESTS);
    let never = scenario(
        "
  - name: It never has this phase
    get: pod/client
    eventually: 60s
    expect: {fields: {status.phase: Sleeping}}
",
    );
    let mut command = place.command(&["check", "-"]);
    let first = command.stdin(file(&never)).stdout(Stdio::null()).spawn();
    let mut first = Running(first.expect("podlab runs"));
    // It is taking its step when the other is asked for.
    std::thread::sleep(Duration::from_millis(500));
    let mut command = place.command(&["check", "-"]);
    command.stdin(file(&scenario(ANSWERS))).stdout(Stdio::piped());
    let mut second = Running(command.spawn().expect("podlab runs"));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(second.0.try_wait().expect("podlab runs"), None);
    let start = Instant::now();
    first.0.kill().expect("it is killed");
    assert_eq!(second.0.wait().expect("podlab ends").code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_check_without_a_cluster_says_nothing_about_steps() {
    let place = Place::new(User::all()[0]);
    let refused = check(&place, &[], &scenario(ANSWERS));
    let expected = "error: clusters \"default\" not found\nNo cluster is up: `podlab up` starts one.\n";
    assert_eq!((refused.status.code(), &*err(&refused)), (Some(3), expected));
}
