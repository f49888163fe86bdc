//! Linux' capabilities: their names, and which of them containers can have.

/// All of them, in the order of their numbers in `linux/capability.h`.
const ALL: [&str; 41] = [
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

/// Those that container runtimes give by default.
const DEFAULT: [&str; 14] = [
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

/// Further ones whose power ends at the pod's own namespaces, files and processes. With any other, a container of root's
/// podlab is as good as root of the host: it could mount the host's file systems, open its files by their numbers, load
/// modules, or trace the process that a command in it is started from.
const ON_REQUEST: [&str; 8] = [
    "IPC_LOCK",
    "IPC_OWNER",
    "LEASE",
    "LINUX_IMMUTABLE",
    "NET_ADMIN",
    "NET_BROADCAST",
    "SYS_NICE",
    "SYS_RESOURCE",
];

/// A capability, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(u8);

impl Capability {
    /// By its name, with or without `CAP_`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.strip_prefix("CAP_").unwrap_or(name);
        let (capability, _) = Self::all().zip(ALL).find(|(_, known)| *known == name)?;
        Some(capability)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).zip(ALL).map(|(number, _)| Self(number))
    }

    /// Those that a container has if its manifest says nothing.
    pub fn default_ones() -> impl Iterator<Item = Self> {
        DEFAULT.iter().filter_map(|name| Self::named(name))
    }

    /// Whether a container may have it.
    pub fn is_given(self) -> bool {
        let name = ALL[usize::from(self.0)];
        DEFAULT.contains(&name) || ON_REQUEST.contains(&name)
    }

    /// Its number in `linux/capability.h`.
    pub fn number(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_kernels() {
        for (name, number) in [
            ("CHOWN", 0),
            ("NET_RAW", 13),
            ("CAP_SYS_ADMIN", 21),
            ("CHECKPOINT_RESTORE", 40),
        ] {
            assert_eq!(
                Capability::named(name).map(Capability::number),
                Some(number),
                "{name}"
            );
        }
        assert_eq!(Capability::named("NET_ROOT"), None);
        assert_eq!(
            DEFAULT
                .iter()
                .chain(&ON_REQUEST)
                .filter(|name| ALL.contains(name))
                .count(),
            22
        );
    }
}
