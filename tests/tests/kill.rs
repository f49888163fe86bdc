//! SIGKILL at any moment leaves nothing: the kernel takes everything down. Nor do SIGINT and SIGTERM, and podlab says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use podlab_tests::host::Host;
use podlab_tests::live::{Place, SMALL, file};
use podlab_tests::processes::{Inside, podlabs_of, processes_of, sandbox_of, status, traces, traces_since};
use podlab_tests::{Running, User, printed, until, until_none, workspace};
use rand::RngExt;
use rand::rngs::ThreadRng;

/// What is killed at work. `down` comes after `apply`, which leaves a cluster.
const COMMANDS: [&str; 4] = ["run", "up", "apply", "down"];

/// How many moments are tried, shared among the commands and the users: `make kill` tries 500.
fn moments() -> usize {
    let asked = std::env::var("PODLAB_MOMENTS").ok();
    asked.map_or(48, |asked| asked.parse().expect("a number"))
}

/// A user's podlab on a host, and how long its commands take.
struct Trial<'a> {
    host: &'a Host,
    place: Place,
    takes: BTreeMap<&'static str, Duration>,
    random: ThreadRng,
}

impl<'a> Trial<'a> {
    fn new(host: &'a Host, user: User) -> Self {
        let mut trial = Self {
            host,
            place: Place::new(user),
            takes: BTreeMap::new(),
            random: rand::rng(),
        };
        for name in [COMMANDS; 3].concat() {
            trial.prepare(name);
            let begun = Instant::now();
            let output = trial.begin(name).wait_with_output().expect("podlab ends");
            assert!(output.status.success(), "{}", printed(&output));
            let took = trial.takes.entry(name).or_insert(Duration::MAX);
            *took = begun.elapsed().min(*took);
        }
        trial
    }

    /// Has a cluster there for who needs one.
    fn prepare(&self, name: &str) {
        if ["apply", "down"].contains(&name) && !self.is_up() {
            let up = self.begin("up").wait_with_output().expect("podlab ends");
            assert!(up.status.success(), "{}", printed(&up));
        }
    }

    fn begin(&self, name: &str) -> Child {
        let arguments: &[&str] = match name {
            "run" => &["run", "-"],
            "up" => &["up", "-f", "-"],
            "apply" => &["apply", "-f", "-"],
            _ => &["down"],
        };
        let command = self
            .host
            .podlab(&self.place, &[], arguments)
            .stdin(file(SMALL))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        command.expect("podlab runs")
    }

    /// A moment of a command's life; a bit beyond its end, because it takes longer at times.
    fn moment(&mut self, name: &str) -> Duration {
        self.takes[name].mul_f64(1.1 * self.random.random::<f64>())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("podlab/default/log")).unwrap_or_default()
    }

    fn is_up(&self) -> bool {
        self.log().contains("everything is ready") && !processes_of(self.place.path()).is_empty()
    }

    /// Takes down what was up before, or came up in time.
    fn take_down(&self) {
        let down = self.host.podlab(&self.place, &[], &["down"]).output();
        let down = down.expect("podlab runs");
        assert!(matches!(down.status.code(), Some(0 | 1)), "{}", printed(&down));
    }

    /// Fails unless there is nothing any more: of the kernel at once, of files with the next command.
    fn assert_nothing(&self, inside: &Inside, what: &str) {
        until_none(what, || {
            let left = [processes_of(self.place.path()), inside.processes()].concat();
            let command = |pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
            left.into_iter().map(|pid| (pid, command(pid))).collect()
        });
        let list = self.host.podlab(&self.place, &[], &["list"]).output();
        let list = list.expect("podlab runs");
        assert_eq!(list.status.code(), Some(0), "{what}: {}", printed(&list));
        let left: Vec<_> = fs::read_dir(self.place.path()).expect("a directory").collect();
        assert!(left.is_empty(), "{what}: {left:?}");
    }
}

