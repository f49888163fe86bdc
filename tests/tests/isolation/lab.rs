//! A cluster with pods to try things in, and things of the host that none of them may reach.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Command, Output};

use nix::unistd::geteuid;
use podlab_tests::live::{Place, file};
use podlab_tests::{NOBODY, User, printed};
use serde_json::Value;
use tempfile::TempDir;

/// What the host has as a secret.
pub(crate) const SECRET: &str = "only-the-host-knows";

pub(crate) struct Lab {
    pub(crate) user: User,
    place: Place,
    /// The home of who runs podlab: where containers see the host's files, if these tests may make it there.
    pub(crate) home: TempDir,
    /// Servers of the host: on all of its addresses, at paths, and at an abstract name.
    pub(crate) tcp: TcpListener,
    pub(crate) sockets: Vec<String>,
    _servers: Vec<UnixListener>,
    pub(crate) abstract_name: String,
}

/// Whether these tests may make files where containers see them.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// What a command in a pod came to.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) succeeded: bool,
    /// What it printed, wherever.
    pub(crate) said: String,
}

impl Tried {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        Self {
            succeeded: output.status.success(),
            said: format!("{}\n{}", text(&output.stdout), text(&output.stderr))
                .trim()
                .to_owned(),
        }
    }
}

impl Lab {
    pub(crate) fn new(user: User) -> Self {
        let place = Place::new(user);
        let home = tempfile::tempdir_in(if is_root() { "/var/lib" } else { "/var/tmp" }).unwrap();
        fs::create_dir(home.path().join("work")).unwrap();
        fs::write(home.path().join("work/secret"), SECRET).unwrap();
        let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        for path in [home.path(), &home.path().join("work")] {
            open(path);
            if user == User::Ordinary && is_root() {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let name = home.path().file_name().unwrap().display().to_string();
        let places: &[&str] = if is_root() {
            &["/var/lib", "/opt"]
        } else {
            &["/var/tmp"]
        };
        let sockets: Vec<_> = places
            .iter()
            .map(|place| format!("{place}/{name}.socket"))
            .collect();
        let mut servers: Vec<_> = sockets
            .iter()
            .map(|path| UnixListener::bind(path).unwrap())
            .collect();
        sockets.iter().for_each(|path| open(path.as_ref()));
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        servers.push(UnixListener::bind_addr(&address).unwrap());
        let lab = Self {
            user,
            place,
            home,
            tcp: TcpListener::bind("0.0.0.0:0").unwrap(),
            sockets,
            _servers: servers,
            abstract_name: name,
        };
        let up = lab.up().output().unwrap();
        assert_eq!(up.status.code(), Some(0), "{}", printed(&up));
        lab
    }

    /// Root starts podlab with capabilities that are handed on, and an environment with a secret.
    fn up(&self) -> Command {
        let manifests = include_str!("pods.yaml").replace("HOME", &self.home.path().display().to_string());
        let podlab = self.place.command(&["up", "-f", "-"]);
        let mut up = podlab;
        if self.user == User::Root {
            let mut wrapped = Command::new("setpriv");
            wrapped.args(["--inh-caps=+sys_admin", "--ambient-caps=+sys_admin"]);
            wrapped.arg(up.get_program()).args(up.get_args());
            wrapped.env_clear();
            for (name, value) in up.get_envs() {
                wrapped.env(name, value.unwrap_or_default());
            }
            up = wrapped;
        }
        up.stdin(file(&manifests))
            .env("SECRET", SECRET)
            .env("HOME", self.home.path());
        up
    }

    /// Runs a shell script in a pod.
    pub(crate) fn run(&self, pod: &str, script: &str) -> Tried {
        let (_, output) = self
            .place
            .run(&["exec", pod, "-c", "main", "--", "sh", "-c", script]);
        Tried::new(&output)
    }

    /// What a shell script in a pod prints, which must succeed.
    pub(crate) fn printed(&self, pod: &str, script: &str) -> String {
        let tried = self.run(pod, script);
        assert!(tried.succeeded, "{pod}: {script}: {tried:?}");
        tried.said
    }

    /// Tries what must fail, with a part of what is said then.
    pub(crate) fn refused(&self, pod: &str, script: &str, said: &str) {
        let tried = self.run(pod, script);
        let is_refused = !tried.succeeded && tried.said.contains(said);
        assert!(is_refused, "{:?}: {pod}: {script}: {tried:?}", self.user);
    }

    /// Applies a manifest; what podlab says of it.
    pub(crate) fn apply(&self, manifest: &str) -> Tried {
        let apply = self
            .place
            .command(&["apply", "-f", "-"])
            .stdin(file(manifest))
            .output();
        Tried::new(&apply.unwrap())
    }

    /// Builds another cluster from a manifest, and takes it down when all is ready.
    pub(crate) fn run_manifest(&self, manifest: &str) -> Tried {
        let run = self.place.command(&["run", "-"]).stdin(file(manifest)).output();
        Tried::new(&run.unwrap())
    }

    /// A pod as the API has it.
    pub(crate) fn pod(&self, name: &str) -> Value {
        let (_, output) = self.place.run(&["get", "pod", name, "-o", "json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for socket in &self.sockets {
            let _ = fs::remove_file(socket);
        }
    }
}
