//! What the API server asks of kubelets, in a real cluster: commands, logs, connections, files and events.
//!
//! All tests share one cluster and have pods of their own in it.

#![allow(clippy::unwrap_used)]

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use podlab_node::sandbox;

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
    let arguments = Arguments::from_args();
    let result = sandbox::run(|_| {
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
        let trials = tests.into_iter().map(|(name, test)| {
            let lab = lab.clone();
            Trial::test(name, move || {
                test(&lab);
                Ok(())
            })
        });
        u8::from(libtest_mimic::run(&arguments, trials.collect()).has_failed())
    });
    match result {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("THESE TESTS CAN'T RUN HERE, AND FAIL: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Names and tests as a table, because the harness has to be told of them.
#[macro_export]
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const TESTS: &[(&str, fn(&$crate::lab::Lab))] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name as fn(&$crate::lab::Lab))),+];
    };
}
