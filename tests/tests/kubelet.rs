//! What the API server asks of kubelets, in a real cluster: commands, logs, connections, files and events.
//!
//! All tests share one cluster and have pods of their own in it.

#![allow(clippy::unwrap_used)]

use std::process::ExitCode;
use std::sync::Arc;

use podlab_tests::sandboxed;

#[path = "kubelet/events.rs"]
mod events;
#[path = "kubelet/exec.rs"]
mod exec;
#[path = "kubelet/forward.rs"]
mod forward;
#[path = "kubelet/hooks.rs"]
mod hooks;
#[path = "kubelet/lab.rs"]
mod lab;
#[path = "kubelet/logs.rs"]
mod logs;
#[path = "kubelet/sources.rs"]
mod sources;

use lab::Lab;

fn main() -> ExitCode {
    sandboxed::trials(|| {
        let lab = Arc::new(Lab::new());
        let tests = [
            events::TESTS,
            exec::TESTS,
            forward::TESTS,
            hooks::TESTS,
            logs::TESTS,
            sources::TESTS,
        ]
        .concat();
        tests.into_iter().map(move |(name, test)| {
            let lab = lab.clone();
            (name, move || test(&lab))
        })
    })
}
