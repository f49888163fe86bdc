//! Live clusters: `podlab up`, `list`, `kubeconfig`, `down`, and what goes wrong.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use podlab_tests::live::{Place, file};
use podlab_tests::processes::{Inside, family};
use podlab_tests::{NOBODY, Running, User, err, out, podlab, printed, until, workspace};
use serde_json::Value;

/// A pod that is never ready, and gives nobody a reason to give up.
const NEVER_READY: &str = "
apiVersion: v1
kind: Pod
metadata: {name: slow}
spec:
  containers:
  - name: main
    image: podlab/pause
    readinessProbe: {exec: {command: ['false']}}
";

/// A pod that ends badly, at once and for good.
const FAILS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: broken}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: busybox
    command: [sh, -c, 'echo no luck today; exit 3']
    readinessProbe: {exec: {command: ['false']}}
";

fn three_tier() -> String {
    fs::read_to_string(workspace().join("scenarios/three-tier.yaml")).expect("the scenario")
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).expect("a directory").next().is_none()
}

#[test]
fn a_cluster_stays_up_until_down() {
    for user in User::all() {
        let place = Place::new(*user);
        let up = place.try_up("default", &three_tier());
        assert_eq!(up.status.code(), Some(0), "{}", printed(&up));
        let text = out(&up);
        assert!(
            text.starts_with("Cluster \"default\" is up. Its 6 pods are ready, after "),
            "{text}"
        );
        for command in ["export KUBECONFIG=$(podlab kubeconfig)\n", "podlab down\n"] {
            assert!(text.contains(command), "{text}");
        }

        let api = podlab_tests::https::Kubeconfig::read(&place.kubeconfig("default"));
        assert_eq!(api.get("/livez").expect("an answer"), (200, "ok".to_owned()));
        let (code, pods) = api.get("/api/v1/namespaces/default/pods").expect("an answer");
        let pods: Value = serde_json::from_str(&pods).expect("JSON");
        let pods = pods["items"].as_array().expect("items");
        assert_eq!((code, pods.len()), (200, 6));
        assert!(
            pods.iter().all(|pod| pod["status"]["phase"] == "Running"),
            "{pods:?}"
        );

        let (code, list) = place.run(&["list"]);
        let lines: Vec<Vec<String>> = out(&list)
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        assert_eq!(code, 0, "{}", printed(&list));
        assert_eq!(lines[0], ["NAME", "AGE", "API"]);
        assert_eq!(lines[1][0], "default");
        assert_eq!(lines[1][2], format!("https://{}", api.server));

        let inside = Inside::of(place.supervisor("default").as_raw());
        let (code, down) = place.run(&["down"]);
        assert_eq!(
            (code, &*out(&down)),
            (0, "cluster \"default\" deleted\n"),
            "{}",
            printed(&down)
        );
        assert!(err(&down).is_empty(), "{}", printed(&down));
        assert_eq!(inside.processes(), [0; 0]);
        assert!(api.get("/livez").is_err());
        assert!(is_empty(place.path()));
    }
}

#[test]
fn a_name_is_taken_once_and_clusters_stand_side_by_side() {
    for user in User::all() {
        let place = Place::new(*user);
        let (one, two) = (place.up("one", ""), place.up("two", ""));
        let again = place.try_up("one", "");
        let expected = "error: clusters \"one\" already exists\n\
            Take it down with `podlab down --name one`, or give the new one another name: `podlab up --name NAME`\n";
        assert_eq!((again.status.code(), &*err(&again)), (Some(1), expected));

        // Each has its own authority: neither the server nor the user of one is known to the other.
        assert_eq!(one.get("/livez").expect("an answer").0, 200);
        for stranger in [None, Some(&two)] {
            let (code, body) = one.clone().as_user_of(stranger).get("/livez").expect("an answer");
            let status: Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!((code, &status["reason"]), (401, &Value::from("Unauthorized")));
        }

        assert_eq!(place.run(&["down", "--name", "one"]).0, 0);
        assert_eq!(two.get("/livez").expect("an answer").0, 200);
        let (code, unknown) = place.run(&["down", "--name", "one"]);
        let expected = "error: clusters \"one\" not found\nThese are up: two\n";
        assert_eq!((code, &*err(&unknown)), (1, expected));
        assert_eq!(place.run(&["down", "--name", "two"]).0, 0);
        let (code, unknown) = place.run(&["kubeconfig"]);
        let expected = "error: clusters \"default\" not found\nNo cluster is up: `podlab up` starts one.\n";
        assert_eq!((code, &*err(&unknown)), (1, expected));
    }
}

#[test]
fn nobody_else_gets_the_credentials() {
    for user in User::all() {
        let place = Place::new(*user);
        place.up("default", "");
        let file = place.kubeconfig("default");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        for directory in file.ancestors().skip(1).take(2) {
            assert_eq!(mode(directory), 0o700);
        }
        if geteuid().is_root() {
            let other = NOBODY - 1;
            let read = Command::new("cat").arg(&file).uid(other).gid(other).output();
            assert!(!read.expect("cat runs").status.success());
        }
    }
}

