//! Where this process is among the control groups, by what the kernel says of it. Pure: texts in, paths out.

use std::path::{Path, PathBuf};

/// The control groups of version 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// Where the topmost of them is that can be seen.
    top: PathBuf,
    /// Where the one is that this process is in.
    own: PathBuf,
}

impl Hierarchy {
    /// By `/proc/self/mountinfo` and `/proc/self/cgroup`. None when there is none, or it doesn't show this process.
    pub(super) fn read(mountinfo: &str, cgroup: &str) -> Option<Self> {
        let own = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
        mounts(mountinfo).find_map(|mount| {
            let below = Path::new(own).strip_prefix(mount.root).ok()?;
            let is_shown = mount.kind == "cgroup2" && !own.contains("..");
            is_shown.then(|| Self {
                top: mount.point.into(),
                own: Path::new(mount.point)
                    .components()
                    .chain(below.components())
                    .collect(),
            })
        })
    }

    /// The groups that this process's own is in, itself first.
    pub(super) fn upwards(&self) -> impl Iterator<Item = &Path> {
        self.own
            .ancestors()
            .take_while(|group| group.starts_with(&self.top))
    }

    /// The topmost group that can be seen.
    pub(super) fn top(&self) -> &Path {
        &self.top
    }
}

/// Whether a controller is used by control groups of version 1, and so not there for version 2.
pub(super) fn is_of_version_1(controller: &str, mountinfo: &str) -> bool {
    let mut mounts = mounts(mountinfo).filter(|mount| mount.kind == "cgroup");
    mounts.any(|mount| mount.options.split(',').any(|option| option == controller))
}

struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

fn mounts(mountinfo: &str) -> impl Iterator<Item = Mount<'_>> {
    mountinfo.lines().filter_map(|line| {
        let (place, file_system) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let mut file_system = file_system.split(' ');
        Some(Mount {
            root: place.next()?,
            point: place.next()?,
            kind: file_system.next()?,
            options: file_system.nth(1)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "\
24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
29 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
";
    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const SHARED: &str =
        "55 54 0:26 /docker/a1 /sys/fs/cgroup ro,nosuid master:9 - cgroup2 cgroup rw,nsdelegate\n";

    #[test]
    fn the_own_group_and_those_above_are_found() {
        let scope = "0::/user.slice/user-1000.slice/session-3.scope\n";
        let cases = [
            (
                UNIFIED,
                scope,
                "/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope \
                 /sys/fs/cgroup/user.slice/user-1000.slice /sys/fs/cgroup/user.slice /sys/fs/cgroup",
            ),
            (UNIFIED, "0::/\n", "/sys/fs/cgroup"),
            (
                HYBRID,
                "4:memory:/a\n0::/b\n",
                "/sys/fs/cgroup/unified/b /sys/fs/cgroup/unified",
            ),
            (SHARED, "0::/docker/a1/b\n", "/sys/fs/cgroup/b /sys/fs/cgroup"),
            // Somewhere else than what is mounted; above a namespace's root; none of version 2.
            (SHARED, "0::/docker/b2\n", ""),
            (UNIFIED, "0::/../other\n", ""),
            (UNIFIED, "4:memory:/a\n", ""),
            (&HYBRID[..200], "0::/\n", ""),
            ("", "0::/\n", ""),
        ];
        for (mountinfo, cgroup, expected) in cases {
            let hierarchy = Hierarchy::read(mountinfo, cgroup);
            let groups = hierarchy.iter().flat_map(Hierarchy::upwards);
            let groups: Vec<_> = groups.map(|group| group.display().to_string()).collect();
            assert_eq!(groups.join(" "), expected, "{mountinfo}{cgroup}");
        }
    }

    #[test]
    fn controllers_of_version_1_are_known() {
        let cases = [
            ("memory", HYBRID, true),
            ("cpu", HYBRID, true),
            ("pids", HYBRID, false),
            ("memory", UNIFIED, false),
        ];
        for (controller, mountinfo, expected) in cases {
            assert_eq!(
                is_of_version_1(controller, mountinfo),
                expected,
                "{controller} {mountinfo}"
            );
        }
    }
}
