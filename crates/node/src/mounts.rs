//! What a container sees of the file system: the host's programs read-only, and directories of its own.
//!
//! A container's root is a tmpfs. The host's directories are bound into it read-only; `/etc` and `/var` are the
//! host's with the container's own changes laid over them; `/tmp`, `/run` and `/dev/shm` are its own and empty.

#![expect(unsafe_code, reason = "nix has no mount_setattr")]

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{chdir, pivot_root};

use crate::process::Failure;

/// Where the sandbox has the host's files, read-only.
pub(crate) const HOST_FILES: &str = "/run/host";

/// Where a container's changes to `/etc` and `/var` are kept: a tmpfs that it doesn't see itself.
const LAYERS: &str = "/run/layers";

/// Where a container's root is made.
const ROOT: &str = "/run/root";
const PROC: &str = "/run/root/proc";
const SETTINGS: &str = "/run/root/proc/sys";

/// No set-user-ID programs, no devices.
pub(crate) const SAFE: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// Top-level directories that a container has of its own instead of the host's.
const OWN: &[&str] = &["dev", "etc", "proc", "run", "sys", "tmp", "var"];

/// A directory or a file of the pod that a container sees at a path of its choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// Where it is, outside of the container.
    pub source: PathBuf,
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
}

type Result = std::result::Result<(), Failure>;

impl Root {
    /// Makes the root, all but its `/proc`. For a thread with a mount namespace of its own.
    pub(crate) fn build(&self) -> Result {
        let root = Path::new(ROOT);
        fs::create_dir_all(root).or_fail("mkdir", root)?;
        tmpfs(root, "mode=755")?;
        fs::create_dir_all(LAYERS).or_fail("mkdir", Path::new(LAYERS))?;
        tmpfs(Path::new(LAYERS), "mode=755")?;
        self.bind_host_directories(root)?;
        self.lay_over(root, "etc")?;
        self.lay_over(root, "var")?;
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
        bind(&Path::new(HOST_FILES).join("dev"), &root.join("dev"))?;
        bind(&Path::new(HOST_FILES).join("sys"), &root.join("sys"))?;
        if root.join("dev/shm").is_dir() {
            tmpfs(&root.join("dev/shm"), "mode=1777")?;
        }
        for volume in &self.volumes {
            let target = root.join(volume.target.strip_prefix("/").unwrap_or(&volume.target));
            make_place(&volume.source, &target).or_fail("make", &volume.target)?;
            bind(&volume.source, &target)?;
            if volume.read_only {
                make_read_only(&target).or_fail("make read-only", &volume.target)?;
            }
        }
        Ok(())
    }

    /// Moves into the root. For the first process of a PID namespace, in the mount namespace in which the root was built.
    pub(crate) fn enter(&self) -> Result {
        let root = Path::new(ROOT);
        mount_proc()?;
        chdir(root).or_fail("chdir", root)?;
        pivot_root(".", ".").or_fail("pivot_root", root)?;
        umount2(".", MntFlags::MNT_DETACH).or_fail("unmount", Path::new("/"))
    }

    fn bind_host_directories(&self, root: &Path) -> Result {
        let host = Path::new(HOST_FILES);
        for entry in fs::read_dir(host).or_fail("read", host)? {
            let entry = entry.or_fail("read", host)?;
            let (from, to) = (entry.path(), root.join(entry.file_name()));
            let kind = entry.file_type().or_fail("stat", &from)?;
            if kind.is_symlink() {
                let target = fs::read_link(&from).or_fail("readlink", &from)?;
                std::os::unix::fs::symlink(target, &to).or_fail("symlink", &to)?;
            } else if kind.is_dir() && !OWN.iter().any(|own| entry.file_name() == *own) {
                fs::create_dir(&to).or_fail("mkdir", &to)?;
                bind(&from, &to)?;
            }
        }
        Ok(())
    }

    /// The host's directory with an empty one on top that takes all changes.
    fn lay_over(&self, root: &Path, name: &str) -> Result {
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
        mount(Some("overlay"), &merged, Some("overlay"), SAFE, Some(&*options))
            .or_fail("mount overlay", &merged)
    }
}

/// The processes of the container's own PID namespace; its kernel settings read-only.
fn mount_proc() -> Result {
    let (proc, settings) = (Path::new(PROC), Path::new(SETTINGS));
    let none: Option<&str> = None;
    mount(Some("proc"), proc, Some("proc"), SAFE | MsFlags::MS_NOEXEC, none).or_fail("mount proc", proc)?;
    bind(settings, settings)?;
    make_read_only(settings).or_fail("make read-only", settings)
}

/// Makes `target` something that `source` can be bound to.
fn make_place(source: &Path, target: &Path) -> io::Result<()> {
    if source.is_dir() {
        return fs::create_dir_all(target);
    }
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    match target.try_exists()? {
        true => Ok(()),
        false => fs::File::create(target).map(drop),
    }
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

/// Makes a mount and everything mounted below it read-only.
///
/// # Errors
/// `ENOSYS` before Linux 5.12.
pub(crate) fn make_read_only(path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: mount_attr is plain numbers; the path and the attributes live through the call.
    let result = unsafe {
        let mut attributes: libc::mount_attr = std::mem::zeroed();
        attributes.attr_set = libc::MOUNT_ATTR_RDONLY;
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

trait OrFail<T> {
    fn or_fail(self, what: &str, path: &Path) -> std::result::Result<T, Failure>;
}

impl<T, E: Into<io::Error>> OrFail<T> for std::result::Result<T, E> {
    fn or_fail(self, what: &str, path: &Path) -> std::result::Result<T, Failure> {
        self.map_err(|error| Failure(format!("{what} {}", path.display()), error.into()))
    }
}