#[test]
fn without_a_place_of_the_session_there_is_one_of_the_user() {
    for user in User::all() {
        let name = format!("test-{}-{user:?}", std::process::id()).to_lowercase();
        let run = |arguments: &[&str]| {
            let output = podlab(*user).args(arguments).output().expect("podlab runs");
            assert!(output.status.success(), "{}", printed(&output));
            out(&output)
        };
        run(&["up", "--name", &name]);
        let kubeconfig = run(&["kubeconfig", "--name", &name]);
        run(&["down", "--name", &name]);
        let place = match user {
            User::Root => "/run/podlab".to_owned(),
            User::Ordinary if geteuid().is_root() => format!("/tmp/podlab-{NOBODY}"),
            User::Ordinary => format!("/tmp/podlab-{}", geteuid()),
        };
        assert_eq!(kubeconfig, format!("{place}/{name}/kubeconfig\n"));
        assert!(!Path::new(&place).join(&name).exists());
    }
}

#[test]
fn whoever_ends_the_supervisor_stands_in_its_log() {
    let place = Place::new(User::all()[0]);
    place.up("default", "");
    kill(place.supervisor("default"), Signal::SIGTERM).expect("it is told to end");
    until("the next command says so", || {
        err(&place.run(&["list"]).1).contains(" ended by SIGTERM\n")
    });
    place.up("default", "");
}

#[test]
fn what_is_not_ready_is_told_and_taken_down() {
    for user in User::all() {
        let place = Place::new(*user);
        let up = place.try_up("default", FAILS);
        let text = err(&up);
        assert_eq!(up.status.code(), Some(1), "{}", printed(&up));
        for part in [
            "broken",
            "no luck today",
            "error: cluster \"default\" isn't ready, and was taken down\n",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(is_empty(place.path()));
    }
}

#[test]
fn wrong_input_builds_nothing() {
    let place = Place::new(User::all()[0]);
    let up = place.try_up("default", "apiVersion: v1\nkind: Pod\nmetadata: {name: A}\n");
    assert_eq!(up.status.code(), Some(2), "{}", printed(&up));
    assert!(is_empty(place.path()));
    let (code, _) = place.run(&["up", "--name", "not.a.label"]);
    assert_eq!(code, 2);
}

/// `podlab up` that waits for what never comes, and what it has started.
fn waiting(place: &Place) -> (Running, Inside) {
    let up = place
        .command(&["up", "-f", "-"])
        .stdin(file(NEVER_READY))
        .stderr(Stdio::null())
        .spawn();
    let up = Running(up.expect("podlab runs"));
    until("there is a supervisor", || !place.supervisors().is_empty());
    let supervisor = place.supervisor("default");
    // The supervisor, the sandbox, the name server and the pod.
    until("the pod is started", || family(supervisor.as_raw()).len() >= 4);
    (up, Inside::of(supervisor.as_raw()))
}

#[test]
fn a_cluster_that_is_not_ready_goes_with_the_command_that_waits() {
    for user in User::all() {
        for (signal, code) in [
            (Signal::SIGINT, Some(130)),
            (Signal::SIGTERM, Some(143)),
            (Signal::SIGKILL, None),
        ] {
            let place = Place::new(*user);
            let (mut up, inside) = waiting(&place);
            kill(Pid::from_raw(up.0.id() as i32), signal).expect("podlab is told to end");
            assert_eq!(up.0.wait().expect("podlab ends").code(), code, "{signal}");
            if signal == Signal::SIGKILL {
                until("the cluster ends", || place.supervisors().is_empty());
            }
            assert_eq!(inside.processes(), [0; 0], "{signal}");
            assert!(is_empty(place.path()), "{signal}");
        }
    }
}

#[test]
fn a_cluster_can_be_taken_down_before_it_is_ready() {
    let place = Place::new(User::all()[0]);
    let (mut up, inside) = waiting(&place);
    assert_eq!(place.run(&["down"]).0, 0);
    assert_eq!(inside.processes(), [0; 0]);
    assert_eq!(up.0.wait().expect("podlab ends").code(), Some(1));
}

#[test]
fn who_waits_for_the_end_of_a_pipe_does_not_wait_for_the_cluster() {
    let place = Place::new(User::all()[0]);
    let up = place.command(&["up"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "\"$0\" \"$@\" 9>&1; echo done"])
        .arg(up.get_program())
        .args(up.get_args())
        .envs(up.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdout(Stdio::piped());
    let mut shell = Running(shell.spawn().expect("sh runs"));
    let output = BufReader::new(shell.0.stdout.take().expect("its output"));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let lines: Vec<String> = output.lines().map(|line| line.expect("a line")).collect();
        tell.send(lines)
    });
    let lines = told.recv_timeout(Duration::from_secs(60)).expect("the pipe ends");
    assert_eq!(lines.last().map(String::as_str), Some("done"));
    assert_eq!(place.supervisors().len(), 1);
}
