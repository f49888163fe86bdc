//! What a machine has for a cluster, so that one which is too large is refused before it is built.

mod left;

use std::fmt;
use std::fs;
use std::io;
use std::thread::available_parallelism;

use nix::sys::resource::{Resource as Limit, getrlimit, setrlimit};

/// What pods take of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// In bytes.
    Memory,
    /// Descriptors of podlab's process.
    OpenFiles,
    /// Network namespaces.
    Namespaces,
    /// Processes.
    Processes,
}

/// How many pods and containers a cluster is to have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// With the cluster's own.
    pub pods: u64,
    /// The containers of all of them.
    pub containers: u64,
}

/// What a machine has left for a cluster; what can't be found out is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    memory: u64,
    files: u64,
    namespaces: u64,
    processes: u64,
}

/// A cluster that the machine has no room for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster is too large for this machine: {pods} pods need {}, and there are {}. {}",
    amount(*resource, *needed), amount(*resource, *there), way_out(*resource, *needed)
)]
pub struct TooLarge {
    /// How many pods it is to have.
    pub pods: u64,
    /// What there is too little of.
    pub resource: Resource,
    /// How much it needs of that.
    pub needed: u64,
    /// How much there is.
    pub there: u64,
}

const MIB: u64 = 1024 * 1024;

/// What a cluster takes whatever its size, what each pod takes, and each container, measured as the difference that a
/// thousand pods of `podlab/echo` make: of `MemAvailable`, of `/proc/PID/fd`, of what `/proc/sys/user` limits.
const COSTS: [(Resource, u64, u64, u64); 4] = [
    // The kernel's part of a pod is its network namespace with its devices, mounts and process; a container's is what
    // the smallest of programs has for itself.
    (Resource::Memory, 128 * MIB, MIB, MIB / 2),
    (Resource::OpenFiles, 128, 4, 4),
    (Resource::Namespaces, 4, 1, 0),
    (Resource::Processes, 32, 0, 1),
];

impl Machine {
    /// The machine that this process runs on, as it is now.
    pub fn here() -> Self {
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let available = memory.lines().find_map(|line| {
            let kib = line.strip_prefix("MemAvailable:")?.split_whitespace().next()?;
            Some(kib.parse::<u64>().ok()? * 1024)
        });
        // podlab has a thread for each core, whatever else it has.
        let threads = available_parallelism().map_or(1, usize::from) as u64;
        Self {
            memory: available.unwrap_or(u64::MAX),
            files: left::open_files(),
            namespaces: left::number("/proc/sys/user/max_net_namespaces"),
            processes: left::processes().saturating_sub(threads),
        }
    }

    /// Whether there is room for a cluster.
    ///
    /// # Errors
    /// [`TooLarge`] with the first thing that there is too little of.
    pub fn has_room(&self, size: Size) -> Result<(), TooLarge> {
        for (resource, base, per_pod, per_container) in COSTS {
            let (needed, there) = (
                base + per_pod * size.pods + per_container * size.containers,
                self.has(resource),
            );
            if needed > there {
                return Err(TooLarge {
                    pods: size.pods,
                    resource,
                    needed,
                    there,
                });
            }
        }
        Ok(())
    }

    /// How many pods of one container there is room for.
    pub fn pods(&self) -> u64 {
        let pods = COSTS.map(|(resource, base, per_pod, per_container)| {
            self.has(resource).saturating_sub(base) / (per_pod + per_container)
        });
        pods.into_iter().min().unwrap_or_default()
    }

    fn has(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Memory => self.memory,
            Resource::OpenFiles => self.files,
            Resource::Namespaces => self.namespaces,
            Resource::Processes => self.processes,
        }
    }
}

/// Lets this process, and those that it starts, have as many open files as it may.
///
/// # Errors
/// The kernel doesn't let it after all.
pub fn open_many_files() -> io::Result<()> {
    let (_, hard) = getrlimit(Limit::RLIMIT_NOFILE)?;
    Ok(setrlimit(Limit::RLIMIT_NOFILE, hard, hard)?)
}

fn amount(resource: Resource, number: u64) -> String {
    match resource {
        Resource::Memory => format!("{} MiB of memory", number / MIB),
        _ => format!("{number} {resource}"),
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::OpenFiles => "open files",
            Self::Namespaces => "network namespaces",
            Self::Processes => "processes",
        })
    }
}

fn way_out(resource: Resource, needed: u64) -> String {
    match resource {
        Resource::Memory => "Ask for fewer pods, or end other programs".to_owned(),
        Resource::OpenFiles => format!("Ask for fewer pods, or allow more: ulimit -n {needed}"),
        Resource::Namespaces => {
            format!("Ask for fewer pods, or allow more: sudo sysctl -w user.max_net_namespaces={needed}")
        }
        Resource::Processes => {
            format!(
                "Ask for fewer pods, end other programs, or allow {needed} more: ulimit -u, sysctl kernel.pid_max, or \
                 pids.max of this control group"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: Machine = Machine {
        memory: u64::MAX,
        files: u64::MAX,
        namespaces: u64::MAX,
        processes: u64::MAX,
    };

    #[test]
    fn what_there_is_too_little_of_is_told_with_a_way_out() {
        let small = Machine {
            memory: 1_000 * MIB,
            ..LARGE
        };
        let cases = [
            (LARGE, None),
            (
                small,
                Some(
                    "1000 pods need 1628 MiB of memory, and there are 1000 MiB of memory. Ask for fewer pods, or end \
                     other programs",
                ),
            ),
            (
                Machine {
                    files: 1_024,
                    ..LARGE
                },
                Some(
                    "1000 pods need 8128 open files, and there are 1024 open files. Ask for fewer pods, or allow more: \
                     ulimit -n 8128",
                ),
            ),
            (
                Machine {
                    namespaces: 1_003,
                    ..LARGE
                },
                Some(
                    "1000 pods need 1004 network namespaces, and there are 1003 network namespaces. Ask for fewer pods, \
                     or allow more: sudo sysctl -w user.max_net_namespaces=1004",
                ),
            ),
            (
                Machine {
                    namespaces: 1_004,
                    ..LARGE
                },
                None,
            ),
        ];
        let size = Size {
            pods: 1_000,
            containers: 1_000,
        };
        for (machine, expected) in cases {
            let expected = expected.map(|text| format!("the cluster is too large for this machine: {text}"));
            assert_eq!(
                machine.has_room(size).err().map(|error| error.to_string()),
                expected,
                "{machine:?}"
            );
        }
    }

    #[test]
    fn there_is_room_for_as_many_pods_as_there_is_of_everything() {
        let machine = Machine {
            memory: 128 * MIB + 300 * MIB,
            files: 128 + 50 * 8,
            namespaces: 4 + 70,
            processes: 32 + 60,
        };
        assert_eq!(machine.pods(), 50);
        let size = |pods| Size {
            pods,
            containers: pods,
        };
        assert_eq!(machine.has_room(size(50)), Ok(()));
        assert!(machine.has_room(size(51)).is_err());
        assert!(Machine::here().pods() > 0);
    }
}
