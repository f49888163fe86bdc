//! Live clusters for tests: they have a place of their own, and go with it.

use std::fs;
use std::io::{Seek, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kube::config::{self, KubeConfigOptions};
use kube::{Client, Config};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde_json::Value;
use tempfile::TempDir;

use crate::https::Kubeconfig;
use crate::{NOBODY, User, podlab, printed};

/// The smallest cluster that has everything: two pods behind a service, and a step.
pub const SMALL: &str = include_str!("small.yaml");

/// Where a user's live clusters are, apart from those of all others.
pub struct Place {
    user: User,
    directory: TempDir,
}

impl Place {
    /// A new one, without clusters.
    pub fn new(user: User) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // Others may look into it, so that only podlab keeps them from what is inside.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory.path(), open).expect("chmod");
        if user == User::Ordinary && geteuid().is_root() {
            chown(directory.path(), Some(NOBODY), Some(NOBODY)).expect("chown");
        }
        Self { user, directory }
    }

    /// Whose it is.
    pub fn user(&self) -> User {
        self.user
    }

    /// Its directory: `XDG_RUNTIME_DIR`.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// `podlab ARGUMENTS…`.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = podlab(self.user);
        command.env("XDG_RUNTIME_DIR", self.path()).args(arguments);
        command
    }

    /// Runs `podlab ARGUMENTS…`; its exit code, and what it printed.
    pub fn run(&self, arguments: &[&str]) -> (i32, Output) {
        let output = self.command(arguments).output().expect("podlab runs");
        (output.status.code().unwrap_or(-1), output)
    }

    /// Starts a cluster from manifests, if there are any, and waits for it, or fails.
    pub fn up(&self, name: &str, manifests: &str) -> Kubeconfig {
        let output = self.try_up(name, manifests);
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        Kubeconfig::read(&self.kubeconfig(name))
    }

    /// Tries to start a cluster from manifests, if there are any.
    pub fn try_up(&self, name: &str, manifests: &str) -> Output {
        if manifests.is_empty() {
            return self.run(&["up", "--name", name]).1;
        }
        let up = self
            .command(&["up", "--name", name, "-f", "-"])
            .stdin(file(manifests))
            .output();
        up.expect("podlab runs")
    }

    /// What `podlab kubeconfig` prints.
    pub fn kubeconfig(&self, name: &str) -> PathBuf {
        let (code, output) = self.run(&["kubeconfig", "--name", name]);
        assert_eq!(code, 0, "{}", printed(&output));
        String::from_utf8_lossy(&output.stdout).trim().into()
    }

    /// The supervisors of the clusters that are up, by name.
    pub fn supervisors(&self) -> Vec<(String, Pid)> {
        let (code, output) = self.run(&["list", "-o", "json"]);
        assert_eq!(code, 0, "{}", printed(&output));
        let clusters: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        let known = |cluster: &Value| {
            let pid = i32::try_from(cluster["pid"].as_i64()?).ok()?;
            Some((cluster["name"].as_str()?.to_owned(), Pid::from_raw(pid)))
        };
        let known = clusters
            .iter()
            .map(|cluster| known(cluster).expect("name and pid"));
        known.collect()
    }

    /// The supervisor of a cluster.
    pub fn supervisor(&self, name: &str) -> Pid {
        let all = self.supervisors();
        let found = all.into_iter().find(|(other, _)| other == name);
        found.expect("the cluster is up").1
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for (_, supervisor) in self.supervisors() {
            let _ = kill(supervisor, Signal::SIGKILL);
        }
    }
}

/// A client of the API of the cluster that a kubeconfig leads to, by Rust's client library.
pub async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = config::Kubeconfig::read_from(kubeconfig).expect("the kubeconfig");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options);
    Client::try_from(config.await.expect("a whole kubeconfig")).expect("a client")
}

/// A file that can be read by who may not open it.
pub fn file(text: &str) -> fs::File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("the file is written");
    file.rewind().expect("the file is rewound");
    file
}
