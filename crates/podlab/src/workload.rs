//! `podlab workload`: what the first process of a container with a built-in image is.

use podlab_workloads::Workload;

use crate::exit;

pub(crate) fn run(workload: Workload) -> u8 {
    match podlab_workloads::run(workload) {
        Ok(()) => exit::PASSED,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            exit::FAILED
        }
    }
}
