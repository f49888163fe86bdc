//! JSON values as Go prints them, for the messages of Kubernetes that quote them.

use std::fmt::{Display, Formatter, Result, Write};

use serde_json::Value;

/// A value in its plain form: `map[name:web ports:[80 443]]`.
pub(crate) struct Plain<'a>(pub(crate) &'a Value);

/// A value as it stands in a program: `[]interface {}{"web", 80}`.
pub(crate) struct Syntax<'a>(pub(crate) &'a Value);

/// The Go type that JSON becomes, as messages name it.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// What JSON has, as Go's reader names it.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Value::Null => f.write_str("<nil>"),
            Value::Bool(value) => value.fmt(f),
            Value::Number(value) => value.fmt(f),
            Value::String(value) => f.write_str(value),
            Value::Array(items) => {
                f.write_char('[')?;
                separated(f, " ", items, |f, item| Plain(item).fmt(f))?;
                f.write_char(']')
            }
            Value::Object(fields) => {
                f.write_str("map[")?;
                separated(f, " ", fields, |f, (name, value)| {
                    write!(f, "{name}:{}", Plain(value))
                })?;
                f.write_char(']')
            }
        }
    }
}

impl Display for Syntax<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Value::Array(items) => {
                f.write_str("[]interface {}{")?;
                separated(f, ", ", items, |f, item| Syntax(item).fmt(f))?;
                f.write_char('}')
            }
            Value::Object(fields) => {
                f.write_str("map[string]interface {}{")?;
                separated(f, ", ", fields, |f, (name, value)| {
                    write!(f, "{}:{}", quoted(name), Syntax(value))
                })?;
                f.write_char('}')
            }
            Value::String(value) => f.write_str(&quoted(value)),
            value => Plain(value).fmt(f),
        }
    }
}

/// A string in quotes.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn separated<T>(
    f: &mut Formatter<'_>,
    separator: &str,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Formatter<'_>, T) -> Result,
) -> Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write(f, item)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_told_as_go_tells_them() {
        for (value, plain, syntax) in [
            (json!(null), "<nil>", "<nil>"),
            (json!(true), "true", "true"),
            (json!(80), "80", "80"),
            (json!("a b"), "a b", r#""a b""#),
            (json!([1, "a"]), "[1 a]", r#"[]interface {}{1, "a"}"#),
            (
                json!({"b": [], "a": {"c": null}}),
                "map[a:map[c:<nil>] b:[]]",
                r#"map[string]interface {}{"a":map[string]interface {}{"c":<nil>}, "b":[]interface {}{}}"#,
            ),
        ] {
            assert_eq!(Plain(&value).to_string(), plain);
            assert_eq!(Syntax(&value).to_string(), syntax);
        }
    }
}
