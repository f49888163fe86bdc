//! An order of all JSON values: structured-merge-diff's, by which numbers are equal that only are written differently.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A JSON value that is compared by that order.
#[derive(Debug, Clone)]
pub(crate) struct Ordered(pub(crate) Value);

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// Whether two values are the same but for how their numbers are written.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    compare(a, b).is_eq()
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            first_difference(a.iter().zip(b).map(|(a, b)| compare(a, b)), a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => first_difference(
            a.iter()
                .zip(b)
                .map(|((a, value), (b, other))| a.cmp(b).then_with(|| compare(value, other))),
            a.len().cmp(&b.len()),
        ),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

fn first_difference(mut pairs: impl Iterator<Item = Ordering>, of_lengths: Ordering) -> Ordering {
    pairs.find(|order| order.is_ne()).unwrap_or(of_lengths)
}

fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    let float = |number: &Number| number.as_f64().unwrap_or_default();
    float(a)
        .total_cmp(&float(b))
        .then_with(|| integer(a).cmp(&integer(b)))
}

/// What tells integers apart that are too large for a float.
fn integer(number: &Number) -> i128 {
    let integer = number.as_i64().map(i128::from);
    integer
        .or_else(|| number.as_u64().map(i128::from))
        .unwrap_or_else(|| number.as_f64().unwrap_or_default() as i128)
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}
