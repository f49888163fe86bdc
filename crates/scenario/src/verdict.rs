//! Compares what was seen with what was expected, and says both in words.

mod spread;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use podlab_api::scenario::{Distribution, Outcome, ResponseCode};
use podlab_api::steps::{Expect, NamespacedName, SourceAddress};
use serde_json::Value;

use crate::owners::Owners;
use crate::traffic::{Seen, Try};
use spread::Spread;

/// The most of an answer that a report shows.
const EXCERPT: usize = 300;

/// What the cluster knows about those that speak with each other.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) pods: Owners,
    pub(crate) nodes: Vec<IpAddr>,
    /// The pods that `answeredBy` stands for; none when it isn't stated.
    pub(crate) allowed: Option<Vec<NamespacedName>>,
    /// The pods that could answer.
    pub(crate) candidates: Vec<NamespacedName>,
    /// The records that `records` stands for; none when it isn't stated.
    pub(crate) records: Option<BTreeSet<String>>,
}

impl Facts {
    /// The pod that answered, if one did.
    fn answerer(&self, one: &Try) -> Option<&NamespacedName> {
        let ends = one.ends?;
        self.pods.at(ends.protocol, ends.answerer)
    }
}

/// What a step has shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// What was expected and not seen; none when all was seen.
    pub(crate) expected: Option<String>,
    pub(crate) seen: String,
    /// The pods that took part.
    pub(crate) pods: BTreeSet<NamespacedName>,
}

struct Mismatch {
    expected: String,
    seen: String,
}

/// The verdict about tries, of which there is at least one.
pub(crate) fn judge(expect: &Expect, tries: &[Try], facts: &Facts) -> Verdict {
    let answerers = tries.iter().filter_map(|one| facts.answerer(one).cloned());
    let mut pods: BTreeSet<NamespacedName> = answerers.collect();
    pods.extend(tries.iter().filter_map(|one| one.sender.clone()));

    let wrong: Vec<Mismatch> = tries
        .iter()
        .filter_map(|one| mismatch(expect, one, facts))
        .collect();
    if let Some(first) = wrong.first() {
        let (expected, seen) = (&first.expected, &first.seen);
        let (expected, seen) = match tries.len() {
            1 => (expected.clone(), seen.clone()),
            all => (
                format!("{expected}, in each of {all} tries"),
                format!("{} of {all} tries are different; the first: {seen}", wrong.len()),
            ),
        };
        return Verdict {
            expected: Some(expected),
            seen,
            pods,
        };
    }
    let spread = Spread::new(tries, facts);
    Verdict {
        expected: expect
            .distribution
            .and_then(|distribution| spread.mismatch(distribution)),
        seen: summary(expect, tries, &spread, facts),
        pods,
    }
}

/// Whether nothing is wrong but that the spread isn't even. One even spread of a thousand looks as uneven as that, so
/// it says little; two in a row are one of a million.
pub(crate) fn is_only_uneven(expect: &Expect, tries: &[Try], facts: &Facts) -> bool {
    expect.distribution == Some(Distribution::Uniform)
        && Spread::new(tries, facts)
            .mismatch(Distribution::Uniform)
            .is_some()
        && tries.iter().all(|one| mismatch(expect, one, facts).is_none())
}

fn mismatch(expect: &Expect, one: &Try, facts: &Facts) -> Option<Mismatch> {
    let wrong = |expected: String| {
        Some(Mismatch {
            expected,
            seen: in_words(one, facts, true) + &output(one),
        })
    };
    let outcome = match one.seen {
        Seen::Answered { .. } | Seen::Resolved { .. } | Seen::Exited { .. } => Some(Outcome::Answered),
        Seen::Refused => Some(Outcome::Refused),
        Seen::TimedOut => Some(Outcome::TimedOut),
        Seen::Unreachable => Some(Outcome::Unreachable),
        Seen::Broken(_) => None,
    };
    if outcome != Some(expect.outcome) {
        return wrong(named(expect.outcome).to_owned());
    }
    if let Some(limit) = expect.latency_below.filter(|limit| one.latency >= *limit) {
        return wrong(format!("in less than {}", milliseconds(limit)));
    }
    let text = match &one.seen {
        Seen::Resolved { code, records } => {
            return names(expect, code, records, facts).and_then(wrong);
        }
        Seen::Answered { status, body } => {
            match (expect.status, status) {
                (Some(expected), seen) if Some(expected) != *seen => {
                    return wrong(format!("status {expected}"));
                }
                (None, Some(400..)) => return wrong("a status below 400".to_owned()),
                _ => {}
            }
            body
        }
        Seen::Exited { code, stdout, .. } => {
            if *code != expect.exit_code {
                return wrong(format!("exit code {}", expect.exit_code));
            }
            stdout
        }
        _ => return None,
    };
    content(expect, text).map_or_else(|| ends(expect, one, facts).and_then(wrong), wrong)
}

/// What a name server should have said.
fn names(expect: &Expect, code: &str, records: &[String], facts: &Facts) -> Option<String> {
    let expected = format!("{:?}", expect.code);
    let seen: BTreeSet<String> = records.iter().cloned().collect();
    match &facts.records {
        _ if code != expected => Some(expected),
        Some(wanted) if *wanted != seen => {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            Some(match &wanted[..] {
                [] => "no records".to_owned(),
                wanted => format!("exactly {}", wanted.join(", ")),
            })
        }
        None if expect.code == ResponseCode::NOERROR && seen.is_empty() => Some("a record".to_owned()),
        _ => None,
    }
}

