//! podlab beside its peers and the kernel's own pace: a table, JSON and charts.

mod charts;
mod child;
mod figures;
mod floor;
mod goals;
mod lab;
mod load;
mod machine;
mod quantity;
mod report;
mod rows;
mod services;
mod shapes;
mod statistics;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nix::sys::signal::Signal;

use figures::{Figures, Peer};
use machine::Machine;
use report::Run;
use rows::{Case, ROWS, Row, Scale};

/// What a measurement fails with: it is only shown.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Measure podlab beside its peers, print a table, and write it with JSON and charts.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct Args {
    /// Measure what takes long, too.
    #[arg(long)]
    full: bool,
    /// Measure these rows only.
    #[arg(long, value_name = "ROW", value_delimiter = ',', value_parser = ROWS.iter().map(|row| row.id).collect::<Vec<_>>())]
    only: Vec<String>,
    /// The folder to write to.
    #[arg(long, value_name = "DIR", default_value = "docs/benchmarks")]
    output: PathBuf,
    #[command(subcommand)]
    child: Option<Child>,
}

/// What this program does for itself.
#[derive(Debug, Subcommand)]
enum Child {
    /// Measure one case.
    #[command(hide = true)]
    Measure {
        row: String,
        #[arg(long)]
        peer: Vec<Peer>,
        #[arg(long)]
        size: u32,
    },
    /// Build pods, and hold them.
    #[command(hide = true)]
    Hold {
        #[arg(long)]
        peer: Peer,
        #[arg(long)]
        size: u32,
    },
    /// Wait until the kernel has taken down what was left to it.
    #[command(hide = true)]
    Settle,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.child {
        Some(child) => be(child),
        None => run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what another process of this program has started this one for, and doesn't outlive that.
fn be(child: &Child) -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    match child {
        Child::Measure { row, peer, size } => measure(row, peer, *size),
        Child::Hold { peer, size } => rows::pods::hold(*peer, *size),
        Child::Settle => child::wait_for_deletions(),
    }
}

fn measure(row: &str, peers: &[Peer], size: u32) -> Result<()> {
    let row = ROWS.iter().find(|known| known.id == row).ok_or("no such row")?;
    (row.measure)(&Case {
        peers: peers.to_vec(),
        size,
        rounds: 1,
        left_out: None,
    })
}

fn run(args: &Args) -> Result<()> {
    let scale = if args.full { Scale::Full } else { Scale::Quick };
    let mut figures = Figures::default();
    for row in ROWS {
        if args.only.is_empty() || args.only.iter().any(|only| only == row.id) {
            measure_row(row, scale, &mut figures)?;
        }
    }
    let lines = goals::lines(&figures);
    println!("{}", table::text(&lines));
    let run = Run {
        command: if args.full {
            "make bench-full"
        } else {
            "make bench"
        }
        .to_owned(),
        date: jiff::Zoned::now().date().to_string(),
        machine: Machine::here(),
    };
    report::write(&args.output, &run, &figures, &lines)?;
    let missed = lines.iter().filter(|line| line.met() == Some(false)).count();
    println!(
        "\n{missed} goals missed. Charts and all figures are in {}.",
        args.output.display()
    );
    Ok(())
}

/// Goes through the cases again and again, so that whatever else the machine does meets them all.
fn measure_row(row: &Row, scale: Scale, figures: &mut Figures) -> Result<()> {
    let cases = (row.cases)(scale);
    for case in &cases {
        if let Some(why) = case.left_out {
            note_missing(row, case, why, figures);
        }
    }
    let rounds = cases.iter().map(|case| case.rounds).max().unwrap_or(0);
    for round in 0..rounds {
        for case in cases.iter().filter(|case| case.rounds > round) {
            if case
                .peers
                .iter()
                .any(|peer| figures.missing.contains_key(&(row.id, *peer, case.size)))
            {
                continue;
            }
            child::settle()?;
            eprintln!(
                "{} {} of {rounds}: {}, {}",
                row.id,
                round + 1,
                names(case),
                quantity::count(case.size)
            );
            match child::measure(row, case) {
                Ok(told) => figures.take(&told)?,
                Err(why) => note_missing(row, case, &why.to_string(), figures),
            }
        }
    }
    Ok(())
}

fn note_missing(row: &Row, case: &Case, why: &str, figures: &mut Figures) {
    for peer in &case.peers {
        figures.missing.insert((row.id, *peer, case.size), why.to_owned());
    }
}

fn names(case: &Case) -> String {
    let names: Vec<&str> = case.peers.iter().map(|peer| peer.title()).collect();
    names.join(", ")
}
