//! What the figures were measured on.

use std::fs;
use std::process::Command;

use nix::unistd::geteuid;
use podlab_kernel::nft::find_program;
use serde::Serialize;

/// The machine and the programs, as far as figures depend on them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) kernel: String,
    pub(crate) nft: String,
    pub(crate) iptables: String,
    pub(crate) podlab: &'static str,
    pub(crate) user: &'static str,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let value = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':'));
            value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
        };
        let memory = value("/proc/meminfo", "MemTotal");
        let kib: f64 = memory
            .split(' ')
            .next()
            .and_then(|it| it.parse().ok())
            .unwrap_or(0.0);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: value("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: format!("{:.1} GiB", kib / 1024.0 / 1024.0),
            kernel: kernel.trim().to_owned(),
            nft: version("nft"),
            iptables: version("iptables"),
            podlab: env!("CARGO_PKG_VERSION"),
            user: if geteuid().is_root() {
                "root"
            } else {
                "an ordinary user"
            },
        }
    }
}

/// What a program says of itself.
fn version(program: &str) -> String {
    let output = find_program(program).and_then(|path| Command::new(path).arg("--version").output().ok());
    match output {
        Some(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        None => "not installed".to_owned(),
    }
}
