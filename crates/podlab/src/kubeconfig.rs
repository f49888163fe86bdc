//! `podlab kubeconfig`: where a live cluster's kubeconfig is.

use std::io;
use std::path::PathBuf;

use crate::args::Which;
use crate::exit::{self, cannot};
use crate::find::{self, find};
use crate::output::answer;

/// Print the path of a live cluster's kubeconfig, for KUBECONFIG.
///
/// Exit codes: 0 it is there, 1 there is no such cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    which: Which,
}

pub(crate) fn kubeconfig(options: &Options) -> u8 {
    match path(&options.which.name) {
        Ok(Some(path)) => answer(path.display()),
        Ok(None) => exit::FAILED,
        Err(error) => cannot(&error.to_string()),
    }
}

/// Where a cluster's kubeconfig is; none if there is no such cluster, which it has said then.
pub(crate) fn path(name: &str) -> io::Result<Option<PathBuf>> {
    let clusters = find::open()?;
    Ok(find(&clusters, name).map(|cluster| cluster.kubeconfig()))
}
