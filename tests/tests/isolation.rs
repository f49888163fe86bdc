//! What a pod's process can't do to the host, to other pods, and to its own confinement: each tried from inside.
//!
//! The tests of a user share one cluster.

#![allow(clippy::unwrap_used)]

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use podlab_tests::User;

#[path = "isolation/context.rs"]
mod context;
#[path = "isolation/files.rs"]
mod files;
#[path = "isolation/lab.rs"]
mod lab;
#[path = "isolation/network.rs"]
mod network;
#[path = "isolation/privileges.rs"]
mod privileges;

use lab::Lab;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for user in User::all() {
        let lab = Arc::new(Lab::new(*user));
        for (name, test) in [context::TESTS, files::TESTS, network::TESTS, privileges::TESTS].concat() {
            let lab = lab.clone();
            trials.push(Trial::test(format!("{name} {user:?}"), move || {
                test(&lab);
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
