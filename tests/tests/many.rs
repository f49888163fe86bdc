//! Many Services over the same pods: each is its own, and each follows.

use std::fmt::Write;

use podlab_tests::{User, podlab, printed};

const SERVICES: usize = 100;

/// A Deployment of three pods, and a hundred Services that select them.
fn manifests() -> String {
    let mut text = String::from(
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: podlab/echo, readinessProbe: {httpGet: {path: /healthz, port: 8080}}}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: client, image: podlab/pause}]}
",
    );
    for number in 0..SERVICES {
        let _ = write!(
            text,
            "---
apiVersion: v1
kind: Service
metadata: {{name: web-{number}}}
spec: {{selector: {{app: web}}, ports: [{{port: {}, targetPort: 8080}}]}}
",
            1_000 + number
        );
    }
    text
}

/// Each Service is asked, and its own pods answer.
fn ask_all(steps: &mut String, when: &str) {
    for number in 0..SERVICES {
        let _ = write!(
            steps,
            "
  - name: Service {number} is answered {when}
    from: pod/client
    http: {{to: service/web-{number}}}
    times: 30
    expect: {{answeredBy: [deployment/web]}}"
        );
    }
}

#[test]
fn a_hundred_services_share_their_pods() {
    let mut steps = String::from(
        "---
apiVersion: podlab.dev/v1alpha1
kind: Scenario
metadata: {name: many}
spec:
  steps:",
    );
    ask_all(&mut steps, "by all pods");
    steps += "
  - {name: A pod is replaced, deletePod: deployment/web}";
    ask_all(&mut steps, "by those that are there then");
    steps += "
  - {name: All pods go, scale: {deployment: web, replicas: 0}}
  - {name: Nobody answers for the first, from: pod/client, http: {to: service/web-0}, expect: {outcome: Refused}}
  - {name: Nor for the last, from: pod/client, http: {to: service/web-99}, expect: {outcome: Refused}}
";
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(&file, manifests() + &steps).expect("the file is written");
    let mut command = podlab(User::all()[0]);
    let output = command.arg("run").arg(file.path()).output().expect("podlab runs");
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert!(output.stderr.is_empty(), "{}", printed(&output));
}
