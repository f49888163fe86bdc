//! Which number stands for which field.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// A field that JSON has, too.
    Named {
        name: &'static str,
        /// It is on the wire only if it is set, so that a zero is a value.
        pointer: bool,
    },
    /// A message of this type whose fields JSON has beside the others.
    Inlined(&'static str),
}

pub(super) type Message = HashMap<u32, Field>;

/// All messages by their types: `core.v1.Pod`.
pub(super) static MESSAGES: LazyLock<HashMap<&str, Message>> = LazyLock::new(|| {
    let lines = include_str!("fields.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(message)
        .collect()
});

/// A line of the file; what isn't of its form is passed over.
pub(super) fn message(line: &'static str) -> Option<(&'static str, Message)> {
    let (name, fields) = line.split_once(' ')?;
    Some((name, fields.split(' ').filter_map(field).collect()))
}

fn field(text: &'static str) -> Option<(u32, Field)> {
    let (name, number) = text.split_once('=')?;
    let digits = number.trim_end_matches('?');
    let pointer = digits != number;
    let field = match name.strip_prefix("..") {
        Some(inlined) => Field::Inlined(inlined),
        None => Field::Named { name, pointer },
    };
    Some((digits.parse().ok()?, field))
}
