//! `podlab workload`: what the first process of a container with a built-in image is.

use std::process::ExitCode;

use podlab_workloads::Workload;

pub(crate) fn run(workload: Workload) -> ExitCode {
    match podlab_workloads::run(workload) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
