//! The kernel's own directories as a container has them: `/dev`, `/sys` and `/proc`, with what concerns the container.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use super::host::{DEVICE_NAMES, DEVICES, EMPTY, NULL};
use super::{OrFail, Result, SAFE, bind, tmpfs};
use crate::mounts::place;

/// What container runtimes hide of `/proc`: the whole machine's memory, keys, timers, hardware.
const HIDDEN_FILES: [&str; 7] = [
    "interrupts",
    "kcore",
    "keys",
    "latency_stats",
    "sched_debug",
    "timer_list",
    "timer_stats",
];
const HIDDEN_DIRECTORIES: [&str; 3] = ["acpi", "asound", "scsi"];

/// What they make read-only: settings of the kernel and of devices.
const READ_ONLY: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// What they hide of `/sys`.
const HIDDEN_IN_SYS: [&str; 2] = ["firmware", "devices/virtual/powercap"];

/// Devices that concern nobody else, terminals of the container's own, and memory to share.
pub(super) fn mount_dev(dev: &Path) -> Result {
    tmpfs(dev, "mode=755,size=64k")?;
    for name in DEVICE_NAMES {
        let place = dev.join(name);
        File::create(&place).or_fail("create", &place)?;
        bind(&Path::new(DEVICES).join(name), &place)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        let link = dev.join(name);
        symlink(target, &link).or_fail("symlink", &link)?;
    }
    let (terminals, memory) = (dev.join("pts"), dev.join("shm"));
    for directory in [&terminals, &memory] {
        fs::create_dir(directory).or_fail("mkdir", directory)?;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = Some("newinstance,ptmxmode=0666,mode=0620");
    mount(Some("devpts"), &terminals, Some("devpts"), flags, options).or_fail("mount devpts", &terminals)?;
    tmpfs(&memory, "mode=1777,size=64m")
}

/// The kernel's objects, with the devices of the network that the calling thread is in.
pub(super) fn mount_sys(sys: &Path) -> Result {
    let none: Option<&str> = None;
    let flags = SAFE | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    match mount(Some("sysfs"), sys, Some("sysfs"), flags, none) {
        // Where podlab runs in a container whose /sys hides something, nobody gets to see more. It stays empty.
        Err(Errno::EPERM) => return Ok(()),
        mounted => mounted.or_fail("mount sysfs", sys)?,
    }
    hide(sys, &HIDDEN_IN_SYS, EMPTY)
}

/// The processes of the calling process's PID namespace; the kernel's settings read-only.
pub(super) fn mount_proc(proc: &Path) -> Result {
    let none: Option<&str> = None;
    mount(Some("proc"), proc, Some("proc"), SAFE | MsFlags::MS_NOEXEC, none).or_fail("mount proc", proc)?;
    for name in READ_ONLY {
        let path = proc.join(name);
        let Ok(source) = place::open(&path) else { continue };
        place::bind(&source, &source, true).or_fail("make read-only", &path)?;
    }
    hide(proc, &HIDDEN_FILES, NULL)?;
    hide(proc, &HIDDEN_DIRECTORIES, EMPTY)
}

/// Shows `instead` in place of what this kernel has of `names`.
fn hide(directory: &Path, names: &[&str], instead: &str) -> Result {
    let none: Option<&str> = None;
    for name in names {
        let path = directory.join(name);
        match mount(Some(instead), &path, none, MsFlags::MS_BIND, none) {
            Err(Errno::ENOENT) => {}
            mounted => mounted.or_fail("hide", &path)?,
        }
    }
    Ok(())
}
