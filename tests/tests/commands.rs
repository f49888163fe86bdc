//! `podlab get`, `apply`, `delete`, `scale`, `exec`, `logs`, `port-forward` and `status`, by every user. What they print in
//! general is told by `tests/stories/podlab.story`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::tcgetattr;
use nix::unistd::Pid;
use podlab_tests::live::{Place, file};
use podlab_tests::{Running, User, err, out, printed};

/// How long something may take that takes a moment.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two pods behind a service, and one that writes.
const MANIFESTS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: echo, image: podlab/echo, ports: [{name: http, containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: front, port: 80, targetPort: http}]
---
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: podlab/pause, command: [sh, -c, 'echo first; echo second; mkfifo /tmp/go; read -r line < /tmp/go; echo third']}
  restartPolicy: Never
";

fn fed(place: &Place, arguments: &[&str], input: &str) -> Output {
    let output = place.command(arguments).stdin(file(input)).output();
    output.expect("podlab runs")
}

/// What a command prints that is expected to succeed.
fn seen(place: &Place, arguments: &[&str]) -> String {
    let (code, output) = place.run(arguments);
    assert_eq!(code, 0, "{arguments:?}\n{}", printed(&output));
    out(&output)
}

/// A command that goes on, and the lines that it prints.
fn going_on(place: &Place, arguments: &[&str]) -> (Running, impl Iterator<Item = String>) {
    let child = place.command(arguments).stdout(Stdio::piped()).spawn();
    let mut child = Running(child.expect("podlab runs"));
    let output = BufReader::new(child.0.stdout.take().expect("its output"));
    (child, output.lines().map(|line| line.expect("a line")))
}

#[test]
fn programs_run_in_containers() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", MANIFESTS);
        let exec = |rest: &[&str], input: &str| fed(&place, &[&["exec"], rest].concat(), input);

        let output = exec(
            &["writer", "--", "sh", "-c", "echo out; echo err >&2; exit 7"],
            "",
        );
        assert_eq!(
            (output.status.code(), &*out(&output), &*err(&output)),
            (Some(7), "out\n", "err\ncommand terminated with exit code 7\n")
        );
        // Without -i there is nothing to read.
        assert_eq!(out(&exec(&["writer", "--", "cat"], "not for it")), "");
        let large = "0123456789abcdef".repeat(200_000);
        let output = exec(&["-i", "deploy/web", "-c", "echo", "--", "cat"], &large);
        assert!(
            output.status.success() && out(&output) == large,
            "{}",
            err(&output)
        );
        let name = out(&exec(&["svc/web", "--", "hostname"], ""));
        assert!(seen(&place, &["get", "pods", "-l", "app=web"]).contains(name.trim()));
    }
}

#[test]
fn a_terminal_is_passed_on_and_put_back() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", MANIFESTS);
        let size = Winsize {
            ws_row: 33,
            ws_col: 101,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(&size, None).expect("a terminal");
        let before = tcgetattr(&pty.slave).expect("its settings");
        let end = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        let mut command = place.command(&["exec", "-it", "writer", "--", "sh"]);
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn();
        let mut child = Running(child.expect("podlab runs"));
        let mut keyboard = File::from(pty.master.try_clone().expect("a descriptor"));
        let mut screen = File::from(pty.master);
        let mut until = |end: &str| {
            let (mut seen, mut byte) = (String::new(), [0]);
            while !seen.ends_with(end) {
                let mut ready = [PollFd::new(screen.as_fd(), PollFlags::POLLIN)];
                let patience = PollTimeout::try_from(PATIENCE).expect("a time");
                assert_eq!(poll(&mut ready, patience), Ok(1), "after {seen:?}");
                screen.read_exact(&mut byte).expect("output");
                seen.push(byte[0].into());
            }
            seen
        };

        until("# ");
        keyboard.write_all(b"stty size\r").expect("input");
        assert!(until("\r\n# ").contains("33 101"));
        let resized = Command::new("stty")
            .args(["rows", "44", "cols", "77"])
            .stdin(end())
            .status();
        assert!(resized.expect("stty runs").success());
        // It is told to the process group that has the terminal; this one has none.
        kill(Pid::from_raw(child.0.id() as i32), Signal::SIGWINCH).expect("a signal");
        let start = Instant::now();
        let mut seen = String::new();
        while !seen.contains("44 77") {
            assert!(start.elapsed() < PATIENCE, "{seen}");
            keyboard.write_all(b"stty size\r").expect("input");
            seen = until("\r\n# ");
        }
        // Ctrl-C is for the program in the pod.
        let waiting = b"sh -c 'echo ready; exec sleep 1000'\r";
        keyboard.write_all(waiting).expect("input");
        until("ready\r\n");
        keyboard.write_all(b"\x03").expect("input");
        until("# ");
        keyboard.write_all(b"exit 5\r").expect("input");
        until("command terminated with exit code 5\r\n");
        assert_eq!(child.0.wait().expect("podlab ends").code(), Some(5));
        assert_eq!(tcgetattr(&pty.slave).expect("its settings"), before);
    }
}

