//! Finds the control group in which podlab may make its own, or why there is none.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use podlab_api::limits::{ENFORCED, Unenforced};

use super::directory::Directory;
use super::hierarchy::{Hierarchy, is_of_version_1};

/// In which controllers are given to the groups within a group.
pub(super) const SUBTREE: &str = "cgroup.subtree_control";
pub(super) const PROCESSES: &str = "cgroup.procs";

/// A control group in which podlab may make others.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// What podlab limits here.
    pub(super) controllers: Vec<&'static str>,
}

/// Why a controller can't be used.
enum Obstacle {
    NoHierarchy,
    Version1,
    Missing,
    NotDelegated,
    LeftOut,
}

/// The place for podlab's groups, and what can't be limited by it.
pub(super) fn find() -> (Option<Place>, Unenforced) {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let mountinfo = read("/proc/self/mountinfo");
    let hierarchy = Hierarchy::read(&mountinfo, &read("/proc/self/cgroup"));
    let place = hierarchy.as_ref().and_then(best);
    let there = hierarchy
        .as_ref()
        .and_then(|hierarchy| Directory::open(hierarchy.top()).ok())
        .map(|top| top.words("cgroup.controllers"));
    let why = |controller: &str| match &there {
        _ if is_of_version_1(controller, &mountinfo) => Obstacle::Version1,
        None => Obstacle::NoHierarchy,
        Some(there) if !there.iter().any(|it| it == controller) => Obstacle::Missing,
        Some(_) if place.is_some() => Obstacle::LeftOut,
        Some(_) => Obstacle::NotDelegated,
    };
    let used = place.as_ref().map_or(&[][..], |place| &place.controllers);
    let unused = ENFORCED
        .into_iter()
        .filter(|controller| !used.contains(controller));
    let reasons = unused.map(|controller| (controller.to_owned(), why(controller).to_string()));
    let unenforced = reasons.collect();
    (place, unenforced)
}

/// The group with most of what podlab limits, and the nearest of these. For root that is the topmost: it may have
/// processes of its own, and whoever rules the others leaves what is directly in it alone.
fn best(hierarchy: &Hierarchy) -> Option<Place> {
    let top = geteuid().is_root().then(|| hierarchy.top());
    let mut best: Option<Place> = None;
    for group in top.into_iter().chain(hierarchy.upwards()) {
        let found = usable(group);
        let most = best.as_ref().map_or(0, |best| best.controllers.len());
        best = found.filter(|found| found.controllers.len() > most).or(best);
    }
    best
}

/// A group in which this user may make others, to which this process may move its children, and whose groups may have
/// controllers: the kernel gives those to none whose parent has processes, but for the topmost of all.
fn usable(path: &Path) -> Option<Place> {
    let directory = Directory::open(path).ok()?;
    let is_topmost = !directory.has("cgroup.type");
    let is_empty = || {
        directory
            .read(PROCESSES)
            .is_ok_and(|processes| processes.is_empty())
    };
    let is_writable = [".", SUBTREE, PROCESSES]
        .iter()
        .all(|file| directory.is_writable(file));
    let there = directory.words("cgroup.controllers");
    let controllers: Vec<_> = ENFORCED
        .into_iter()
        .filter(|it| there.iter().any(|there| there == it))
        .collect();
    (is_writable && !controllers.is_empty() && (is_topmost || is_empty())).then(|| Place {
        path: path.to_owned(),
        controllers,
    })
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHierarchy => "cgroup v2 isn't mounted here, or doesn't show podlab's own control group",
            Self::Version1 => {
                "on this machine cgroup v1 has it. To boot with cgroup v2 alone: systemd.unified_cgroup_hierarchy=1"
            }
            Self::Missing => "cgroup v2 has no such controller here",
            Self::NotDelegated if geteuid().is_root() => {
                "podlab is in no control group that can be written to and has no processes of its own. In a container it \
                 takes a writable /sys/fs/cgroup, with the container's processes in a group within"
            }
            Self::LeftOut => {
                "the control group that is delegated to this user hasn't got this controller. systemd delegates it by a \
                 drop-in for user@.service with: Delegate=cpu memory pids"
            }
            Self::NotDelegated => {
                "cgroup v2 isn't delegated to this user here. Run podlab as root, or with systemd as: systemd-run \
                 --user --scope podlab …"
            }
        })
    }
}
