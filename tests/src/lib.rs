//! What the end-to-end tests share: the built binary, and the users that it is run as.

#![expect(
    unsafe_code,
    reason = "the standard library doesn't say which signals a process ignores"
)]

pub mod flips;
pub mod host;
pub mod https;
pub mod lab;
pub mod live;
pub mod load;
pub mod processes;
pub mod sandboxed;

use std::fmt::Debug;
use std::os::fd::IntoRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Once, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, open};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;

/// The user that tests run as root use to be an ordinary one: `nobody`.
pub const NOBODY: u32 = 65534;

/// As whom podlab is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Root, without a user namespace.
    Root,
    /// Somebody without privileges: podlab makes a user namespace.
    Ordinary,
}

impl User {
    /// All that this test run can be: root can be both.
    pub fn all() -> &'static [User] {
        if geteuid().is_root() {
            &[User::Root, User::Ordinary]
        } else {
            &[User::Ordinary]
        }
    }

    /// PATH as Debian gives it to this user: programs for administrators are not in an ordinary user's.
    pub fn path(self) -> &'static str {
        match self {
            User::Root => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            User::Ordinary => "/usr/local/bin:/usr/bin:/bin",
        }
    }
}

/// The workspace's folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("/"))
}

/// A new command: the built binary, run as `user`, with an environment that doesn't depend on who runs the tests.
///
/// It starts in the workspace, unless `user` is not who runs the tests: then perhaps only that one may enter it,
/// so it starts in `/`, and is given files on standard input.
pub fn podlab(user: User) -> Command {
    heed_interrupts();
    let mut command = Command::new(binary());
    command
        .current_dir(workspace())
        .env_clear()
        .env("PATH", user.path())
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null());
    if user == User::Ordinary && geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    command
}

/// Who runs the tests in the background of a script has them, and all that they start, ignore SIGINT.
fn heed_interrupts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default runs no code of this process.
        let before = unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) };
        before.expect("SIGINT can be heeded");
    });
}

/// A podlab that runs, and is killed with the test that started it, however that ends.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a run printed on standard output.
pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a run printed on standard error.
pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a run printed, as text, for the message of a failed assertion.
pub fn printed(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        out(output),
        err(output)
    )
}

/// The binary, built from what is in the workspace now. It is named by a descriptor that children inherit, so that
/// they can run it even from a folder that they may not enter.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        // What cargo says to tests of their package would be taken for news by ring's build script, and all that needs
        // ring be built again, by each in turn.
        for (name, _) in std::env::vars_os() {
            let of_package = name
                .to_str()
                .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
            if of_package {
                command.env_remove(name);
            }
        }
        let built = command
            .args([
                "build",
                "--quiet",
                "--package",
                "podlab",
                "--message-format",
                "json",
            ])
            .args(if cfg!(debug_assertions) {
                None
            } else {
                Some("--release")
            })
            .current_dir(workspace())
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(built.status.success(), "cargo build failed");
        let path = String::from_utf8_lossy(&built.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the binary");
        let descriptor = open(&path, OFlag::O_RDONLY, Mode::empty()).expect("the binary is there");
        format!("/proc/self/fd/{}", descriptor.into_raw_fd()).into()
    })
}

/// How long tests wait for what is to come.
const IN_TIME: Duration = Duration::from_secs(10);

/// Waits until it is so, or fails after 10 seconds.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    in_time(|| (!so()).then(|| what.to_owned()));
}

/// Waits until nothing is left, or fails after 10 seconds with what is.
pub fn until_none<T: Debug>(what: &str, left: impl Fn() -> Vec<T>) {
    in_time(|| {
        let left = left();
        (!left.is_empty()).then(|| format!("{what}: left are {left:?}"))
    });
}

/// Waits until there is nothing to complain of, or fails with the last complaint.
fn in_time(mut complaint: impl FnMut() -> Option<String>) {
    let deadline = Instant::now() + IN_TIME;
    while let Some(complaint) = complaint() {
        assert!(Instant::now() < deadline, "not in time: {complaint}");
        sleep(Duration::from_millis(5));
    }
}