#[test]
fn logs_are_followed_to_their_end() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", MANIFESTS);
        let (mut logs, mut lines) = going_on(&place, &["logs", "-f", "writer"]);
        assert_eq!(lines.next().as_deref(), Some("first"));
        assert_eq!(lines.next().as_deref(), Some("second"));
        assert_eq!(seen(&place, &["logs", "writer", "--tail=1"]), "second\n");
        // It may end with the container, which ends of it.
        let _ = place.run(&["exec", "writer", "--", "sh", "-c", "echo > /tmp/go"]);
        assert_eq!(lines.next().as_deref(), Some("third"));
        assert_eq!(lines.next(), None);
        assert_eq!(logs.0.wait().expect("podlab ends").code(), Some(0));
        let (code, output) = place.run(&["logs", "deploy/web", "--tail=0"]);
        let told = err(&output);
        assert_eq!(code, 0, "{told}");
        assert!(told.starts_with("Found 2 pods, using pod/web-"), "{told}");
    }
}

#[test]
fn ports_are_forwarded_until_somebody_ends_it() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", MANIFESTS);
        let (mut forward, mut lines) = going_on(&place, &["port-forward", "svc/web", ":front", ":80"]);
        for _ in 0..2 {
            let line = lines.next().expect("a line");
            let port = line.strip_prefix("Forwarding from 127.0.0.1:");
            let port = port.and_then(|rest| rest.strip_suffix(" -> 8080")).expect(&line);
            let mut connection =
                TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).expect("it listens");
            connection
                .write_all(b"GET / HTTP/1.0\r\n\r\n")
                .expect("a request");
            // Who has asked for all may say so, and is answered all the same.
            connection
                .shutdown(Shutdown::Write)
                .expect("the end of the request");
            let mut answer = String::new();
            connection.read_to_string(&mut answer).expect("an answer");
            assert!(
                answer.starts_with("HTTP/1.0 200 OK") && answer.contains("\"pod\":\"web-"),
                "{answer}"
            );
        }
        kill(Pid::from_raw(forward.0.id() as i32), Signal::SIGINT).expect("a signal");
        assert_eq!(forward.0.wait().expect("podlab ends").code(), Some(0));

        let (_forward, mut lines) = going_on(&place, &["port-forward", "writer", ":1"]);
        let line = lines.next().expect("a line");
        let port = line.split([':', ' ']).nth(3).expect("a port");
        let mut connection =
            TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).expect("it listens");
        let mut answer = String::new();
        // Nobody listens in the pod: the connection ends without an answer.
        let _ = connection.read_to_string(&mut answer);
        assert_eq!(answer, "");
    }
}

