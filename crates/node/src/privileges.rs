//! As whom a container runs, and what it may do: `securityContext`, as far as one machine can honour it.

#![expect(
    unsafe_code,
    reason = "the C library changes users for all threads of the process, the kernel's own calls for one"
)]

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use podlab_api::capabilities::Capability;

use crate::process::{Failure, OrFailure};
use crate::seccomp;

/// User, group and capabilities of a container's processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// `runAsUser`; root when missing.
    pub user: u32,
    /// `runAsGroup`; the user's number when missing.
    pub group: u32,
    /// `supplementalGroups` and `fsGroup`.
    groups: Vec<u32>,
    /// What the container's root may do.
    capabilities: Vec<Capability>,
}

impl Privileges {
    /// What a container has when its manifest says nothing.
    pub fn new(user: u32, group: u32) -> Self {
        Self {
            user,
            group,
            groups: Vec::new(),
            capabilities: Capability::default_ones().collect(),
        }
    }

    /// With further groups. An ordinary user's podlab has none to give.
    #[must_use]
    pub fn in_groups(mut self, groups: impl Iterator<Item = u32>) -> Self {
        self.groups.extend(groups);
        self
    }

    /// With `securityContext.capabilities`: names with or without `CAP_`; `ALL` is all of them. What no container may
    /// have isn't given.
    #[must_use]
    pub fn with(mut self, add: &[String], drop: &[String]) -> Self {
        let are_all = |names: &[String]| names.iter().any(|name| name == "ALL");
        let named = |names: &[String]| {
            names
                .iter()
                .filter_map(|name| Capability::named(name))
                .collect::<Vec<_>>()
        };
        if are_all(add) {
            self = self.privileged();
        }
        if are_all(drop) {
            self.capabilities.clear();
        }
        let added = named(add).into_iter().filter(|capability| capability.is_given());
        self.capabilities.extend(added);
        let dropped = named(drop);
        self.capabilities
            .retain(|capability| !dropped.contains(capability));
        self
    }

    /// With `securityContext.privileged`: every capability that containers may have.
    #[must_use]
    pub fn privileged(mut self) -> Self {
        self.capabilities = Capability::all()
            .filter(|capability| capability.is_given())
            .collect();
        self
    }

    /// Whether [`Self::take_on`] needs a user namespace: the sandbox of an ordinary user has one user only, which goes
    /// by another number there.
    pub(crate) fn need_user_namespace(&self) -> Result<bool, Failure> {
        Ok((self.user, self.group) != (0, 0) && !has_other_users().or_failure("read /proc/self/uid_map")?)
    }

    /// Makes the calling process run with these, for good. For a process that is about to execute a program: only that
    /// takes the capabilities away, so that nobody in the container may trace who still shares podlab's memory.
    pub(crate) fn take_on(&self) -> io::Result<()> {
        let has_other_users = has_other_users()?;
        if (self.user, self.group) != (0, 0) && !has_other_users {
            unshare(CloneFlags::CLONE_NEWUSER)?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("{} 0 1", self.user))?;
            fs::write("/proc/self/gid_map", format!("{} 0 1", self.group))?;
        }
        self.limit_capabilities()?;
        if has_other_users {
            self.change_numbers()?;
        }
        nix::sys::prctl::set_no_new_privs()?;
        seccomp::filter()
    }

    /// By the kernel's own calls: those of the C library change all threads of the process that this one may still share
    /// its memory with.
    fn change_numbers(&self) -> io::Result<()> {
        let (user, group) = (self.user, self.group);
        let groups: Vec<u32> = self.groups.iter().copied().chain([group]).collect();
        // SAFETY: takes a number, and the address of as many that live through the call.
        let set = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
        Errno::result(set)?;
        // SAFETY: takes a number only.
        Errno::result(unsafe { libc::syscall(libc::SYS_setgid, group) })?;
        // SAFETY: takes a number only.
        Errno::result(unsafe { libc::syscall(libc::SYS_setuid, user) })?;
        Ok(())
    }

    /// Executing a program gives its root what is in the bounding set, and what is inherited: no more than these.
    fn limit_capabilities(&self) -> io::Result<()> {
        for capability in Capability::all().filter(|one| !self.capabilities.contains(one)) {
            let number = libc::c_ulong::from(capability.number());
            // SAFETY: takes numbers only.
            match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) }) {
                // This kernel is older than the capability.
                Err(Errno::EINVAL) => {}
                dropped => drop(dropped?),
            }
        }
        inherit_none()
    }
}

/// `struct __user_cap_header_struct` and `struct __user_cap_data_struct` of `linux/capability.h`.
#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Empties the inheritable and the ambient set, which whoever started podlab may have filled.
fn inherit_none() -> io::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let mut sets = [Sets::default(); 2];
    // SAFETY: the header and both halves of the sets live through the call, which fills the sets.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, &raw const header, sets.as_mut_ptr()) })?;
    for half in &mut sets {
        half.inheritable = 0;
    }
    // SAFETY: as above; the kernel only reads.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) })?;
    // SAFETY: takes numbers only.
    let cleared = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    Errno::result(cleared)?;
    Ok(())
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
    fn capabilities_are_added_and_dropped_as_runtimes_do() {
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let with =
            |add: &[&str], drop: &[&str]| Privileges::new(0, 0).with(&names(add), &names(drop)).capabilities;
        let capability = |name| Capability::named(name).unwrap();
        let (admin, raw) = (capability("NET_ADMIN"), capability("NET_RAW"));
        assert_eq!(with(&["NET_ADMIN"], &["ALL"]), [admin]);
        assert_eq!(with(&["CAP_NET_ADMIN"], &["ALL"]), [admin]);
        assert_eq!(with(&[], &["ALL"]), []);
        assert!(!with(&[], &["NET_RAW"]).contains(&raw));
        assert!(!with(&["NET_RAW"], &["NET_RAW"]).contains(&raw));
        assert!(!with(&["ALL"], &["NET_RAW"]).contains(&raw));
        assert!(with(&["ALL"], &["NET_RAW"]).contains(&admin));
    }

    #[test]
    fn no_container_has_what_leads_out_of_it() {
        let names = ["SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH", "BPF"].map(str::to_owned);
        let refused = names.clone().map(|name| Capability::named(&name).unwrap());
        let contexts = [
            Privileges::new(0, 0).with(&names, &[]),
            Privileges::new(0, 0).with(&["ALL".to_owned()], &[]),
            Privileges::new(0, 0).privileged(),
        ];
        for context in contexts {
            assert!(
                !context.capabilities.iter().any(|one| refused.contains(one)),
                "{context:?}"
            );
        }
    }
}
