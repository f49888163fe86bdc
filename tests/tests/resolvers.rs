//! Names in a pod, as programs find them that nobody wrote for podlab: by glibc's resolver, by musl's, and by their own.

use std::path::Path;
use std::process::Command;

use podlab_kernel::nft::find_program;
use podlab_tests::{User, podlab, printed, workspace};
use tempfile::TempDir;

const CLUSTER: &str = "apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.20, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - {name: web, image: podlab/echo, readinessProbe: {httpGet: {path: /healthz, port: 8080}}}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers:
  - {name: client, image: podlab/pause, volumeMounts: [{name: programs, mountPath: /programs, readOnly: true}]}
  volumes:
  - {name: programs, hostPath: {path: FOLDER}}
---
apiVersion: podlab.dev/v1alpha1
kind: Scenario
metadata: {name: resolvers}
spec:
  steps:
";

fn cluster(folder: &Path) -> String {
    CLUSTER.replace("FOLDER", folder.to_str().expect("a path of text"))
}

/// Runs a command in a pod that has a folder of this machine at `/programs`, and looks for texts in what it prints.
fn run(folder: &Path, name: &str, command: &[&str], contains: &str, exit_code: i32) {
    let step = format!(
        "  - {{name: {name}, from: pod/client, timeout: 10s, exec: {command:?}, expect: {{contains: [{contains:?}], exitCode: {exit_code}}}}}\n"
    );
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(&file, cluster(folder) + &step).expect("the file is written");
    let mut run = podlab(User::all()[0]);
    let output = run.arg("run").arg(file.path()).output().expect("podlab runs");
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

/// Whether this machine has a program. CI has all of them.
fn has(program: &str) -> bool {
    let has = find_program(program).is_some();
    assert!(
        has || std::env::var_os("CI").is_none(),
        "{program} isn't installed"
    );
    if !has {
        eprintln!("passed over: this machine has no {program}");
    }
    has
}

/// A folder with the program of tests/resolvers, linked with the C library that `compiler` stands for.
fn lookup(compiler: &str, flags: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = workspace().join("tests/resolvers/lookup.c");
    let mut command = Command::new(compiler);
    let command = command
        .args(flags)
        .arg("-o")
        .arg(folder.path().join("lookup"))
        .arg(source);
    assert!(command.status().expect("it runs").success());
    folder
}

fn finds_names(folder: &TempDir) {
    let folder = folder.path();
    let program = "/programs/lookup";
    for name in ["web", "web.default", "web.default.svc.cluster.local"] {
        run(folder, "It finds the name", &[program, name], "10.96.0.20", 0);
    }
    run(folder, "It doesn't find another", &[program, "wep"], "", 1);
}

#[test]
fn glibc() {
    finds_names(&lookup("cc", &[]));
}

#[test]
fn musl_linked_statically() {
    if has("musl-gcc") {
        finds_names(&lookup("musl-gcc", &["-static"]));
    }
}

#[test]
fn curl() {
    if has("curl") {
        run(
            workspace(),
            "It reaches the service by name",
            &["curl", "-sS", "http://web/hello"],
            "\"path\":\"/hello\"",
            0,
        );
    }
}

#[test]
fn dig() {
    if has("dig") {
        run(
            workspace(),
            "It finds the name in the search list",
            &["dig", "+search", "+short", "web"],
            "10.96.0.20",
            0,
        );
        run(
            workspace(),
            "It speaks TCP as well",
            &["dig", "+search", "+short", "+tcp", "web"],
            "10.96.0.20",
            0,
        );
    }
}

/// A name server of another domain is asked for its names, by whoever: also for what a name of the cluster stands for.
#[test]
fn names_of_another_domain_by_another_server() {
    let cluster = cluster(workspace());
    let (objects, scenario) = cluster
        .split_once("apiVersion: podlab.dev")
        .expect("the scenario comes last");
    let upstream = "apiVersion: v1
kind: Service
metadata: {name: upstream}
spec:
  clusterIP: 10.96.0.53
  selector: {app: upstream}
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}]
---
apiVersion: v1
kind: Pod
metadata: {name: upstream, labels: {app: upstream}}
spec:
  containers:
  - {name: dns, image: podlab/dns, args: [--domain, example.test], readinessProbe: {tcpSocket: {port: 53}}}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere}
spec: {type: ExternalName, externalName: web.default.svc.example.test}
---
";
    let steps = "  - name: A name of its domain
    from: pod/client
    dns: {name: web.default.svc.example.test.}
    expect: {records: [10.96.0.20]}
  - name: What a name of the cluster stands for
    from: pod/client
    dns: {name: elsewhere}
    expect: {records: [web.default.svc.example.test., 10.96.0.20]}
  - name: What it doesn't know either
    from: pod/client
    dns: {name: wep.default.svc.example.test.}
    expect: {code: NXDOMAIN}
  - name: What nobody knows
    from: pod/client
    dns: {name: example.com.}
    expect: {code: REFUSED}
";
    let scenario = scenario.replace(
        "  steps:",
        "  cluster: {upstreamNameserver: 10.96.0.53}\n  steps:",
    );
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = format!("{objects}{upstream}apiVersion: podlab.dev{scenario}{steps}");
    std::fs::write(&file, text).expect("the file is written");
    let mut run = podlab(User::all()[0]);
    let output = run.arg("run").arg(file.path()).output().expect("podlab runs");
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}
