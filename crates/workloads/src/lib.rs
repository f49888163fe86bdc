//! What runs inside pods without an image: echo servers, and the three tiers of a web application.

mod backend;
mod database;
mod echo;
mod ending;
mod frontend;
pub mod images;
mod pod;

use std::net::Ipv4Addr;

use clap::Subcommand;
use tokio::net::TcpListener;

pub use ending::{Ending, until_stopped};

/// A program that a pod can run without any image.
#[derive(Debug, Subcommand)]
pub enum Workload {
    /// Answer HTTP requests with a description of them, and TCP and UDP with what was sent.
    Echo(echo::Options),
    /// The website: a page with the orders that the backend has, and a form for another.
    Frontend(frontend::Options),
    /// The business logic: a JSON API that checks orders, computes their totals and keeps them in the database.
    Backend(backend::Options),
    /// An SQL database that speaks PostgreSQL's protocol.
    Database(database::Options),
    /// Do nothing until told to stop.
    Pause,
}

/// A workload could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// A port is taken, or not allowed.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// Why not.
        source: std::io::Error,
    },
    /// A server stopped.
    #[error("cannot serve: {0}")]
    Serve(#[from] std::io::Error),
    /// The address of the next tier can't be understood.
    #[error("the address of the next tier is \"{0}\", and must be HOST:PORT")]
    NoAddress(String),
    /// The order that the database shall have from the beginning can't be understood.
    #[error("SEED_ORDER is \"{0}\", and must be CUSTOMER:ITEM:QUANTITY")]
    SeedOrder(String),
    /// The SQL engine could not be opened.
    #[error("cannot open the database {file}: {source}")]
    Database {
        /// The file that was to hold it.
        file: String,
        /// Why not.
        source: rusqlite::Error,
    },
}

/// Runs a workload until it fails, or has ended after SIGTERM or SIGINT, which is not an error: servers go on for a
/// moment then, for those who are on their way, and finish what they have.
///
/// # Errors
/// [`WorkloadError`] with what the workload needs and doesn't have.
pub fn run(workload: Workload) -> Result<(), WorkloadError> {
    until_stopped(|ending| serve(workload, ending))
}

async fn serve(workload: Workload, ending: Ending) -> Result<(), WorkloadError> {
    match workload {
        Workload::Echo(options) => echo::serve(options, ending).await,
        Workload::Frontend(options) => frontend::serve(options, ending).await,
        Workload::Backend(options) => backend::serve(options, ending).await,
        Workload::Database(options) => database::serve(options, ending).await,
        Workload::Pause => {
            ending.told().await;
            Ok(())
        }
    }
}

async fn listen(port: u16) -> Result<TcpListener, WorkloadError> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await;
    listener.map_err(|source| WorkloadError::Listen { port, source })
}
