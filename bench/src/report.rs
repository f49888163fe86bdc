//! The files of a run: JSON, charts, and the page that shows them.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::Result;
use crate::charts;
use crate::figures::{Figures, Key};
use crate::goals::Line;
use crate::machine::Machine;
use crate::statistics::Summary;
use crate::table;

/// Which run it was.
#[derive(Serialize)]
pub(crate) struct Run {
    pub(crate) command: String,
    pub(crate) date: String,
    pub(crate) machine: Machine,
}

#[derive(Serialize)]
struct Results<'a> {
    #[serde(flatten)]
    run: &'a Run,
    figures: Vec<Measured<'a>>,
    goals: Vec<Judged<'a>>,
}

#[derive(Serialize)]
struct Measured<'a> {
    #[serde(flatten)]
    key: &'a Key,
    count: usize,
    median: f64,
    least: f64,
    most: f64,
}

#[derive(Serialize)]
struct Judged<'a> {
    what: &'a str,
    figure: &'a str,
    size: u32,
    peer: Option<crate::figures::Peer>,
    ratio: Option<f64>,
    growth: Option<f64>,
    met: Option<bool>,
}

/// Writes all files into a folder.
///
/// # Errors
/// A file can't be written.
pub(crate) fn write(folder: &Path, run: &Run, figures: &Figures, lines: &[Line]) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("results.json"), json(run, figures, lines)? + "\n")?;
    let charts = charts::draw(folder, figures)?;
    fs::write(folder.join("README.md"), page(run, lines, &charts))?;
    Ok(())
}

fn json(run: &Run, figures: &Figures, lines: &[Line]) -> Result<String> {
    let measured = figures.values.iter().filter_map(|(key, values)| {
        let Summary { median, least, most } = Summary::of(values)?;
        Some(Measured {
            key,
            count: values.len(),
            median,
            least,
            most,
        })
    });
    let judged = lines.iter().map(|line| Judged {
        what: line.fact.what,
        figure: line.fact.figure,
        size: line.size,
        peer: line.fact.peer,
        ratio: line.ratio(),
        growth: line.growth,
        met: line.met(),
    });
    Ok(serde_json::to_string_pretty(&Results {
        run,
        figures: measured.collect(),
        goals: judged.collect(),
    })?)
}

fn page(run: &Run, lines: &[Line], charts: &[(&str, String)]) -> String {
    let Machine {
        processor,
        cores,
        memory,
        kernel,
        nft,
        iptables,
        podlab,
        user,
    } = &run.machine;
    let images: String = charts
        .iter()
        .map(|(file, title)| format!("![{title}]({file})\n\n"))
        .collect();
    format!(
        "# Benchmarks\n\n\
         Written by `{}` on {}. All comparisons are of one run: podlab and its peers take turns, and medians are \
         compared. After a median stands its spread, from the least to the most. Growth is what a figure is multiplied \
         by when the size is multiplied by ten. [results.json](results.json) has all figures.\n\n{}\n{images}\
         ## The machine\n\n\
         | | |\n| --- | --- |\n\
         | processor | {processor}, {cores} cores |\n\
         | memory | {memory} |\n\
         | kernel | {kernel} |\n\
         | nft | {nft} |\n\
         | iptables | {iptables} |\n\
         | podlab | {podlab}, run by {user} |\n\n\
         ## What is measured\n\n{EXPLANATION}",
        run.command,
        run.date,
        table::markdown(lines),
    )
}

const EXPLANATION: &str = include_str!("explanation.md");
