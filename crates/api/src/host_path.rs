//! Which of the host's paths no container is shown.

use std::path::Path;

/// What is said of them.
pub const NO_FILES: &str = "podlab shows directories and files of this machine, not all of it at once, and nothing of \
                            /run, /dev, /proc and /sys: no socket, no device";

/// Whether what is at a path is no data, but a way to the host's services, devices and kernel; or everything.
pub fn is_hidden(path: &Path) -> bool {
    let mut parts = path.components().skip(1).map(|part| part.as_os_str());
    match parts.next().and_then(|part| part.to_str()) {
        None | Some("run" | "dev" | "proc" | "sys") => true,
        Some("var") => parts.next().is_some_and(|part| part == "run"),
        Some(_) => false,
    }
}
