//! The SQL engine: what a statement answers.

use std::path::Path;
use std::time::Duration;

use pgwire::api::Type;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::types;

/// How long a statement waits for another session's transaction.
const PATIENCE: Duration = Duration::from_secs(5);

/// One session's connection to the database.
pub(super) struct Engine(Connection);

/// A column of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) type_: Type,
}

/// What a statement answers.
#[derive(Debug)]
pub(super) struct Answer {
    /// No columns: it answers no rows.
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
    /// How many rows it changed.
    pub(super) changed: usize,
}

impl Engine {
    /// Opens the file, or makes it.
    pub(super) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(PATIENCE)?;
        // The file goes with the pod: nothing is gained by waiting for a disk.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.create_scalar_function("version", 0, FunctionFlags::SQLITE_DETERMINISTIC, |_| {
            Ok(version())
        })?;
        Ok(Self(connection))
    }

    /// The columns that a statement answers.
    ///
    /// SQLite knows the types of a table's columns beforehand, and those of expressions by their values only: what
    /// changes nothing is run, without its parameters, up to the first row.
    pub(super) fn columns(&self, sql: &str) -> rusqlite::Result<Vec<Column>> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut columns: Vec<(String, Option<Type>)> = statement
            .columns()
            .map(|column| (column.name().to_owned(), column.decl_type().map(types::declared)))
            .collect();
        if columns.iter().any(|(_, type_)| type_.is_none()) && statement.readonly() {
            let mut rows = statement.raw_query();
            if let Some(row) = rows.next()? {
                for (index, (_, type_)) in columns.iter_mut().enumerate() {
                    if type_.is_none() {
                        *type_ = Some(types::of(&row.get(index)?));
                    }
                }
            }
        }
        let column = |(name, type_): (String, Option<Type>)| Column {
            name,
            type_: type_.unwrap_or(Type::TEXT),
        };
        Ok(columns.into_iter().map(column).collect())
    }

    /// Runs a statement to its end.
    pub(super) fn run(&self, sql: &str, parameters: &[Value]) -> rusqlite::Result<Answer> {
        let columns = self.columns(sql)?;
        let mut statement = self.0.prepare_cached(sql)?;
        if columns.is_empty() {
            let changed = statement.execute(params_from_iter(parameters))?;
            let rows = Vec::new();
            return Ok(Answer {
                columns,
                rows,
                changed,
            });
        }
        let rows: Vec<Vec<Value>> = statement
            .query_map(params_from_iter(parameters), |row| {
                (0..columns.len()).map(|index| row.get(index)).collect()
            })?
            .collect::<rusqlite::Result<_>>()?;
        let changed = rows.len();
        Ok(Answer {
            columns,
            rows,
            changed,
        })
    }
}

fn version() -> String {
    format!(
        "podlab {} on SQLite {}",
        env!("CARGO_PKG_VERSION"),
        rusqlite::version()
    )
}
