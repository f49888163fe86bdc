//! Stories: what real clients see of a live cluster, command by command. Each file of `tests/stories` has a cluster of its
//! own; `UPDATE_EXPECTED=1` writes what is seen into it.
//!
//! What differs from run to run (ages, addresses, ends of names) is told by words in capitals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};
use podlab_tests::{binary, workspace};
use regex::Regex;

/// Where `scripts/clients.sh` puts kubectl and the others.
fn clients() -> PathBuf {
    workspace().join("target/clients")
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // Who has no clients leaves the stories out; who checks a change in CI has them.
    let missing = !clients().join("kubectl").exists() && std::env::var_os("CI").is_none();
    let folder = workspace().join("tests/stories");
    let files = fs::read_dir(&folder).expect("the stories are there");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "story"));
    files.sort();
    let trials = files.into_iter().map(|file| {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Trial::test(name.clone(), move || run(&name, &file)).with_ignored_flag(missing)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// A live cluster, and where its commands find their things.
struct Cluster {
    home: tempfile::TempDir,
}

impl Cluster {
    fn up() -> Result<Self, Failed> {
        let cluster = Self {
            home: tempfile::tempdir()?,
        };
        let up = cluster.command("podlab up").output()?;
        if !up.status.success() {
            return Err(format!("podlab up: {}", String::from_utf8_lossy(&up.stdout)).into());
        }
        Ok(cluster)
    }

    fn command(&self, line: &str) -> Command {
        let home = self.home.path();
        let (clients, python) = (clients(), clients().join("python/bin"));
        let path = format!(
            "{}:{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            clients.display(),
            python.display()
        );
        let podlab = binary().display();
        let mut command = Command::new("bash");
        command
            .args([
                "-c",
                &format!("podlab() {{ {podlab} \"$@\"; }}; exec 2>&1; {line}"),
            ])
            .current_dir(workspace().join("tests/stories"))
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("LANG", "C.UTF-8")
            .env("XDG_RUNTIME_DIR", home)
            .env("KUBECONFIG", home.join("podlab/default/kubeconfig"))
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A story may have taken it down already.
        let _ = self.command("podlab down").output();
    }
}

fn run(name: &str, file: &Path) -> Result<(), Failed> {
    let expected = fs::read_to_string(file)?;
    let cluster = Cluster::up()?;
    let normal = Normal::new();
    let mut seen = String::new();
    let mut told = expected.lines();
    while let Some(line) = told.next() {
        let Some(command) = line.strip_prefix("$ ") else {
            // What is told of the story stays; what was seen is seen anew.
            if line.starts_with('#') || line.is_empty() {
                seen += &format!("{line}\n");
            }
            continue;
        };
        seen += &format!("{line}\n");
        let mut command = command.to_owned();
        while command.ends_with('\\')
            && let Some(more) = told.next()
        {
            seen += &format!("{more}\n");
            command.pop();
            command += more;
        }
        let output = cluster.command(&command).output()?;
        seen += &normal.of(&String::from_utf8_lossy(&output.stdout), cluster.home.path());
        if let Some(code) = output.status.code().filter(|code| *code != 0) {
            seen += &format!("[exit {code}]\n");
        }
    }
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(file, &seen)?;
        return Ok(());
    }
    match seen == expected {
        true => Ok(()),
        false => Err(format!("{name}:\n{}", difference(&expected, &seen)).into()),
    }
}

/// The lines that differ, each with what stands before it.
fn difference(expected: &str, seen: &str) -> String {
    let mut text = String::new();
    let mut command = "";
    let lines = diff(expected, seen);
    for (mark, line) in &lines {
        if line.starts_with("$ ") {
            command = line;
        }
        if *mark != ' ' {
            if !command.is_empty() {
                text += &format!("  {}\n", std::mem::take(&mut command));
            }
            text += &format!("{mark} {line}\n");
        }
    }
    text
}

/// The shortest way from one text to the other, line by line.
fn diff<'a>(old: &'a str, new: &'a str) -> Vec<(char, &'a str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut common = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i][j] = match a == b {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

/// Makes two runs of a story look the same.
struct Normal(Vec<(Regex, &'static str)>);

impl Normal {
    fn new() -> Self {
        // The letters and digits of which Kubernetes makes the ends of names.
        let random = "[bcdfghjklmnpqrstvwxz2456789]";
        let rules = [
            (
                r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".to_owned(),
                "UID",
            ),
            (
                r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?\+\d{4}|Z)".to_owned(),
                "TIME",
            ),
            (
                r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000".to_owned(),
                "TIME",
            ),
            (format!(r"-{random}{{6,10}}-{random}{{5}}\b"), "-HASH-RANDOM"),
            (
                r"pod-template-hash([=:]) ?\S+".to_owned(),
                "pod-template-hash${1}HASH",
            ),
            (
                format!(
                    r"(replicaset\.apps/[a-z]+|ReplicaSet/[a-z]+|replica set [a-z]+|replicaset/[a-z]+)-{random}{{6,10}}\b"
                ),
                "$1-HASH",
            ),
            (
                format!(r"\b(web|backend|frontend|database)-{random}{{8,10}}\b"),
                "$1-HASH",
            ),
            (
                format!(r"\b(web|backend|frontend|database|kube-dns|coredns)-{random}{{5}}\b"),
                "$1-RANDOM",
            ),
            (r"\b10\.244\.\d+\.\d+".to_owned(), "POD-IP"),
            (
                r"\b10\.(9[7-9]|1\d\d)\.\d+\.\d+|\b10\.96\.([1-9]\d*\.\d+|0\.(1[1-9]|[2-9]\d|\d{3}))"
                    .to_owned(),
                "CLUSTER-IP",
            ),
            (r"127\.0\.0\.1:\d{5}".to_owned(), "127.0.0.1:PORT"),
            (r"podlab://[0-9a-f]{64}".to_owned(), "podlab://ID"),
            (r#"resourceVersion: "\d+""#.to_owned(), "resourceVersion: \"N\""),
            (r"(LIVE|MERGED)-\d+".to_owned(), "$1"),
            (r"\b(\d+m)?\d+s\b|\b\d+\.\d+ s\b".to_owned(), "AGE"),
            (r"[ \t]{2,}".to_owned(), "  "),
        ];
        let compiled = |(rule, word): (String, &'static str)| (Regex::new(&rule).expect("a rule"), word);
        Self(rules.into_iter().map(compiled).collect())
    }

    fn of(&self, text: &str, home: &Path) -> String {
        let text = text.replace(&*home.to_string_lossy(), "HOME");
        let mut normal = String::new();
        for line in text.lines() {
            let mut line = line.to_owned();
            for (rule, word) in &self.0 {
                line = rule.replace_all(&line, *word).into_owned();
            }
            let line = line.trim_end().trim_end_matches('\r');
            // An empty line would be taken for one of the story.
            normal += if line.is_empty() { "." } else { line };
            normal.push('\n');
        }
        normal
    }
}
