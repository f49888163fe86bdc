//! As whom a container runs, and what it may do: `securityContext`, as far as one machine can honour it.

#![expect(
    unsafe_code,
    reason = "the C library changes users for all threads of the process, the kernel's own calls for one"
)]

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use crate::process::{Failure, OrFailure};

/// The capabilities that container runtimes give by default, by their numbers in `linux/capability.h`.
const DEFAULT_CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SYS_CHROOT",
    "MKNOD",
    "AUDIT_WRITE",
    "SETFCAP",
];

/// All capabilities, in the order of their numbers.
const CAPABILITIES: &[&str] = &[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// User, group and capabilities of a container's processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// `runAsUser`; root when missing.
    pub user: u32,
    /// `runAsGroup`; the user's number when missing.
    pub group: u32,
    /// Numbers of the capabilities that the container's root has.
    capabilities: Vec<u8>,
}

impl Privileges {
    /// What a container has when its manifest says nothing.
    pub fn new(user: u32, group: u32) -> Self {
        Self {
            user,
            group,
            capabilities: numbers(DEFAULT_CAPABILITIES.iter().copied()),
        }
    }

    /// With `securityContext.capabilities`: names with or without `CAP_`; `ALL` is all of them.
    #[must_use]
    pub fn with(mut self, add: &[String], drop: &[String]) -> Self {
        let named = |names: &[String]| {
            if names.iter().any(|name| name == "ALL") {
                return numbers(CAPABILITIES.iter().copied());
            }
            numbers(names.iter().map(|name| name.strip_prefix("CAP_").unwrap_or(name)))
        };
        let dropped = named(drop);
        self.capabilities
            .retain(|capability| !dropped.contains(capability));
        self.capabilities.extend(named(add));
        self
    }

    /// With `securityContext.privileged`: every capability.
    #[must_use]
    pub fn privileged(mut self) -> Self {
        self.capabilities = numbers(CAPABILITIES.iter().copied());
        self
    }

    /// Whether [`Self::take_on`] needs a user namespace: the sandbox of an ordinary user has one user only, which goes
    /// by another number there.
    pub(crate) fn need_user_namespace(&self) -> Result<bool, Failure> {
        Ok((self.user, self.group) != (0, 0) && !has_other_users().or_failure("read /proc/self/uid_map")?)
    }

    /// Makes the calling process run with these, for good. For a process that is about to execute a program.
    pub(crate) fn take_on(&self) -> io::Result<()> {
        self.drop_capabilities()?;
        if (self.user, self.group) == (0, 0) {
            return Ok(());
        }
        if has_other_users()? {
            return self.change_numbers();
        }
        unshare(CloneFlags::CLONE_NEWUSER)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{} 0 1", self.user))?;
        fs::write("/proc/self/gid_map", format!("{} 0 1", self.group))
    }

    /// By the kernel's own calls: those of the C library change all threads of the process that this one may still share
    /// its memory with.
    fn change_numbers(&self) -> io::Result<()> {
        let (user, group) = (self.user, self.group);
        // SAFETY: takes numbers, and the address of one that lives through the call.
        let set = unsafe { libc::syscall(libc::SYS_setgroups, 1, &raw const group) };
        Errno::result(set)?;
        // SAFETY: takes a number only.
        Errno::result(unsafe { libc::syscall(libc::SYS_setgid, group) })?;
        // SAFETY: takes a number only.
        Errno::result(unsafe { libc::syscall(libc::SYS_setuid, user) })?;
        Ok(())
    }

    /// From the bounding set: executing a program then can't give them back, whoever executes it.
    fn drop_capabilities(&self) -> io::Result<()> {
        for number in 0..CAPABILITIES.len() as u8 {
            if self.capabilities.contains(&number) {
                continue;
            }
            // SAFETY: takes numbers only.
            let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) };
            let error = io::Error::last_os_error();
            // EINVAL: this kernel is older than the capability.
            if result != 0 && error.raw_os_error() != Some(libc::EINVAL) {
                return Err(error);
            }
        }
        Ok(())
    }
}

fn numbers<'a>(names: impl Iterator<Item = &'a str>) -> Vec<u8> {
    names
        .filter_map(|name| CAPABILITIES.iter().position(|capability| *capability == name))
        .filter_map(|number| u8::try_from(number).ok())
        .collect()
}

/// Whether the user namespace maps more than the one user that runs podlab.
fn has_other_users() -> io::Result<bool> {
    let map = fs::read_to_string("/proc/self/uid_map")?;
    Ok(map.split_whitespace().nth(2) != Some("1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_added_and_dropped_by_name() {
        let default = Privileges::new(0, 0);
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let cases: &[(&[&str], &[&str], &[u8])] = &[
            (&["NET_ADMIN"], &["ALL"], &[12]),
            (&["CAP_NET_ADMIN"], &["ALL"], &[12]),
            (&[], &["ALL"], &[]),
        ];
        for (add, drop, expected) in cases {
            assert_eq!(
                default.clone().with(&names(add), &names(drop)).capabilities,
                *expected,
                "{add:?} {drop:?}"
            );
        }
        assert!(!default.with(&[], &names(&["NET_RAW"])).capabilities.contains(&13));
    }

    #[test]
    fn the_numbers_are_the_kernels() {
        for (name, number) in [
            ("CHOWN", 0),
            ("NET_RAW", 13),
            ("SYS_ADMIN", 21),
            ("CHECKPOINT_RESTORE", 40),
        ] {
            assert_eq!(numbers([name].into_iter()), [number], "{name}");
        }
    }
}
