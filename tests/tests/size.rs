//! How large a cluster is: as large as its node's range, and no larger than there is room for.

use std::io::Write;
use std::process::{Output, Stdio};

use podlab_tests::{User, podlab, printed};

fn run(manifests: &str) -> Output {
    let mut command = podlab(User::all()[0]);
    let command = command.args(["run", "-"]).stdin(Stdio::piped());
    let mut podlab = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("podlab runs");
    let mut stdin = podlab.stdin.take().expect("it is a pipe");
    stdin.write_all(manifests.as_bytes()).expect("it is read");
    drop(stdin);
    podlab.wait_with_output().expect("podlab ends")
}

/// A scenario of a node whose range has this mask size, and a deployment of so many pods.
fn manifests(mask_size: u8, range: &str, room: u32, pods: u32) -> String {
    format!(
        "apiVersion: podlab.dev/v1alpha1
kind: Scenario
metadata: {{name: size}}
spec:
  cluster: {{nodeCIDRMaskSize: {mask_size}}}
  steps:
  - name: The node has the range that the scenario gives it, and room for as many pods
    get: node/node-1
    expect:
      fields:
        spec.podCIDR: {range}
        status.capacity.pods: \"{room}\"
        status.allocatable.pods: \"{room}\"
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {pods}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: podlab/pause}}]}}
"
    )
}

#[test]
fn a_node_has_as_much_room_as_its_range() {
    // The name server is a pod, too.
    for (mask_size, range, room, pods) in [(28, "10.244.0.0/28", 13, 12), (20, "10.244.0.0/20", 1_023, 2)] {
        let output = run(&manifests(mask_size, range, room, pods));
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    }
}

#[test]
fn a_cluster_that_is_too_large_is_refused_before_it_is_built() {
    let cases = [
        (
            manifests(28, "10.244.0.0/28", 13, 13),
            2,
            "error: the node has room for 13 pods, and there are to be 14. Give it more addresses: cluster: \
             {nodeCIDRMaskSize: 27} under the spec of a Scenario\n",
        ),
        (
            manifests(16, "10.244.0.0/16", 1_023, 5_000),
            2,
            "error: the node has room for 1023 pods, and there are to be 5001. A node can't have more than 1023: ask \
             for fewer\n",
        ),
    ];
    for (manifests, code, expected) in cases {
        let output = run(&manifests);
        assert_eq!(output.status.code(), Some(code), "{}", printed(&output));
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}