#[test]
fn nothing_is_left_whoever_is_killed_at_whatever_moment() {
    let host = Host::new();
    let before = host.seen();
    let mut caught = BTreeMap::new();
    let users = User::all();
    let mut trials: Vec<_> = users.iter().map(|user| Trial::new(&host, *user)).collect();
    for number in 0..moments() {
        let trial = &mut trials[number % users.len()];
        let name = COMMANDS[number / users.len() % COMMANDS.len()];
        trial.prepare(name);
        let mut command = Running(trial.begin(name));
        sleep(trial.moment(name));

        let own = podlabs_of(trial.place.path());
        let inside = Inside::beside(host.pid(), own.iter().copied());
        let victim = own.get(trial.random.random_range(0..own.len().max(1))).copied();
        let is_command = victim == Some(command.0.id() as i32);
        if let Some(victim) = victim {
            // It may have ended in the meantime.
            if kill(Pid::from_raw(victim), Signal::SIGKILL).is_ok() {
                *caught
                    .entry((
                        name,
                        if is_command {
                            "the command"
                        } else {
                            "what it started"
                        },
                    ))
                    .or_insert(0) += 1;
            }
        }
        let mut said = String::new();
        let _ = command.0.stderr.take().expect("a pipe").read_to_string(&mut said);
        let status = command.0.wait().expect("podlab ends");
        let user = users[number % users.len()];
        let what = format!("{name} as {user:?}, {victim:?} of {own:?} killed: {status}\n{said}");
        assert!(!said.contains("panicked"), "{what}");

        // A cluster is to be gone now, unless it was up, and nobody of it was killed.
        if name != "run" && (is_command || victim.is_none()) {
            until(&what, || {
                trial.is_up() || processes_of(trial.place.path()).is_empty()
            });
            let stays = name == "apply" && trial.is_up();
            if stays {
                continue;
            }
            trial.take_down();
        }
        trial.assert_nothing(&inside, &what);
    }
    for trial in &trials {
        trial.take_down();
        trial.assert_nothing(&Inside::beside(host.pid(), []), "at the end");
    }
    eprintln!("{caught:?}");
    let all: usize = caught.values().sum();
    assert!(all >= moments() / 2, "podlab was caught at work {all} times only");
    before.assert_same(&host.seen());
}

/// From when on a command answers for its end: its program is loaded, and signals don't end it by themselves.
fn until_it_answers(command: &mut Child) {
    until("it has a word for its end", || {
        let caught = status(command.id() as i32, "SigCgt").unwrap_or_default();
        let caught = u64::from_str_radix(&caught, 16).unwrap_or(0);
        let bit = |signal: Signal| 1 << (signal as u64 - 1);
        caught & bit(Signal::SIGINT) != 0 && caught & bit(Signal::SIGTERM) != 0
            || command.try_wait().is_ok_and(|ended| ended.is_some())
    });
}

#[test]
fn whoever_is_told_to_end_says_so_at_whatever_moment() {
    let host = Host::new();
    let before = host.seen();
    let users = User::all();
    let mut trials: Vec<_> = users.iter().map(|user| Trial::new(&host, *user)).collect();
    let mut caught = BTreeMap::new();
    for number in 0..moments() {
        let trial = &mut trials[number % users.len()];
        let name = COMMANDS[number / users.len() % COMMANDS.len()];
        let signal = [Signal::SIGINT, Signal::SIGTERM][trial.random.random_range(0..2)];
        trial.prepare(name);
        let mut command = Running(trial.begin(name));
        until_it_answers(&mut command.0);
        sleep(trial.moment(name));
        let inside = Inside::beside(host.pid(), podlabs_of(trial.place.path()));
        // It may have ended in the meantime.
        let _ = kill(Pid::from_raw(command.0.id() as i32), signal);
        let mut said = String::new();
        let _ = command.0.stderr.take().expect("a pipe").read_to_string(&mut said);
        let status = command.0.wait().expect("podlab ends");
        let what = format!(
            "{name} as {:?} told {signal}: {status}\n{said}",
            trial.place.user()
        );

        let last = said.lines().next_back().unwrap_or_default();
        let interrupted = last.starts_with(&format!("podlab: interrupted by {signal}"));
        let expected = if interrupted { 128 + signal as i32 } else { 0 };
        assert_eq!(status.code(), Some(expected), "{what}");
        *caught.entry((name, signal.as_str())).or_insert(0) += usize::from(interrupted);
        match name {
            "run" => trial.assert_nothing(&inside, &what),
            "up" if interrupted => {
                let left: Vec<_> = fs::read_dir(trial.place.path()).expect("a directory").collect();
                assert!(left.is_empty(), "{what}: {left:?}");
                trial.assert_nothing(&inside, &what);
            }
            "apply" => assert!(trial.is_up(), "{what}"),
            _ => {
                trial.take_down();
                trial.assert_nothing(&inside, &what);
            }
        }
    }
    eprintln!("{caught:?}");
    let all: usize = caught.values().sum();
    assert!(all >= moments() / 3, "podlab was caught at work {all} times only");
    before.assert_same(&host.seen());
}

