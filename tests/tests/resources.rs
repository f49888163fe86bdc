//! Limits of resources: where cgroup v2 is delegated they are kept, and where it isn't, it is told. `make vm` sees both.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use podlab_tests::live::{Place, file};
use podlab_tests::{User, printed};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// It takes more memory than it may, for a moment.
const HUNGRY: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: hungry}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: hungry
    command: [sh, -c, 'dd if=/dev/zero of=/dev/null bs=100M count=1']
    resources: {limits: {memory: 32Mi}}
";

#[test]
fn limits_are_kept_or_it_is_told_that_they_are_not() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", "");
        let warned = warns(&place, "validate", &["-"]);
        if *user == User::Root {
            assert_eq!(warned, !topmost_group_is_writable(), "{user:?}");
        }
        let applied = warns(&place, "apply", &["-f", "-"]);
        assert_eq!(
            applied, warned,
            "{user:?}: a cluster tells what its machine tells"
        );

        let state = end_of_hungry(&place);
        let (reason, code) = if warned {
            ("Completed", 0)
        } else {
            ("OOMKilled", 137)
        };
        assert_eq!(state["reason"], reason, "{user:?}: {state}");
        assert_eq!(state["exitCode"], code, "{user:?}: {state}");
        assert_eq!(told_by_node(&place), warned, "{user:?}");
    }
}

/// Whether it is warned of that limits of memory aren't enforced.
fn warns(place: &Place, command: &str, arguments: &[&str]) -> bool {
    let mut command = place.command(&[&[command], arguments].concat());
    let output = command.stdin(file(HUNGRY)).output().expect("podlab runs");
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    said.contains("spec.containers[0].resources.limits: podlab can't enforce limits of")
}

/// What root has by itself.
fn topmost_group_is_writable() -> bool {
    assert!(geteuid().is_root());
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let mut words = mountinfo
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|words| words.contains(&"cgroup2"));
    words.next().is_some_and(|words| {
        let top = Path::new(words[4]);
        let controllers = fs::read_to_string(top.join("cgroup.controllers")).unwrap_or_default();
        let is_writable = words[5].split(',').any(|option| option == "rw");
        is_writable
            && !top.join("cgroup.type").exists()
            && controllers.split_whitespace().any(|it| it == "memory")
    })
}

fn end_of_hungry(place: &Place) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pod = object(place, &["pod", "hungry"]);
        let state = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        if !state.is_null() {
            return state.clone();
        }
        assert!(Instant::now() < deadline, "{pod:#}");
        sleep(Duration::from_millis(50));
    }
}

fn told_by_node(place: &Place) -> bool {
    let node = object(place, &["node", "node-1"]);
    node["metadata"]["annotations"]["unenforced.podlab.dev/memory"].is_string()
}

fn object(place: &Place, which: &[&str]) -> Value {
    let (code, output) = place.run(&[&["get", "-o", "json"], which].concat());
    assert_eq!(code, 0, "{}", printed(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
