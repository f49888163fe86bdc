//! `podlab workload`: what the first process of a container with a built-in image is.

use podlab_dns::server;
use podlab_node::images::{Input, Workload as BuiltIn};
use podlab_workloads::{images, until_stopped};

use crate::args::Workload;
use crate::exit;

/// What stands for a built-in image, named without its tag.
pub(crate) fn built_in(image: &str) -> Option<BuiltIn> {
    if image == "podlab/dns" {
        return Some(BuiltIn {
            arguments: vec!["dns".to_owned()],
            input: Input::Watch,
        });
    }
    images::lookup(image).map(|arguments| BuiltIn {
        arguments,
        input: Input::Nothing,
    })
}

pub(crate) fn run(workload: Workload) -> u8 {
    let result = match workload {
        Workload::Dns(options) => until_stopped(async |ending| {
            tokio::select! {
                ended = server::serve(options) => ended,
                () = ending.closed() => Ok(()),
            }
        })
        .map_err(|error| error.to_string()),
        Workload::Other(workload) => podlab_workloads::run(workload).map_err(|error| error.to_string()),
    };
    match result {
        Ok(()) => exit::PASSED,
        Err(error) => {
            say!("error: {error}");
            exit::FAILED
        }
    }
}
