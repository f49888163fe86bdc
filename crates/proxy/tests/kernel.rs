//! Real traffic through a node whose services this proxy serves: every test makes its own network namespaces.
//!
//! All of them are inside of one sandbox, made before there is a second thread; so the tests run as any user whom
//! the kernel lets make namespaces, and fail loudly when it doesn't.

#![allow(clippy::unwrap_used, missing_docs)]

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

#[path = "kernel/balancing.rs"]
mod balancing;
#[path = "kernel/conntrack.rs"]
mod conntrack;
#[path = "kernel/lab.rs"]
mod lab;
#[path = "kernel/listing.rs"]
mod listing;
#[path = "kernel/model.rs"]
mod model;
#[path = "kernel/rules.rs"]
mod rules;
#[path = "kernel/story.rs"]
mod story;
#[path = "kernel/tcp.rs"]
mod tcp;
#[path = "kernel/udp.rs"]
mod udp;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let result = podlab_node::sandbox::run(|_| {
        let tests = [
            balancing::TESTS,
            conntrack::TESTS,
            rules::TESTS,
            story::TESTS,
            tcp::TESTS,
            udp::TESTS,
        ]
        .concat();
        let trials = tests.into_iter().map(|(name, test)| {
            Trial::test(name, move || {
                test();
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
        pub(crate) const TESTS: &[(&str, fn())] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name as fn())),+];
    };
}
