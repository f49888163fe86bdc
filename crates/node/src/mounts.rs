//! What a container sees of the file system: the host's programs read-only, and directories of its own.
//!
//! A container's root is a tmpfs. The host's directories of programs are bound into it read-only; `/etc` and `/var` are
//! the host's with the container's own changes laid over them; `/tmp`, `/var/tmp`, `/run` and `/dev` are its own. All
//! else of the host, home directories above all, it sees only by a volume.

pub(crate) mod host;
mod kernel;
pub(crate) mod place;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, fstat, umask};
use nix::unistd::{chdir, pivot_root};

use crate::process::Failure;
use host::{EMPTY, HOST_FILES, PROGRAMS};
use place::{AS_ROOT, Kind};

/// Where a container's changes to `/etc` and `/var` are kept: a tmpfs that it doesn't see itself.
const LAYERS: &str = "/run/layers";

/// Where a container's root is made.
const ROOT: &str = "/run/root";

/// No set-user-ID programs, no devices.
pub(crate) const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// A directory or a file that a container sees at a path of its choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// The volume, outside of the container: a path of podlab's own.
    pub volume: PathBuf,
    /// What of it, which no symbolic link leads out of.
    pub path: PathBuf,
    /// Where the container sees it: an absolute path.
    pub target: PathBuf,
    /// Whether the container can't write to it.
    pub read_only: bool,
}

/// What a container's root is made of.
#[derive(Debug, Clone)]
pub struct Root {
    /// Files that `/etc` has in place of the host's: name and text.
    pub etc: Vec<(&'static str, String)>,
    /// The pod's volumes.
    pub volumes: Vec<VolumeMount>,
    /// `readOnlyRootFilesystem`: whether only volumes, `/dev` and `/dev/shm` can be written to.
    pub read_only: bool,
}

type Result = std::result::Result<(), Failure>;

impl Root {
    /// Makes the root, all but its `/proc`. For a thread with a mount namespace of its own.
    pub(crate) fn build(&self) -> Result {
        // The caller's own may hide the directories that are made here from the users that containers have.
        umask(Mode::from_bits_truncate(0o022));
        let root = Path::new(ROOT);
        fs::create_dir_all(root).or_fail("mkdir", root)?;
        tmpfs(root, "mode=755")?;
        fs::create_dir_all(LAYERS).or_fail("mkdir", Path::new(LAYERS))?;
        tmpfs(Path::new(LAYERS), "mode=755")?;
        bind_programs(root)?;
        for name in ["etc", "var"] {
            lay_over(root, name)?;
        }
        own_var_tmp(root)?;
        for (name, text) in &self.etc {
            let file = root.join("etc").join(name);
            // The host's may be a symbolic link into a directory that a container doesn't have.
            let _ = fs::remove_file(&file);
            fs::write(&file, text).or_fail("write", &file)?;
        }
        for (name, mode) in [
            ("tmp", 0o1777),
            ("run", 0o755),
            ("proc", 0o555),
            ("dev", 0o755),
            ("sys", 0o555),
        ] {
            let directory = root.join(name);
            fs::create_dir(&directory).or_fail("mkdir", &directory)?;
            fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).or_fail("chmod", &directory)?;
        }
        kernel::mount_dev(&root.join("dev"))?;
        kernel::mount_sys(&root.join("sys"))?;
        let inside = place::open(root).or_fail("open", root)?;
        hide_homes(&inside)?;
        let written = [".", "etc", "var", "var/tmp"].map(|name| place::open(&root.join(name)));
        for volume in &self.volumes {
            volume.mount(&inside).or_fail("mount", &volume.target)?;
        }
        for mount in written.into_iter().filter(|_| self.read_only) {
            let made = mount.and_then(|mount| place::set_attributes(mount, libc::MOUNT_ATTR_RDONLY, 0));
            made.or_fail("make read-only", root)?;
        }
        Ok(())
    }

