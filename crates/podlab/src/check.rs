//! `podlab check`: the steps of a Scenario in a live cluster. The cluster's supervisor reads and takes them, because only
//! there the names of its objects can be looked up, and traffic can be sent from its pods.

pub(crate) mod serve;

use std::path::PathBuf;

use futures::{AsyncBufReadExt, StreamExt};
use kube::Client;
use kube::api::PostParams;
use kube::core::Request;
use podlab_api::diagnostic::Diagnostic;
use podlab_api::manifest::SourceFile;
use podlab_scenario::report::Report;
use serde::{Deserialize, Serialize};

use crate::api::ask_or;
use crate::args::Which;
use crate::failure::Failure;
use crate::input::{complain, sources};
use crate::output::{Files, Output, conclude};
use crate::progress::Live;
use crate::{exit, signals};

/// Where files are sent to.
const PATH: &str = "/apis/podlab.dev/v1alpha1/check";

/// Take the steps of a Scenario in a live cluster, and report.
///
/// What they change stays changed. Objects beside the Scenario must be in the cluster already.
///
/// Exit codes: 0 all steps passed, 1 a step failed, 2 the input is wrong, 3 there is no such cluster, or it can't do it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Files with one Scenario, as YAML or JSON; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The form of the report on standard output.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Write the report in all forms into this folder: NAME.txt, NAME.json and NAME.xml (JUnit).
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
}

/// What a supervisor answers: a line of JSON for each.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// Another check is being made.
    Waiting,
    /// The files were read.
    Read {
        /// What the scenario is called; none if something is wrong.
        scenario: Option<String>,
        diagnostics: Vec<Diagnostic>,
    },
    /// What is going on.
    Progress(String),
    /// All that was seen; the last word.
    Report(Box<Report>),
}

pub(crate) fn check(options: &Options) -> u8 {
    let Some(sources) = sources(&options.files) else {
        return exit::BAD_INPUT;
    };
    ask_or(exit::CANNOT, &options.which, async |client| {
        signals::leaves_behind("what its steps have changed stays changed");
        let live = Live::start();
        let mut files = Files::default();
        let followed = follow(options, &client, &sources, &live, &mut files).await;
        live.end();
        files.settle(*followed.as_ref().unwrap_or(&exit::CANNOT));
        followed
    })
}

async fn follow(
    options: &Options,
    client: &Client,
    sources: &[SourceFile],
    live: &Live,
    files: &mut Files,
) -> Result<u8, Failure> {
    let request = Request::new(PATH).create(&PostParams::default(), serde_json::to_vec(sources)?)?;
    let answer = Box::pin(client.request_stream(request).await?);
    let mut words = answer.lines();
    while let Some(word) = words.next().await {
        match serde_json::from_str(&word?)? {
            Word::Waiting => live.say("waiting for another check to end"),
            Word::Read {
                scenario,
                diagnostics,
            } => {
                live.end();
                complain(&diagnostics);
                let Some(scenario) = scenario else {
                    return Ok(exit::BAD_INPUT);
                };
                *files = match Files::open(options.report_dir.as_deref(), &scenario) {
                    Ok(files) => files,
                    Err(error) => return Err(Failure::Other(format!("cannot write the report: {error}"))),
                };
            }
            Word::Progress(line) => live.say(line),
            Word::Report(report) => {
                live.end();
                return Ok(conclude(&report, options.output, files));
            }
        }
    }
    Err(Failure::Other("the cluster has ended".to_owned()))
}
