//! PostgreSQL's types, and SQLite's values in them.

use pgwire::api::Type;
use pgwire::api::portal::Portal;
use pgwire::api::results::DataRowEncoder;
use pgwire::error::PgWireResult;
use rusqlite::types::Value;

use super::error::error;

/// A type by any of its names, in lower case.
pub(super) fn by_name(name: &str) -> Option<Type> {
    Some(match name {
        "bool" | "boolean" => Type::BOOL,
        "int2" | "smallint" => Type::INT2,
        "int4" | "integer" | "int" => Type::INT4,
        "int8" | "bigint" => Type::INT8,
        "float4" | "real" => Type::FLOAT4,
        "float8" | "double precision" => Type::FLOAT8,
        "text" => Type::TEXT,
        "varchar" | "character varying" => Type::VARCHAR,
        "bytea" => Type::BYTEA,
        _ => return None,
    })
}

/// The type of a column by its declaration; text for those that have no counterpart.
pub(super) fn declared(declaration: &str) -> Type {
    // This is how identity columns are declared, and nothing else is.
    if declaration == "INTEGER" {
        return Type::INT8;
    }
    let name = declaration.split('(').next().unwrap_or_default();
    by_name(name.trim().to_ascii_lowercase().as_str()).unwrap_or(Type::TEXT)
}

/// The type of a value that no column declares.
pub(super) fn of(value: &Value) -> Type {
    match value {
        Value::Integer(_) => Type::INT8,
        Value::Real(_) => Type::FLOAT8,
        Value::Null | Value::Text(_) => Type::TEXT,
        Value::Blob(_) => Type::BYTEA,
    }
}

/// A parameter as SQLite takes it.
pub(super) fn parameter<S: Clone>(portal: &Portal<S>, index: usize, type_: &Type) -> PgWireResult<Value> {
    fn some<T>(value: Option<T>, wrap: impl Fn(T) -> Value) -> Value {
        value.map_or(Value::Null, wrap)
    }
    Ok(match *type_ {
        Type::BOOL => some(portal.parameter::<bool>(index, type_)?, |value| {
            Value::Integer(value.into())
        }),
        Type::INT2 => some(portal.parameter::<i16>(index, type_)?, |value| {
            Value::Integer(value.into())
        }),
        Type::INT4 => some(portal.parameter::<i32>(index, type_)?, |value| {
            Value::Integer(value.into())
        }),
        Type::INT8 => some(portal.parameter::<i64>(index, type_)?, Value::Integer),
        Type::FLOAT4 => some(portal.parameter::<f32>(index, type_)?, |value| {
            Value::Real(value.into())
        }),
        Type::FLOAT8 => some(portal.parameter::<f64>(index, type_)?, Value::Real),
        Type::BYTEA => some(portal.parameter::<Vec<u8>>(index, type_)?, Value::Blob),
        Type::TEXT | Type::VARCHAR | Type::UNKNOWN => {
            some(portal.parameter::<String>(index, &Type::TEXT)?, Value::Text)
        }
        _ => {
            let message = format!("parameters of type {type_} are not supported");
            return Err(error("0A000", message));
        }
    })
}

/// Writes a value as a field of the type that the client was told.
pub(super) fn encode(row: &mut DataRowEncoder, value: &Value, type_: &Type) -> PgWireResult<()> {
    let mismatch = || {
        let message = format!("a value of a column of type {type_} is of another type");
        error("22P02", message)
    };
    match (type_, value) {
        (_, Value::Null) => row.encode_field(&None::<String>),
        (&Type::BOOL, Value::Integer(value)) => row.encode_field(&(*value != 0)),
        (&Type::INT2, Value::Integer(value)) => {
            row.encode_field(&i16::try_from(*value).map_err(|_| mismatch())?)
        }
        (&Type::INT4, Value::Integer(value)) => {
            row.encode_field(&i32::try_from(*value).map_err(|_| mismatch())?)
        }
        (&Type::INT8, Value::Integer(value)) => row.encode_field(value),
        (&Type::FLOAT4, Value::Real(value)) => row.encode_field(&(*value as f32)),
        (&Type::FLOAT4, Value::Integer(value)) => row.encode_field(&(*value as f32)),
        (&Type::FLOAT8, Value::Real(value)) => row.encode_field(value),
        (&Type::FLOAT8, Value::Integer(value)) => row.encode_field(&(*value as f64)),
        (&Type::BYTEA, Value::Blob(value)) => row.encode_field(value),
        (&Type::TEXT | &Type::VARCHAR, Value::Text(value)) => row.encode_field(value),
        (&Type::TEXT | &Type::VARCHAR, Value::Integer(value)) => row.encode_field(&value.to_string()),
        (&Type::TEXT | &Type::VARCHAR, Value::Real(value)) => row.encode_field(&value.to_string()),
        _ => Err(mismatch()),
    }
}