#[test]
fn objects_are_watched_applied_scaled_and_deleted() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", "");
        let (_watch, mut rows) = going_on(&place, &["get", "deployments", "-w"]);
        let (_names, mut names) = going_on(&place, &["get", "pods", "-A", "-w", "-o", "name"]);
        assert!(names.next().expect("a name").starts_with("pod/coredns-"));
        let applied = fed(&place, &["apply", "-f", "-"], MANIFESTS);
        assert_eq!(
            out(&applied),
            "service/web created\ndeployment.apps/web created\npod/writer created\n",
            "{}",
            printed(&applied)
        );
        assert!(
            rows.next()
                .expect("headings")
                .starts_with("NAME   READY   UP-TO-DATE")
        );
        rows.find(|row| row.starts_with("web    2/2 "))
            .expect("it becomes ready");
        names.find(|name| name == "pod/writer").expect("it is told");

        assert_eq!(
            seen(&place, &["scale", "deploy", "web", "--replicas=3"]),
            "deployment.apps/web scaled\n"
        );
        rows.find(|row| row.starts_with("web    3/3 ")).expect("it grows");
        let again = fed(
            &place,
            &["apply", "-f", "-"],
            &MANIFESTS.replace("replicas: 2", "replicas: 1"),
        );
        let expected = "service/web unchanged\ndeployment.apps/web configured\npod/writer unchanged\n";
        assert_eq!(out(&again), expected, "{}", printed(&again));
        rows.find(|row| row.starts_with("web    1/1 "))
            .expect("it shrinks");

        let start = Instant::now();
        assert_eq!(
            seen(&place, &["delete", "pod", "writer"]),
            "pod \"writer\" deleted from default namespace\n"
        );
        // Its grace period, because the shell doesn't end when it is asked to.
        assert!(start.elapsed() > Duration::from_millis(900));
        let (code, gone) = place.run(&["get", "pod", "writer"]);
        assert_eq!(
            (code, &*err(&gone)),
            (1, "Error from server (NotFound): pods \"writer\" not found\n")
        );
        let deleted = fed(&place, &["delete", "-f", "-"], MANIFESTS);
        assert_eq!(deleted.status.code(), Some(1));
        assert!(
            err(&deleted).contains("(NotFound): error when deleting \"<stdin>\": pods \"writer\" not found")
        );
        assert_eq!(
            seen(&place, &["get", "deploy,svc", "-o", "name"]),
            "service/kubernetes\n"
        );
    }
}

#[test]
fn status_tells_whether_all_is_ready() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", MANIFESTS);
        let status = seen(&place, &["status"]);
        for line in [
            "Name:       default\n",
            "Nodes:      1 of 1 ready\n",
            "Pods:       4 of 4 ready (4 Running)\n",
        ] {
            assert!(status.contains(line), "{status}");
        }
        let broken = "{apiVersion: v1, kind: Pod, metadata: {name: broken}, spec: {containers: [{name: main, image: nothing/like/it}]}}";
        assert!(fed(&place, &["apply", "-f", "-"], broken).status.success());
        let start = Instant::now();
        let expected = "Not ready:\n  pod/broken: ErrImagePull: ";
        let mut status = String::new();
        while !status.contains(expected) {
            assert!(start.elapsed() < PATIENCE, "{status}");
            let (code, output) = place.run(&["status"]);
            assert_eq!(code, 1);
            status = out(&output);
        }
        assert!(
            status.contains("Pods:       4 of 5 ready (1 Pending, 4 Running)\n"),
            "{status}"
        );
    }
}

#[test]
fn without_a_cluster_there_is_nothing_to_ask() {
    let place = Place::new(User::all()[0]);
    for command in [
        "get pods",
        "delete pod a",
        "logs a",
        "exec a -- b",
        "scale pod/a --replicas=1",
        "status",
    ] {
        let (code, output) = place.run(&command.split(' ').collect::<Vec<_>>());
        let expected = "error: clusters \"default\" not found\nNo cluster is up: `podlab up` starts one.\n";
        assert_eq!((code, &*err(&output)), (1, expected), "{command}");
    }
}

#[test]
fn who_has_read_enough_may_go() {
    let place = Place::new(User::all()[0]);
    place.up("default", MANIFESTS);
    let podlab = place.command(&["exec", "writer", "--", "seq", "1000000"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "(\"$0\" \"$@\"; echo $? >&2) | head -n 1"])
        .arg(podlab.get_program())
        .args(podlab.get_args())
        .envs(podlab.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().expect("sh runs");
    assert_eq!((&*out(&output), &*err(&output)), ("1\n", "0\n"));
}