/// A scenario that waits for what never comes.
const WAITS: &str = "apiVersion: podlab.dev/v1alpha1
kind: Scenario
metadata: {name: waits}
spec:
  steps:
  - name: An answer that the pods don't give
    from: node
    http: {to: service/web}
    eventually: 60s
    expect: {status: 201}
";

/// A command that waits on a cluster, and answers for its end.
fn begin_to_wait(place: &Place, arguments: &[&str]) -> Running {
    let mut command = place.command(arguments);
    command
        .stdin(file(WAITS))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut command = Running(command.spawn().expect("podlab runs"));
    until_it_answers(&mut command.0);
    command
}

#[test]
fn whoever_waits_on_a_cluster_says_so_when_told_to_end_and_the_cluster_stays() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", SMALL);
        let waiting: [(&[&str], &str); 4] = [
            (&["logs", "-f", "deployment/web"], ""),
            (
                &["exec", "deployment/web", "--", "sleep", "60"],
                "; the program may go on",
            ),
            (&["check", "-"], "; what its steps have changed stays changed"),
            (
                &["port-forward", "deployment/web", ":8080"],
                "; nothing is forwarded any more",
            ),
        ];
        for (arguments, aftermath) in waiting {
            for signal in [Signal::SIGINT, Signal::SIGTERM] {
                let mut command = begin_to_wait(&place, arguments);
                let intended = arguments[0] == "port-forward" && signal == Signal::SIGINT;
                if arguments[0] == "port-forward" {
                    let output = command.0.stdout.take().expect("a pipe");
                    let first = BufReader::new(output).lines().next().expect("a line");
                    assert!(first.expect("a line").starts_with("Forwarding from "));
                } else {
                    sleep(Duration::from_millis(300).mul_f64(rand::rng().random()));
                }
                kill(Pid::from_raw(command.0.id() as i32), signal).expect("a signal");
                let mut said = String::new();
                let _ = command.0.stderr.take().expect("a pipe").read_to_string(&mut said);
                let status = command.0.wait().expect("podlab ends");
                let what = format!("{arguments:?} told {signal}: {status}\n{said}");
                let expected = if intended { 0 } else { 128 + signal as i32 };
                assert_eq!(status.code(), Some(expected), "{what}");
                let last = said.lines().next_back().unwrap_or_default();
                let (early, late) = (
                    format!("podlab: interrupted by {signal}"),
                    format!("podlab: interrupted by {signal}{aftermath}"),
                );
                assert!(intended || last == early || last == late, "{what}");
            }
        }
        assert_eq!(place.supervisors().len(), 1);
    }
}

#[test]
fn whoever_waits_on_a_cluster_that_is_killed_says_so() {
    for user in User::all() {
        for arguments in [
            &["logs", "-f", "deployment/web"][..],
            &["exec", "deployment/web", "--", "sleep", "60"],
            &["check", "-"],
        ] {
            let place = Place::new(*user);
            place.up("default", SMALL);
            let mut command = begin_to_wait(&place, arguments);
            sleep(Duration::from_millis(300));
            kill(place.supervisor("default"), Signal::SIGKILL).expect("it is killed");
            until(&format!("{arguments:?} ends"), || {
                command.0.try_wait().is_ok_and(|ended| ended.is_some())
            });
            let mut said = String::new();
            let _ = command.0.stderr.take().expect("a pipe").read_to_string(&mut said);
            let status = command.0.wait().expect("it has ended");
            assert!(!status.success(), "{arguments:?}: {said}");
            assert!(said.contains("error: "), "{arguments:?}: {said}");
        }
    }
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
                _ => Pid::from_raw(sandbox_of(supervisor.as_raw())),
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
