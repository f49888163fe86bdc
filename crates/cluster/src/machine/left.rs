//! What of a limit is left for podlab, where others count towards it too.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;

use nix::sys::resource::{Resource as Limit, getrlimit};
use nix::unistd::getuid;

/// How many descriptors this process may have beside those that it was started with. What it has opened itself by now is
/// a part of what a cluster takes.
pub(super) fn open_files() -> u64 {
    static INHERITED: OnceLock<u64> = OnceLock::new();
    let inherited = INHERITED.get_or_init(|| {
        let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as u64;
        // The standard ones are in what a cluster takes, and one is the directory's.
        open.saturating_sub(4)
    });
    hard(Limit::RLIMIT_NOFILE).saturating_sub(*inherited)
}

/// How many processes and threads this one may make.
pub(super) fn processes() -> u64 {
    let of_machine = ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"].map(number);
    let all = [of_user(), of_control_groups()].into_iter().chain(of_machine);
    all.min().unwrap_or(u64::MAX)
}

/// Root has no limit of its own.
fn of_user() -> u64 {
    let limit = hard(Limit::RLIMIT_NPROC);
    if getuid().is_root() || limit == u64::MAX {
        return u64::MAX;
    }
    let in_all = text("/proc/loadavg");
    let in_all = in_all.split(['/', ' ']).nth(4).and_then(|all| all.parse().ok());
    match limit.saturating_sub(in_all.unwrap_or(u64::MAX)) {
        // Looking at each process takes its time, and wouldn't change anything.
        plenty @ 10_000.. => plenty,
        _ => limit.saturating_sub(threads_of_user()),
    }
}

fn threads_of_user() -> u64 {
    let user = getuid().as_raw();
    let threads = |process: fs::DirEntry| {
        let own = process.metadata().is_ok_and(|metadata| metadata.uid() == user);
        let status = own.then(|| text(process.path().join("status")))?;
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:"))?;
        threads.trim().parse::<u64>().ok()
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(threads).sum()
}

/// Of the control group that this process is in, and of those around it.
fn of_control_groups() -> u64 {
    let groups = text("/proc/self/cgroup");
    let places = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let mount = match controllers {
            "" => "/sys/fs/cgroup",
            controllers if controllers.split(',').any(|name| name == "pids") => "/sys/fs/cgroup/pids",
            _ => return None,
        };
        Some((mount, path.trim_start_matches('/').to_owned()))
    });
    let mut left = u64::MAX;
    for (mount, path) in places {
        for group in Path::new(&path).ancestors() {
            let group = Path::new(mount).join(group);
            // `max` isn't a number, and no limit; without a limit, what there is doesn't matter.
            let current = text(group.join("pids.current")).trim().parse().unwrap_or(0);
            left = left.min(number(group.join("pids.max")).saturating_sub(current));
        }
    }
    left
}

fn hard(limit: Limit) -> u64 {
    getrlimit(limit).map_or(u64::MAX, |(_, hard)| hard)
}

fn text(file: impl AsRef<Path>) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

/// What can't be found out is no limit.
pub(super) fn number(file: impl AsRef<Path>) -> u64 {
    text(file).trim().parse().unwrap_or(u64::MAX)
}