/// What an answer should have held.
fn content(expect: &Expect, body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    if let Some(missing) = expect.contains.iter().find(|part| !text.contains(*part)) {
        return Some(format!("an answer with {missing:?} in it"));
    }
    if let Some(present) = expect.lacks.iter().find(|part| text.contains(*part)) {
        return Some(format!("an answer without {present:?} in it"));
    }
    if expect.json.is_empty() {
        return None;
    }
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        return Some("an answer that is JSON".to_owned());
    };
    // What isn't there is null, as in most languages that read JSON.
    let differs =
        |(pointer, value): &&(String, Value)| json.pointer(pointer).unwrap_or(&Value::Null) != value;
    let (pointer, value) = expect.json.iter().find(differs)?;
    Some(format!("{value} at {pointer}"))
}

/// Who should have answered, or whom they should have seen.
fn ends(expect: &Expect, one: &Try, facts: &Facts) -> Option<String> {
    let seen = one.ends?;
    if let Some(allowed) = &facts.allowed
        && !facts.answerer(one).is_some_and(|pod| allowed.contains(pod))
    {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        return Some(match &allowed[..] {
            [] => "an answer of a pod that isn't there".to_owned(),
            [only] => format!("an answer of {only}"),
            several => format!("an answer of one of {}", several.join(", ")),
        });
    }
    let (right, name) = match expect.source_address? {
        SourceAddress::Client => (
            seen.client == one.address,
            format!("the sender's own, {}", one.address),
        ),
        SourceAddress::Node => (facts.nodes.contains(&seen.client), "one of the node's".to_owned()),
        SourceAddress::Address(address) => (seen.client == address, address.to_string()),
    };
    (!right).then(|| format!("a source address that is {name}"))
}

/// All tries together, all of them as expected.
fn summary(expect: &Expect, tries: &[Try], spread: &Spread, facts: &Facts) -> String {
    let Some(first) = tries.first() else {
        return String::new();
    };
    if tries.len() == 1 {
        return in_words(first, facts, expect.source_address.is_some()) + &first_line(first);
    }
    let slowest = tries.iter().map(|one| one.latency).max().unwrap_or_default();
    let mut words = format!("{} × {}", tries.len(), brief(&first.seen));
    if !spread.counts.is_empty() {
        words.push_str(&format!(": {spread}"));
    }
    if expect.distribution == Some(Distribution::Uniform) {
        words.push_str(&format!(
            "; χ² = {:.2}, p {}",
            spread.chi_squared(),
            match spread.p() {
                p if p < spread::LEAST_P => format!("< {}", spread::LEAST_P),
                p => format!("= {p:.3}"),
            }
        ));
    }
    words + &format!("; the slowest in {}", milliseconds(slowest))
}

fn in_words(one: &Try, facts: &Facts, with_client: bool) -> String {
    let mut words = brief(&one.seen);
    if let (Some(server), Seen::Refused | Seen::TimedOut | Seen::Unreachable) = (one.name_server, &one.seen) {
        words = format!("name server {server}: {words}");
    }
    if let Some(ends) = one.ends {
        words.push_str(&match facts.answerer(one) {
            Some(pod) => format!(" from {pod} ({})", ends.answerer.ip()),
            None => format!(" from {}", ends.answerer.ip()),
        });
        if with_client {
            words.push_str(&format!(", which saw {},", ends.client));
        }
    }
    words + &format!(" in {}", milliseconds(one.latency))
}

/// What came back, after a colon, if anything did.
fn output(one: &Try) -> String {
    let output: &[&[u8]] = match &one.seen {
        Seen::Answered { body, .. } => &[body],
        Seen::Exited { stdout, stderr, .. } => &[stdout, stderr],
        _ => &[],
    };
    let texts = output.iter().filter(|text| !text.is_empty());
    texts.map(|text| format!(": {}", excerpt(text))).collect()
}

/// The first line that a command printed, after a colon, if it printed any.
fn first_line(one: &Try) -> String {
    let Seen::Exited { stdout, .. } = &one.seen else {
        return String::new();
    };
    let text = excerpt(stdout);
    match text.split_once('\n') {
        Some((line, _)) => format!(": {line}…"),
        None if text.is_empty() => text,
        None => format!(": {text}"),
    }
}

fn brief(seen: &Seen) -> String {
    match seen {
        Seen::Answered {
            status: Some(status), ..
        } => status.to_string(),
        Seen::Answered { status: None, body } if body.is_empty() => "connected".to_owned(),
        Seen::Answered { status: None, body } => format!("{:?}", excerpt(body)),
        Seen::Resolved { code, records } if records.is_empty() => code.clone(),
        Seen::Resolved { records, .. } => records.join(", "),
        Seen::Exited { code, .. } => format!("exit code {code}"),
        Seen::Refused => named(Outcome::Refused).to_owned(),
        Seen::TimedOut => named(Outcome::TimedOut).to_owned(),
        Seen::Unreachable => named(Outcome::Unreachable).to_owned(),
        Seen::Broken(error) => error.clone(),
    }
}

fn named(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "an answer",
        Outcome::Refused => "connection refused",
        Outcome::TimedOut => "timed out",
        Outcome::Unreachable => "no route there",
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