    /// Moves into the root. For the first process of a PID namespace, in the mount namespace in which the root was built.
    pub(crate) fn enter(&self) -> Result {
        let root = Path::new(ROOT);
        kernel::mount_proc(&root.join("proc"))?;
        chdir(root).or_fail("chdir", root)?;
        pivot_root(".", ".").or_fail("pivot_root", root)?;
        umount2(".", MntFlags::MNT_DETACH).or_fail("unmount", Path::new("/"))
    }
}

impl VolumeMount {
    /// Shows it inside of the root that is being made.
    fn mount(&self, root: &OwnedFd) -> io::Result<()> {
        let source = place::within(place::open(&self.volume)?, &self.path, AS_ROOT)?;
        let kind = match fstat(&source)?.st_mode & libc::S_IFMT {
            libc::S_IFDIR => Kind::Directory,
            _ => Kind::File,
        };
        let target = place::make_within(root, &self.target, kind, AS_ROOT)?;
        place::bind(source, target, self.read_only)
    }
}

fn bind_programs(root: &Path) -> Result {
    let programs = Path::new(PROGRAMS);
    for entry in fs::read_dir(programs).or_fail("read", programs)? {
        let entry = entry.or_fail("read", programs)?;
        let (from, to) = (entry.path(), root.join(entry.file_name()));
        if let Ok(target) = fs::read_link(&from) {
            std::os::unix::fs::symlink(target, &to).or_fail("symlink", &to)?;
        } else {
            fs::create_dir(&to).or_fail("mkdir", &to)?;
            bind(&from, &to)?;
        }
    }
    Ok(())
}

/// The host's directory with an empty one on top that takes all changes.
fn lay_over(root: &Path, name: &str) -> Result {
    let (merged, lower) = (root.join(name), Path::new(HOST_FILES).join(name));
    let (upper, work) = (
        Path::new(LAYERS).join(name),
        Path::new(LAYERS).join(format!("{name}.work")),
    );
    for directory in [&merged, &upper, &work] {
        fs::create_dir_all(directory).or_fail("mkdir", directory)?;
    }
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    overlay(&merged, &options)
}

/// In place of the host's, an empty one.
fn own_var_tmp(root: &Path) -> Result {
    let (own, place) = (Path::new(LAYERS).join("var.tmp"), root.join("var/tmp"));
    for directory in [&own, &place] {
        fs::create_dir_all(directory).or_fail("mkdir", directory)?;
    }
    fs::set_permissions(&own, fs::Permissions::from_mode(0o1777)).or_fail("chmod", &own)?;
    bind(&own, &place)
}

fn hide_homes(root: &OwnedFd) -> Result {
    for home in host::homes() {
        // It may not be there at all.
        if let Ok(place) = place::within(root, home, AS_ROOT) {
            let hidden = place::open(Path::new(EMPTY)).and_then(|empty| place::bind(empty, place, true));
            hidden.or_fail("hide", home)?;
        }
    }
    Ok(())
}

fn overlay(target: &Path, options: &str) -> Result {
    mount(Some("overlay"), target, Some("overlay"), SAFE, Some(options)).or_fail("mount overlay", target)
}

fn tmpfs(target: &Path, options: &str) -> Result {
    mount(Some("tmpfs"), target, Some("tmpfs"), SAFE, Some(options)).or_fail("mount tmpfs", target)
}

fn bind(source: &Path, target: &Path) -> Result {
    let none: Option<&str> = None;
    mount(
        Some(source),
        target,
        none,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        none,
    )
    .or_fail("bind", target)
}

trait OrFail<T> {
    fn or_fail(self, what: &str, path: &Path) -> std::result::Result<T, Failure>;
}

impl<T, E: Into<io::Error>> OrFail<T> for std::result::Result<T, E> {
    fn or_fail(self, what: &str, path: &Path) -> std::result::Result<T, Failure> {
        self.map_err(|error| Failure(format!("{what} {}", path.display()), error.into()))
    }
}
