//! Tables, made by the server: meta.k8s.io/v1 `Table`.

use std::io::{Write, stdout};

use http::header::ACCEPT;
use http::{HeaderValue, Request};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta};
use kube::Client;
use podlab_api::object::Kind;
use serde::Deserialize;
use serde_json::Value;

use super::{Options, Output, Place, conclude};
use crate::changes::Changes;
use crate::exit;
use crate::failure::Failure;
use crate::naming::reference;
use crate::sheet::Sheet;

/// The header that asks for tables.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// A table as it is answered.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    #[serde(default)]
    metadata: ListMeta,
    /// None where they have been told already.
    #[serde(default)]
    column_definitions: Option<Vec<Column>>,
    #[serde(default)]
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    priority: i32,
}

#[derive(Debug, Deserialize)]
struct Row {
    cells: Vec<Value>,
    #[serde(default)]
    object: RowObject,
}

#[derive(Debug, Default, Deserialize)]
struct RowObject {
    #[serde(default)]
    metadata: ObjectMeta,
}

/// Prints what there is at places, and then what couldn't be had.
pub(super) async fn print(options: &Options, client: &Client, places: &[Place]) -> Result<u8, Failure> {
    let mut tables: Vec<(Kind, Table)> = Vec::new();
    let mut failures = Vec::new();
    for place in places {
        match fetch(options, client, place).await {
            Ok(table) => tables.push((place.kind, table)),
            Err(failure) => failures.push(failure),
        }
    }
    let of_several_kinds = tables.iter().any(|(kind, _)| *kind != tables[0].0);
    let mut texts: Vec<String> = Vec::new();
    let mut with_namespace = false;
    for tables in tables.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((kind, first)) = tables.first() else {
            continue;
        };
        // Where this column has been once, it stays.
        with_namespace |= options.all_namespaces && kind.namespaced();
        let mut printed = Printed::new(first, options, with_namespace);
        printed.kind = of_several_kinds.then_some(*kind);
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (_, table) in tables {
            rows.extend(table.rows.iter().map(|row| printed.row(row)));
        }
        if !rows.is_empty() {
            rows.insert(0, printed.headings());
            texts.push(printed.sheet.lines(&rows));
        }
    }
    stdout().write_all(texts.join("\n").as_bytes())?;
    if texts.is_empty() && failures.is_empty() {
        let namespaced = places.iter().all(|place| place.kind.namespaced());
        if namespaced && !options.all_namespaces {
            say!("No resources found in {} namespace.", options.within.namespace);
        } else {
            say!("No resources found");
        }
    }
    Ok(conclude(&failures))
}

/// Prints what there is, and a row for each change.
pub(super) async fn follow(options: &Options, client: &Client, place: &Place) -> Result<u8, Failure> {
    let table = fetch(options, client, place).await?;
    let mut printed = Printed::new(&table, options, options.all_namespaces);
    let mut headed = false;
    let mut show = |rows: &[Row], printed: &mut Printed| -> Result<(), Failure> {
        let mut lines: Vec<Vec<String>> = rows.iter().map(|row| printed.row(row)).collect();
        if !lines.is_empty() && !std::mem::replace(&mut headed, true) {
            lines.insert(0, printed.headings());
        }
        Ok(stdout().write_all(printed.sheet.lines(&lines).as_bytes())?)
    };
    show(&table.rows, &mut printed)?;
    let version = table.metadata.resource_version.unwrap_or_default();
    let request = as_table(options.changes(place, &version)?);
    let mut changes = Changes::ask(client, request).await?;
    while let Some(change) = changes.next::<Table>().await? {
        show(&change.object.rows, &mut printed)?;
    }
    Ok(exit::PASSED)
}

async fn fetch(options: &Options, client: &Client, place: &Place) -> Result<Table, Failure> {
    Ok(client.request(as_table(options.request(place)?)).await?)
}

fn as_table(mut request: Request<Vec<u8>>) -> Request<Vec<u8>> {
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static(TABLE));
    request
}

/// How rows of a kind are printed.
struct Printed {
    /// The kind, where it stands before names.
    kind: Option<Kind>,
    /// Whether a column says in which namespace an object is.
    with_namespace: bool,
    columns: Vec<Column>,
    wide: bool,
    sheet: Sheet,
}

impl Printed {
    fn new(table: &Table, options: &Options, with_namespace: bool) -> Self {
        let columns = table.column_definitions.iter().flatten();
        Self {
            kind: None,
            with_namespace,
            columns: columns
                .map(|column| Column {
                    name: column.name.to_uppercase(),
                    format: column.format.clone(),
                    priority: column.priority,
                })
                .collect(),
            wide: options.output == Some(Output::Wide),
            sheet: Sheet::default(),
        }
    }

    fn headings(&self) -> Vec<String> {
        let namespace = self.with_namespace.then(|| "NAMESPACE".to_owned());
        let shown = self.columns.iter().filter(|column| self.shows(column));
        namespace
            .into_iter()
            .chain(shown.map(|column| column.name.clone()))
            .collect()
    }

    fn row(&self, row: &Row) -> Vec<String> {
        let namespace = self.with_namespace.then(|| {
            let namespace = row.object.metadata.namespace.clone();
            namespace.unwrap_or_default()
        });
        let cells = self.columns.iter().zip(&row.cells);
        let shown = cells.filter(|(column, _)| self.shows(column));
        let texts = shown.map(|(column, cell)| match self.kind {
            Some(kind) if column.format == "name" => reference(kind, &text(cell)),
            _ => text(cell),
        });
        namespace.into_iter().chain(texts).collect()
    }

    fn shows(&self, column: &Column) -> bool {
        self.wide || column.priority == 0
    }
}

/// The first line of a cell.
fn text(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => match text.split_once(['\n', '\r', '\u{c}']) {
            Some((line, _)) => format!("{line}..."),
            None => text.clone(),
        },
        other => other.to_string(),
    }
    .replace('\u{1b}', "^[")
}
