//! Real traffic through a node whose services this proxy serves: every test makes its own network namespaces.
//!
//! All of them are inside of one sandbox, made before there is a second thread; so the tests run as any user whom
//! the kernel lets make namespaces, and fail loudly when it doesn't.

#![allow(clippy::unwrap_used, missing_docs)]

use std::process::ExitCode;

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
#[path = "../../../tests/src/sandboxed.rs"]
pub mod sandboxed;
#[path = "kernel/story.rs"]
mod story;
#[path = "kernel/tcp.rs"]
mod tcp;
#[path = "kernel/udp.rs"]
mod udp;

fn main() -> ExitCode {
    sandboxed::trials(|| {
        [
            balancing::TESTS,
            conntrack::TESTS,
            rules::TESTS,
            story::TESTS,
            tcp::TESTS,
            udp::TESTS,
        ]
        .concat()
    })
}
