//! `podlab run --keep`: the cluster stays up, can be entered as it says, and goes with Ctrl-C.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use podlab_tests::{Running, User, podlab, printed, workspace};

/// A line of the directions as a command, by the user who runs podlab.
fn directed(user: User, line: &str, rest: &[&str]) -> Command {
    let line = line.split('#').next().unwrap_or_default();
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let mut words = line.split_whitespace();
    let mut command = if user == User::Ordinary && geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command
    } else {
        Command::new(words.next().expect("a program"))
    };
    command.args(words).args(rest).env("PATH", user.path());
    command
}

fn line_with(lines: &mut impl Iterator<Item = io::Result<String>>, part: &str) -> String {
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(part)));
    line.unwrap_or_else(|| panic!("no line with {part}"))
        .expect("a line")
}

#[test]
fn a_kept_cluster_can_be_entered() {
    for user in User::all() {
        let scenario = workspace().join("scenarios/my-service.yaml");
        let podlab = podlab(*user)
            .args(["run", "--keep", "-"])
            .stdin(File::open(scenario).expect("the scenario"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("podlab runs");
        let mut podlab = Running(podlab);
        let mut report = BufReader::new(podlab.0.stdout.take().expect("its output")).lines();
        let mut directions = BufReader::new(podlab.0.stderr.take().expect("its messages")).lines();
        let service = line_with(&mut report, "ClusterIP   ");
        let address = service
            .split_whitespace()
            .nth(3)
            .expect("its ClusterIP")
            .to_owned();
        let node = line_with(&mut directions, "nft list ruleset");
        let client = line_with(&mut directions, "default/client");

        let rules = directed(*user, &node, &[]).output().expect("nsenter runs");
        assert!(rules.status.success(), "{user:?}\n{}", printed(&rules));
        let text = String::from_utf8_lossy(&rules.stdout);
        assert!(
            text.contains("default/my-service") && text.contains(&address),
            "{text}"
        );

        let request =
            format!("exec 3<>/dev/tcp/{address}/80; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3");
        let answer = directed(*user, &client, &["bash", "-c", &request])
            .output()
            .expect("nsenter runs");
        let text = String::from_utf8_lossy(&answer.stdout);
        assert!(text.contains("200 OK"), "{user:?}\n{}", printed(&answer));

        kill(Pid::from_raw(podlab.0.id() as i32), Signal::SIGINT).expect("podlab is told to end");
        assert_eq!(podlab.0.wait().expect("podlab ends").code(), Some(0), "{user:?}");
    }
}
