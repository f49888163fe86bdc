//! `podlab run`: every scenario, by every user, and what goes wrong.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use podlab_tests::{User, binary, podlab, printed, workspace};
use serde_json::Value;

/// `podlab run ARGUMENTS… -` with a file on standard input, which those may read who may not open it.
fn run(user: User, file: &Path, arguments: &[&str]) -> Command {
    let mut command = podlab(user);
    command
        .arg("run")
        .args(arguments)
        .arg("-")
        .stdin(File::open(file).expect("the file is there"));
    command
}

fn with_text(user: User, text: &str, arguments: &[&str]) -> Output {
    let mut file = tempfile::tempfile().expect("a temporary file");
    std::io::Write::write_all(&mut file, text.as_bytes()).expect("the file is written");
    std::io::Seek::rewind(&mut file).expect("the file is rewound");
    let mut command = podlab(user);
    command.arg("run").args(arguments).arg("-").stdin(file);
    command.output().expect("podlab runs")
}

fn scenario(name: &str) {
    let file = workspace().join("scenarios").join(name).with_extension("yaml");
    for user in User::all() {
        let output = run(*user, &file, &["--output", "json", "--logs"])
            .output()
            .expect("podlab runs");
        assert_eq!(output.status.code(), Some(0), "{user:?}\n{}", printed(&output));
        assert!(output.stderr.is_empty(), "{user:?}\n{}", printed(&output));
        let report: Value = serde_json::from_slice(&output.stdout).expect("the report is JSON");
        if let Some(reason) = report["skipped"].as_str() {
            eprintln!("{name} as {user:?}: skipped: {reason}");
            continue;
        }
        let steps = report["steps"].as_array().expect("steps");
        assert!(!steps.is_empty() && steps.iter().all(|step| step["passed"] == true));
    }
}

#[test]
fn three_tier() {
    scenario("three-tier");
}

#[test]
fn three_tier_postgres() {
    scenario("three-tier-postgres");
}

#[test]
fn my_service() {
    scenario("my-service");
}

#[test]
fn internal_database() {
    scenario("internal-database");
}

#[test]
fn microservices() {
    scenario("microservices");
}

#[test]
fn endpoints() {
    scenario("endpoints");
}

#[test]
fn load_balancing() {
    scenario("load-balancing");
}

#[test]
fn names() {
    scenario("names");
}

#[test]
fn every_scenario_has_its_test() {
    let entries = workspace().join("scenarios").read_dir().expect("scenarios");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    let tested = [
        "endpoints",
        "internal-database",
        "load-balancing",
        "microservices",
        "my-service",
        "names",
        "three-tier-postgres",
        "three-tier",
    ];
    assert_eq!(names, tested.map(|name| format!("{name}.yaml")));
}

/// `podlab run -` on a machine where every `nft` is hidden.
fn without_nft(file: &Path) -> Output {
    let hide = "for folder in $(echo \"$PATH:/usr/sbin:/sbin\" | tr : ' '); do \
        [ ! -e $folder/nft ] || mount --bind /dev/null $folder/nft; done; exec \"$0\" run -";
    Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", hide])
        .arg(binary())
        .stdin(File::open(file).expect("the file is there"))
        .output()
        .expect("unshare runs")
}

#[test]
fn without_nft_the_machine_can_t() {
    let output = without_nft(&workspace().join("scenarios/my-service.yaml"));
    assert_eq!(output.status.code(), Some(3), "{}", printed(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("nft isn't installed") && said.contains("apt-get install nftables"),
        "{said}"
    );
}

/// Nothing is built before `nft` is looked for, and a run that comes so far ends with 3.
#[test]
fn bad_input_builds_nothing() {
    let folder = workspace().join("tests/bad-input");
    let mut count = 0;
    for entry in folder.read_dir().expect("bad inputs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let output = without_nft(&path);
            assert_eq!(
                output.status.code(),
                Some(2),
                "{}\n{}",
                path.display(),
                printed(&output)
            );
            assert!(
                output.stdout.is_empty(),
                "{}\n{}",
                path.display(),
                printed(&output)
            );
            count += 1;
        }
    }
    assert!(count >= 25, "{count}");
}

