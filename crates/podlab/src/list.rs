//! `podlab list`: the live clusters of this user.

use std::io;

use clap::ValueEnum;
use jiff::Timestamp;
use podlab_apiserver::table::since;
use serde_json::json;

use crate::clusters::Alive;
use crate::exit::{self, cannot};
use crate::find;
use crate::output::answer;

/// List the live clusters of this user.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The form of the list, if not a table.
    #[arg(short, long, value_enum)]
    output: Option<Form>,
}

/// A form for programs.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// An array of objects.
    Json,
}

pub(crate) fn list(options: &Options) -> u8 {
    match print(options.output) {
        Ok(code) => code,
        Err(error) => cannot(&error.to_string()),
    }
}

fn print(form: Option<Form>) -> io::Result<u8> {
    let clusters = find::open()?;
    let clusters = clusters.alive();
    match form {
        Some(Form::Json) => {
            let all: Vec<_> = clusters.iter().map(object).collect();
            Ok(answer(format_args!("{:#}", json!(all))))
        }
        None if clusters.is_empty() => {
            say!("No clusters found");
            Ok(exit::PASSED)
        }
        None => Ok(answer(table(clusters, Timestamp::now()).trim_end())),
    }
}

fn object(cluster: &Alive) -> serde_json::Value {
    json!({
        "name": cluster.name,
        "creationTimestamp": cluster.card.creation_timestamp,
        "pid": cluster.card.pid,
        "server": server(cluster),
        "kubeconfig": cluster.kubeconfig(),
    })
}

fn server(cluster: &Alive) -> String {
    format!("https://{}", cluster.card.server)
}

fn table(clusters: &[Alive], now: Timestamp) -> String {
    let heading = ["NAME", "AGE", "API"].map(str::to_owned);
    let rows = clusters.iter().map(|cluster| {
        let age = since(Some(cluster.card.creation_timestamp.0), now);
        [cluster.name.clone(), age, server(cluster)]
    });
    let rows: Vec<_> = [heading].into_iter().chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (name, age) = (width(0), width(1));
    let lines = rows
        .iter()
        .map(|row| format!("{:name$}   {:age$}   {}\n", row[0], row[1], row[2]));
    lines.collect()
}
