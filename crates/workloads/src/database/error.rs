//! What the engine's errors are called by PostgreSQL.

use pgwire::error::{ErrorInfo, PgWireError};
use rusqlite::{Error, ffi};

/// An error as PostgreSQL's protocol carries it.
pub(super) fn error(code: &str, message: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new(
        "ERROR".to_owned(),
        code.to_owned(),
        message,
    )))
}

/// The engine's error by PostgreSQL's name for it.
pub(super) fn engine_error(from: Error) -> PgWireError {
    let (failure, message) = match from {
        Error::SqliteFailure(failure, message) => {
            let message = message.unwrap_or_else(|| failure.to_string());
            (failure, message)
        }
        Error::SqlInputError { error, msg, .. } => (error, msg),
        Error::InvalidParameterCount(given, needed) => {
            let message =
                format!("bind message supplies {given} parameters, but prepared statement requires {needed}");
            return error("08P01", message);
        }
        other => return error("XX000", other.to_string()),
    };
    let (code, message) = named(failure.extended_code, message);
    error(code, message)
}

fn named(code: i32, message: String) -> (&'static str, String) {
    let rest = |prefix: &str| message.strip_prefix(prefix).map(str::to_owned);
    if let Some(table) = rest("no such table: ") {
        return ("42P01", format!("relation \"{table}\" does not exist"));
    }
    if let Some(column) = rest("no such column: ") {
        return ("42703", format!("column \"{column}\" does not exist"));
    }
    if let Some(function) = rest("no such function: ") {
        return ("42883", format!("function {function}() does not exist"));
    }
    if let Some(near) = rest("near ").and_then(|near| Some(near.strip_suffix(": syntax error")?.to_owned())) {
        return ("42601", format!("syntax error at or near {near}"));
    }
    if let Some(table) =
        rest("table ").and_then(|table| Some(table.strip_suffix(" already exists")?.to_owned()))
    {
        return ("42P07", format!("relation \"{table}\" already exists"));
    }
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            let message = format!("duplicate key value violates unique constraint ({message})");
            ("23505", message)
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => ("23502", message),
        ffi::SQLITE_CONSTRAINT_CHECK => ("23514", message),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ("23503", message),
        ffi::SQLITE_BUSY | ffi::SQLITE_BUSY_SNAPSHOT => ("55P03", message),
        ffi::SQLITE_FULL => ("53100", message),
        ffi::SQLITE_ERROR => ("42601", message),
        _ => ("XX000", message),
    }
}
