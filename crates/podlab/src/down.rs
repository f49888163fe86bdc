//! `podlab down`: ends a live cluster, and waits until all of it is gone.

use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::args::Which;
use crate::clusters::Clusters;
use crate::exit::{self, cannot};
use crate::find::{self, find};
use crate::output::answer;
use crate::signals;

/// Take a live cluster down.
///
/// Exit codes: 0 it is gone, 1 there is no such cluster, 3 this machine can't do it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    which: Which,
}

pub(crate) fn down(options: &Options) -> u8 {
    let name = &options.which.name;
    match end(name) {
        Ok(true) => answer(format_args!("cluster \"{name}\" deleted")),
        Ok(false) => exit::FAILED,
        Err(error) => cannot(&error.to_string()),
    }
}

/// Whether there was one.
fn end(name: &str) -> io::Result<bool> {
    let clusters = find::open()?;
    let Some(cluster) = find(&clusters, name) else {
        return Ok(false);
    };
    let lock = cluster.lock()?;
    match kill(Pid::from_raw(cluster.card.pid), Signal::SIGTERM) {
        // It has just been killed; the lock goes with the last process of it.
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => return Err(error.into()),
    }
    signals::leaves_behind("the cluster ends all the same");
    drop(clusters);
    wait_for(lock)?;
    // Removes what is left.
    Clusters::open()?;
    Ok(true)
}

/// Waits until nobody holds a lock.
fn wait_for(lock: File) -> io::Result<()> {
    lock.lock_shared()
}
