//! SIGKILL at any moment leaves nothing: the kernel takes everything down.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podlab_tests::{Running, User, podlab, workspace};
use rand::RngExt;

/// How many moments are tried, shared among the users.
const MOMENTS: usize = 20;
/// About how long a run takes from its start to its report.
const RUN: Duration = Duration::from_millis(600);
/// How long the kernel has to take everything down.
const PATIENCE: Duration = Duration::from_secs(5);

/// The namespaces that a process is in, as `/proc` names them: `net:[4026531840]`.
fn namespaces_of(pid: i32) -> BTreeSet<String> {
    let folder = fs::read_dir(format!("/proc/{pid}/ns"));
    let links = folder.into_iter().flatten().flatten();
    links
        .filter_map(|link| Some(fs::read_link(link.path()).ok()?.to_string_lossy().into_owned()))
        .collect()
}

/// All processes, without those that have ended and only wait for their parent to hear of it.
fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .filter(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            !status.is_empty() && !status.contains("\nState:\tZ")
        })
        .collect()
}

/// A process with all of its children, and theirs.
fn family(root: i32) -> BTreeSet<i32> {
    let mut family = BTreeSet::from([root]);
    let mut generation = vec![root];
    while let Some(parent) = generation.pop() {
        let tasks = fs::read_dir(format!("/proc/{parent}/task"))
            .into_iter()
            .flatten()
            .flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
                if family.insert(child) {
                    generation.push(child);
                }
            }
        }
    }
    family
}

/// Mounts of the host, and files in the places where programs leave some.
fn traces() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let folders = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/run/netns"];
    let files = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten();
    let files = files.map(|file| file.path().to_string_lossy().into_owned());
    let all = mounts.lines().map(str::to_owned).chain(files);
    all.filter(|trace| trace.contains("podlab")).collect()
}

#[test]
fn nothing_is_left_after_sigkill() {
    let before = traces();
    let outer = namespaces_of(std::process::id() as i32);
    let mut random = rand::rng();
    let mut caught = 0;
    for moment in 0..MOMENTS {
        let user = User::all()[moment % User::all().len()];
        let scenario = workspace().join("scenarios/three-tier.yaml");
        let podlab = podlab(user)
            // Otherwise it would soon end by itself, and a leak with it.
            .args(["run", "--keep", "-"])
            .stdin(File::open(scenario).expect("the scenario"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("podlab runs");
        let mut podlab = Running(podlab);
        sleep(RUN.mul_f64(random.random()));

        let root = podlab.0.id() as i32;
        let family = family(root);
        let inside: BTreeSet<String> = family.iter().flat_map(|pid| namespaces_of(*pid)).collect();
        let inside: BTreeSet<String> = inside.difference(&outer).cloned().collect();
        caught += usize::from(!inside.is_empty());
        kill(Pid::from_raw(root), Signal::SIGKILL).expect("podlab is killed");
        podlab.0.wait().expect("podlab ends");

        let deadline = Instant::now() + PATIENCE;
        loop {
            let left: Vec<i32> = processes()
                .into_iter()
                .filter(|pid| !namespaces_of(*pid).is_disjoint(&inside))
                .collect();
            if left.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                for pid in &left {
                    let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
                }
                panic!("as {user:?}, moment {moment}: processes {left:?} were left");
            }
            sleep(Duration::from_millis(5));
        }
    }
    assert!(
        caught >= MOMENTS / 2,
        "podlab was caught at work {caught} times only"
    );
    assert_eq!(traces(), before);
}
