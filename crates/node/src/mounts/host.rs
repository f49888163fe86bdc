//! What containers may see of the host, prepared once for the whole sandbox: its programs, a few of its devices, and
//! podlab's own program, all read-only.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{FileStat, fstat, stat};
use nix::unistd::geteuid;

use super::place::{self, AS_ROOT};
use super::{OrFail, Result, SAFE, bind, overlay};
use crate::process::SELF;
use crate::sandbox::RUN_DIR;

/// All files of the host, read-only. No container sees this directory.
pub(crate) const HOST_FILES: &str = "/run/host";

/// The top-level directories of the host that have programs, as containers see them.
pub(super) const PROGRAMS: &str = "/run/programs";

/// An empty directory that stays so.
pub(super) const EMPTY: &str = "/run/empty";

/// The devices that every container has.
pub(super) const DEVICES: &str = "/run/devices";
pub(super) const DEVICE_NAMES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// The one that leads nowhere: by a descriptor of the host's own, its mode could be changed.
pub(crate) const NULL: &str = "/run/devices/null";

/// The program that is running, on a mount through which nobody can write to it.
const OWN_PROGRAM: &str = "/run/podlab";

/// Where hosts have programs and what these need, beside `/etc` and `/var`.
const PROGRAM_DIRECTORIES: [&str; 11] = [
    "bin", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "sbin", "snap", "usr",
];

/// Those of them in which services have their sockets: a read-only mount keeps nobody from connecting to one, but an
/// overlay does.
const WITH_SOCKETS: [&str; 3] = ["gnu", "nix", "opt"];

const SHOWN: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID;

/// For the sandbox's first process, in its mount namespace, with a tmpfs of its own at [`RUN_DIR`].
pub(crate) fn prepare() -> Result {
    let host = Path::new(HOST_FILES);
    fs::create_dir(host).or_fail("mkdir", host)?;
    bind(Path::new("/"), host)?;
    shown(host, libc::MOUNT_ATTR_NODEV)?;
    // The copy of this tmpfs inside of it: nobody needs it.
    let _ = umount2(&*format!("{HOST_FILES}{RUN_DIR}"), MntFlags::MNT_DETACH);
    let empty = Path::new(EMPTY);
    fs::create_dir(empty).or_fail("mkdir", empty)?;
    let none: Option<&str> = None;
    mount(
        Some("tmpfs"),
        empty,
        Some("tmpfs"),
        SAFE | MsFlags::MS_RDONLY,
        none,
    )
    .or_fail("mount tmpfs", empty)?;
    show_devices()?;
    show_programs()?;
    // Who runs it may have started it in a way that leaves no path to it.
    let _ = show_own_program();
    Ok(())
}

fn show_devices() -> Result {
    let directory = Path::new(DEVICES);
    fs::create_dir(directory).or_fail("mkdir", directory)?;
    for name in DEVICE_NAMES {
        let (device, place) = (Path::new("/dev").join(name), directory.join(name));
        File::create(&place).or_fail("create", &place)?;
        bind(&device, &place)?;
        // Not for writing to the device, but for changing its owner and mode.
        shown(&place, libc::MOUNT_ATTR_NOEXEC)?;
    }
    Ok(())
}

fn show_programs() -> Result {
    fs::create_dir(PROGRAMS).or_fail("mkdir", Path::new(PROGRAMS))?;
    for name in PROGRAM_DIRECTORIES {
        let (of_host, place) = (Path::new(HOST_FILES).join(name), Path::new(PROGRAMS).join(name));
        let Ok(metadata) = fs::symlink_metadata(&of_host) else {
            continue;
        };
        if metadata.is_symlink() {
            let target = fs::read_link(&of_host).or_fail("readlink", &of_host)?;
            std::os::unix::fs::symlink(target, &place).or_fail("symlink", &place)?;
        } else if metadata.is_dir() {
            fs::create_dir(&place).or_fail("mkdir", &place)?;
            if WITH_SOCKETS.contains(&name) {
                // The kernel wants two directories at least.
                overlay(&place, &format!("lowerdir={}:{EMPTY}", of_host.display()))?;
            } else {
                bind(&of_host, &place)?;
            }
        }
    }
    Ok(())
}

/// Built-in workloads are processes of it, and a container could write to it through their `/proc/PID/exe`.
fn show_own_program() -> io::Result<()> {
    let path = fs::read_link(SELF)?;
    let found = place::within(place::open(Path::new(HOST_FILES))?, &path, AS_ROOT)?;
    let same = |one: &FileStat, other: &FileStat| (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino);
    if !same(&fstat(&found)?, &stat(SELF)?) {
        return Err(io::ErrorKind::NotFound.into());
    }
    File::create(OWN_PROGRAM)?;
    place::bind(found, place::open(Path::new(OWN_PROGRAM))?, true)
}

/// The program that is running, to be executed by others.
pub(crate) fn own_program() -> io::Result<OwnedFd> {
    place::open(Path::new(OWN_PROGRAM)).or_else(|_| place::open(Path::new(SELF)))
}

/// Whether the host has a file at an absolute path.
pub(crate) fn has(path: &Path) -> bool {
    let host = place::open(Path::new(HOST_FILES));
    path.is_absolute() && host.is_ok_and(|host| place::within(host, path, AS_ROOT).is_ok())
}

fn shown(place: &Path, further: u64) -> Result {
    let mount = place::open(place).or_fail("open", place)?;
    place::set_attributes(mount, SHOWN | further, libc::AT_RECURSIVE).or_fail("make read-only", place)
}

/// Home directories of people that lie where containers see the host's files, such as a CI runner's below `/opt`.
pub(super) fn homes() -> &'static [PathBuf] {
    static HOMES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    HOMES.get_or_init(|| {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let own = std::env::var_os("HOME").map(PathBuf::from);
        let all = users
            .lines()
            .filter_map(|line| home(line, geteuid().as_raw()))
            .chain(own);
        all.filter(|home| is_shown(home)).collect()
    })
}

/// The home directory that a line of `/etc/passwd` has, if it is one of `user` or of a person.
fn home(line: &str, user: u32) -> Option<PathBuf> {
    let mut fields = line.split(':').skip(2);
    let number: u32 = fields.next()?.parse().ok()?;
    let home = fields.nth(2)?;
    let is_person = (1000..65534).contains(&number);
    (is_person || number == user).then(|| home.into())
}

/// Whether containers see it, and it isn't a directory of programs itself.
fn is_shown(home: &Path) -> bool {
    let mut parts = home.iter().skip(1);
    let top = parts.next().and_then(OsStr::to_str).unwrap_or_default();
    matches!(top, "gnu" | "nix" | "opt" | "snap" | "var") && parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_those_of_people_where_containers_see_them() {
        let users = [
            ("runner:x:1001:1001::/opt/runner:/bin/sh", Some("/opt/runner")),
            (
                "jenkins:x:500:500::/var/lib/jenkins:/bin/sh",
                Some("/var/lib/jenkins"),
            ),
            ("postgres:x:104:110::/var/lib/postgresql:/bin/sh", None),
            ("nobody:x:65534:65534::/nonexistent:/bin/sh", None),
        ];
        for (line, expected) in users {
            assert_eq!(home(line, 500).as_deref(), expected.map(Path::new), "{line}");
        }
        for (home, expected) in [
            ("/var/lib/jenkins", true),
            ("/var", false),
            ("/usr/sbin", false),
            ("/home/a", false),
        ] {
            assert_eq!(is_shown(Path::new(home)), expected, "{home}");
        }
    }
}