const ONE_POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: web
    image: podlab/echo
    readinessProbe: {httpGet: {path: /healthz, port: 8080}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
";

#[test]
fn a_failed_step_says_what_was_expected_and_seen_and_shows_logs() {
    let steps = "
apiVersion: podlab.dev/v1alpha1
kind: Scenario
metadata: {name: failing}
spec:
  steps:
  - name: The web server is a teapot
    from: node
    http: {to: service/web}
    expect: {status: 418}
  - name: The steps after it are taken
    from: node
    http: {to: service/web}
";
    for user in User::all() {
        let output = with_text(*user, &format!("{ONE_POD}{steps}"), &[]);
        assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
        let text = String::from_utf8_lossy(&output.stdout);
        for part in [
            "✗ The web server is a teapot\n    expected  status 418\n    seen      200 from default/web (10.244.0.",
            "✓ The steps after it are taken",
            "logs of default/web",
            "1 of 2 steps failed",
        ] {
            assert!(text.contains(part), "{part}\n{}", printed(&output));
        }
        assert!(!text.contains('\u{1b}'), "colours without a terminal");
    }
}

#[test]
fn a_pod_that_never_gets_ready_is_told_with_its_reason() {
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: broken}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: podlab/echo
    command: [sh, -c, 'echo it is too dark in here; sleep 0.2; exit 3']
    readinessProbe: {tcpSocket: {port: 1}}
";
    let output = with_text(User::all()[0], pod, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "✗ Every pod becomes ready",
        "pod/broken: Error",
        "main: it is too dark in here",
    ] {
        assert!(text.contains(part), "{part}\n{}", printed(&output));
    }
}

#[test]
fn a_pod_that_can_never_start_is_not_waited_for() {
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: unfit}
spec:
  containers:
  - name: main
    image: podlab/echo
    volumeMounts: [{name: settings, mountPath: /etc/settings}]
  volumes:
  - name: settings
    nfs: {server: files, path: /settings}
";
    // Building it doesn't count.
    binary();
    let start = Instant::now();
    let output = with_text(User::all()[0], pod, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let why = "pod/unfit: CreateContainerError: volume \"settings\": podlab has emptyDir, ";
    assert!(text.contains(why), "{}", printed(&output));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn reports_are_written_in_all_forms() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = workspace().join("scenarios/my-service.yaml");
    let folder_name = folder.path().to_str().expect("a name");
    let output = run(
        User::all()[0],
        &scenario,
        &["--report-dir", folder_name, "-o", "junit"],
    )
    .output()
    .expect("podlab runs");
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let file = |extension: &str| {
        let path = folder.path().join(format!("my-service.{extension}"));
        std::fs::read_to_string(path).expect("a report")
    };
    assert!(file("txt").contains("all 7 steps passed"));
    let json: Value = serde_json::from_str(&file("json")).expect("JSON");
    assert_eq!(json["passed"], true);
    assert_eq!(json["services"][0]["name"], "my-service");
    assert_eq!(file("xml").trim(), String::from_utf8_lossy(&output.stdout).trim());
    assert!(file("xml").contains("<testsuite name=\"my-service\" tests=\"7\""));
}

#[test]
fn an_image_that_nobody_can_run_is_told_with_the_ways_out() {
    let text = ONE_POD.replace("podlab/echo", "registry.example/shop:1.2");
    let output = with_text(User::all()[0], &text, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("<stdin>:8:12"), "{text}");
    assert!(text.contains("spec.containers[0].image"), "{text}");
    assert!(text.contains("`command`"), "{text}");
}

#[test]
fn addresses_that_can_t_be_had_are_told_before_anything_is_built() {
    let service = |name: &str, address: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  clusterIP: {address}\n  ports:\n  - port: 80\n---\n"
        )
    };
    let cases = [
        ("10.96.0.7", "10.96.0.7", "provided IP is already allocated"),
        (
            "10.96.0.7",
            "192.0.2.1",
            "the provided network does not match the current range",
        ),
    ];
    for (first, second, message) in cases {
        let text = service("one", first) + &service("two", second);
        let output = with_text(User::all()[0], &text, &[]);
        assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(message), "{message}\n{said}");
        assert!(said.contains("<stdin>:15:14"), "{said}");
    }
}
