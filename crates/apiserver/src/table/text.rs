//! What cells of many kinds have in common: ages, labels, lists.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time};

pub(super) fn name(metadata: &ObjectMeta) -> &str {
    or_empty(&metadata.name)
}

pub(super) fn age(metadata: &ObjectMeta, now: Timestamp) -> String {
    since(metadata.creation_timestamp.as_ref().map(time), now)
}

pub(super) fn time(time: &Time) -> Timestamp {
    time.0
}

/// The time since then, as kubectl writes it: `90s`, `2m30s`, `3h20m`, `5d`.
pub fn since(then: Option<Timestamp>, now: Timestamp) -> String {
    let Some(then) = then else {
        return "<unknown>".to_owned();
    };
    let seconds = now.duration_since(then).as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        // Clocks of two machines are allowed to differ a little.
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if hours < 3 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if days < 8 => two(days, "d", hours % 24, "h"),
        _ if years < 2 => format!("{days}d"),
        _ if years < 8 => two(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

fn two(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    match small {
        0 => format!("{large}{large_unit}"),
        _ => format!("{large}{large_unit}{small}{small_unit}"),
    }
}

/// `app=web,tier=front`
pub(super) fn labels(labels: Option<&BTreeMap<String, String>>) -> String {
    let mut labels: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    labels.sort_unstable();
    or_none(labels.join(","))
}

/// `app=web,tier in (back,front),!old`; none if it has an operator that isn't one.
pub(crate) fn selector(selector: &LabelSelector) -> Option<String> {
    let mut requirements: Vec<(&str, String)> = Vec::new();
    for (key, value) in selector.match_labels.iter().flatten() {
        requirements.push((key, format!("{key}={value}")));
    }
    for expression in selector.match_expressions.iter().flatten() {
        let key = &expression.key;
        let mut values = expression.values.clone().unwrap_or_default();
        values.sort_unstable();
        let values = values.join(",");
        let requirement = match expression.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        };
        requirements.push((key, requirement));
    }
    requirements.sort_by_key(|(key, _)| *key);
    let requirements: Vec<String> = requirements.into_iter().map(|(_, text)| text).collect();
    Some(requirements.join(","))
}

/// A selector where kubectl says of an empty one that there is none.
pub(super) fn selector_or_none(given: Option<&LabelSelector>) -> String {
    let text = given.map_or(Some(String::new()), selector);
    text.map_or_else(|| "<error>".to_owned(), or_none)
}

/// The first three, and how many more there are: `10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more...`.
pub(super) fn first_three<T>(mut all: impl Iterator<Item = T>, text: impl Fn(T) -> String) -> String {
    let first: Vec<String> = all.by_ref().take(3).map(text).collect();
    match all.count() {
        0 => first.join(","),
        more => format!("{} + {more} more...", first.join(",")),
    }
}

pub(super) fn or_none(text: String) -> String {
    if text.is_empty() {
        "<none>".to_owned()
    } else {
        text
    }
}

/// The text, or `other` in place of none.
pub(super) fn given<'a>(text: Option<&'a str>, other: &'a str) -> &'a str {
    text.filter(|text| !text.is_empty()).unwrap_or(other)
}

pub(super) fn or_empty(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}
