//! SIGKILL at any moment leaves nothing: the kernel takes everything down.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podlab_tests::live::Place;
use podlab_tests::processes::{Inside, traces, traces_since};
use podlab_tests::{Running, User, podlab, printed, until, workspace};
use rand::RngExt;

/// How many moments are tried, shared among the users.
const MOMENTS: usize = 20;
/// About how long a run takes from its start to its report.
const RUN: Duration = Duration::from_millis(600);

#[test]
fn nothing_is_left_of_a_run() {
    let before = traces();
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
        let inside = Inside::of(root);
        caught += usize::from(!inside.is_empty());
        kill(Pid::from_raw(root), Signal::SIGKILL).expect("podlab is killed");
        podlab.0.wait().expect("podlab ends");

        let what = format!("no process is left, as {user:?}, at moment {moment}");
        until(&what, || inside.processes().is_empty());
    }
    assert!(
        caught >= MOMENTS / 2,
        "podlab was caught at work {caught} times only"
    );
    assert_eq!(traces_since(&before), [""; 0]);
}

#[test]
fn nothing_is_left_of_a_live_cluster() {
    let before = traces();
    let scenario = fs::read_to_string(workspace().join("scenarios/three-tier.yaml")).expect("the scenario");
    let links = || {
        let links = fs::read_dir("/sys/class/net").expect("links");
        links
            .map(|link| link.expect("a link").file_name())
            .collect::<BTreeSet<_>>()
    };
    let links_before = links();
    for user in User::all() {
        for victim in ["the supervisor", "the first process of the sandbox"] {
            let place = Place::new(*user);
            let api = place.up("default", &scenario);
            let supervisor = place.supervisor("default");
            let inside = Inside::of(supervisor.as_raw());
            let killed = match victim {
                "the supervisor" => supervisor,
                _ => {
                    let children = format!("/proc/{supervisor}/task/{supervisor}/children");
                    let only = fs::read_to_string(children).expect("its children");
                    Pid::from_raw(only.trim().parse().expect("one child"))
                }
            };
            kill(killed, Signal::SIGKILL).expect("it is killed");
            until("no process is left", || inside.processes().is_empty());
            until("nobody serves the API", || api.get("/livez").is_err());

            let (code, list) = place.run(&["list"]);
            let (warning, found) = (String::from_utf8_lossy(&list.stderr), "No clusters found\n");
            assert_eq!(code, 0, "{}", printed(&list));
            assert!(
                warning.starts_with("warning: cluster \"default\" has ended, and its log with: "),
                "{warning}"
            );
            assert!(warning.ends_with(found), "{warning}");
            let told = warning.contains("ended, because signal 9 ended the sandbox");
            assert_eq!(told, victim != "the supervisor", "{warning}");
            let mut left = fs::read_dir(place.path()).expect("a directory");
            assert!(left.next().is_none());
        }
    }
    assert_eq!(links(), links_before);
    assert_eq!(traces_since(&before), [""; 0]);
}
