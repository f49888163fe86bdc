//! The third tier: a real SQL engine, SQLite, behind PostgreSQL's wire protocol, so that clients of PostgreSQL use
//! it unchanged.
//!
//! SQLite understands most of PostgreSQL's SQL. What it writes differently is translated in [`sql`]; what it
//! doesn't have is refused with PostgreSQL's own error codes.

mod engine;
mod error;
mod sql;
mod types;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgwire::tokio::process_socket;
use tokio::net::TcpListener;

use crate::{Ending, WorkloadError, listen};
use engine::Engine;
use wire::Session;

/// Where the database listens and where it keeps its data.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Listen on this port.
    #[arg(long, value_name = "PORT", default_value_t = 5432)]
    port: u16,
    /// Keep the data in this file; a container's /tmp goes with the container.
    #[arg(long, value_name = "FILE", default_value = "/tmp/database.sqlite")]
    file: PathBuf,
}

pub(crate) async fn serve(options: Options, ending: Ending) -> Result<(), WorkloadError> {
    // Opened once at the start, so that a file that can't be used is told at once.
    open(&options.file)?;
    let listener = listen(options.port).await?;
    tokio::select! {
        ended = accept(listener, &options.file) => ended,
        () = ending.closed() => Ok(()),
    }
}

async fn accept(listener: TcpListener, file: &Path) -> Result<(), WorkloadError> {
    loop {
        let (socket, _) = listener.accept().await?;
        let session = Session::new(open(file)?);
        tokio::spawn(process_socket(socket, None, Arc::new(session)));
    }
}

fn open(file: &Path) -> Result<Engine, WorkloadError> {
    Engine::open(file).map_err(|source| WorkloadError::Database {
        file: file.display().to_string(),
        source,
    })
}

#[cfg(test)]
mod tests;
