//! What podlab makes on a machine, as others see it: processes, namespaces, mounts, files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

/// The namespaces that a process and its family have made. They are held, because otherwise the kernel would call those
/// of others the same.
pub struct Inside {
    names: BTreeSet<String>,
    _held: Vec<File>,
}

impl Inside {
    /// Those of a process and its family.
    pub fn of(root: i32) -> Self {
        Self::beside(std::process::id() as i32, family(root))
    }

    /// Those of some processes that neither another one nor the test is in: a command that is only on its way to a host
    /// is still where the test is.
    pub fn beside(host: i32, processes: impl IntoIterator<Item = i32>) -> Self {
        let mut outer = namespaces_of(host);
        outer.extend(namespaces_of(std::process::id() as i32));
        let (mut names, mut held) = (BTreeSet::new(), Vec::new());
        for pid in processes {
            names.extend(namespaces_of(pid).difference(&outer).cloned());
            let links = fs::read_dir(format!("/proc/{pid}/ns")).into_iter().flatten();
            held.extend(links.filter_map(|link| File::open(link.ok()?.path()).ok()));
        }
        Self { names, _held: held }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The processes that are in at least one of them.
    pub fn processes(&self) -> Vec<i32> {
        let mut found = processes();
        found.retain(|pid| !namespaces_of(*pid).is_disjoint(&self.names));
        found
    }
}

/// The namespaces that a process is in, as `/proc` names them: `net:[4026531840]`.
fn namespaces_of(pid: i32) -> BTreeSet<String> {
    let folder = fs::read_dir(format!("/proc/{pid}/ns"));
    let links = folder.into_iter().flatten().flatten();
    links
        .filter_map(|link| Some(fs::read_link(link.path()).ok()?.to_string_lossy().into_owned()))
        .collect()
}

/// All processes, without those that have ended and only wait for their parent to hear of it.
fn processes() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .filter(|pid| status(*pid, "State").is_some_and(|state| !state.starts_with('Z')))
        .collect()
}

/// What the kernel says of a process in a field of its status; none when it is gone.
pub fn status(pid: i32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.map(|value| value.trim().to_owned())
}

/// A number in the status of a process that is there; of memory, in KiB.
pub fn number_in_status(pid: i32, field: &str) -> u64 {
    let value = status(pid, field).expect("it is there");
    let number = value.split_whitespace().next();
    number.and_then(|number| number.parse().ok()).expect("a number")
}

/// The processes that were started for a place, and what these started: they have its path in their environment.
pub fn processes_of(place: &Path) -> Vec<i32> {
    let path = place.to_string_lossy();
    let mut found = processes();
    found.retain(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&*path)
    });
    found
}

/// Of these, podlab's own: commands, supervisors and the first processes of sandboxes, and not what runs in there.
pub fn podlabs_of(place: &Path) -> Vec<i32> {
    let mut found = processes_of(place);
    found.retain(|pid| {
        // Its numbers, from the outermost PID namespace on.
        let numbers = status(*pid, "NSpid").unwrap_or_default();
        let numbers: Vec<_> = numbers.split_whitespace().collect();
        matches!(*numbers, [_] | [_, "1"])
    });
    found
}

/// A process with all of its children, and theirs.
pub fn family(root: i32) -> BTreeSet<i32> {
    let mut family = BTreeSet::from([root]);
    let mut generation = vec![root];
    while let Some(parent) = generation.pop() {
        let tasks = fs::read_dir(format!("/proc/{parent}/task"))
            .into_iter()
            .flatten()
            .flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
                if family.insert(child) {
                    generation.push(child);
                }
            }
        }
    }
    family
}

/// The first process of the sandbox of a live cluster, whose guard this is.
pub fn sandbox_of(guard: i32) -> i32 {
    let children = fs::read_to_string(format!("/proc/{guard}/task/{guard}/children")).expect("its children");
    children.trim().parse().expect("its only child")
}

/// Mounts of the host, and files in the places where programs leave some.
pub fn traces() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let folders = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/run/netns"];
    let files = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten();
    let files = files.map(|file| file.path().to_string_lossy().into_owned());
    let all = mounts.lines().map(str::to_owned).chain(files);
    all.filter(|trace| trace.contains("podlab")).collect()
}

/// Traces that weren't there before.
pub fn traces_since(before: &[String]) -> Vec<String> {
    let mut new = traces();
    new.retain(|trace| !before.contains(trace));
    new
}
