//! Which files of a control group say what a container may take. Pure: resources in, texts out.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// In which a container's share of CPU time is counted, in microseconds: Kubernetes' own.
const PERIOD: u64 = 100_000;
/// The kernel takes no less.
const LEAST_QUOTA: u64 = 1_000;
const LEAST_SHARES: u64 = 2;
const MOST_SHARES: u64 = 262_144;

/// A text for a file of a control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// Whose file it is: the part of its name before the dot.
    pub(super) controller: &'static str,
    pub(super) file: &'static str,
    pub(super) text: String,
}

/// What holds a container to its limits; nothing for one that has none.
pub(super) fn settings(resources: &ResourceRequirements) -> Vec<Setting> {
    let memory = amount(&resources.limits, "memory", 1);
    let cpu = amount(&resources.limits, "cpu", 1_000);
    let mut settings = Vec::new();
    if let Some(bytes) = memory {
        settings.extend([
            setting("memory", "memory.max", bytes),
            setting("memory", "memory.swap.max", 0),
            // Whoever is killed, the whole container is: half a container would go on in ways that nobody has tried.
            setting("memory", "memory.oom.group", 1),
        ]);
    }
    if let Some(thousandths) = cpu {
        let quota = (thousandths.saturating_mul(PERIOD) / 1_000).max(LEAST_QUOTA);
        settings.push(setting("cpu", "cpu.max", format!("{quota} {PERIOD}")));
    }
    if memory.is_some() || cpu.is_some() {
        // Who asks for nothing asks for what it is limited to.
        let asked = amount(&resources.requests, "cpu", 1_000).or(cpu);
        settings.push(setting("cpu", "cpu.weight", weight(asked.unwrap_or_default())));
    }
    settings
}

fn setting(controller: &'static str, file: &'static str, text: impl ToString) -> Setting {
    Setting {
        controller,
        file,
        text: text.to_string(),
    }
}

/// What container runtimes make of the shares that Kubernetes gives to so many thousandths of a core.
fn weight(thousandths: u64) -> u64 {
    let shares = (thousandths.saturating_mul(1_024) / 1_000).clamp(LEAST_SHARES, MOST_SHARES);
    1 + (shares - LEAST_SHARES) * 9_999 / (MOST_SHARES - LEAST_SHARES)
}

/// An amount of a resource in parts, so many of which are one, rounded up. None when there is none, or when it is no
/// limit: nothing, or more than can be counted.
fn amount(amounts: &Option<BTreeMap<String, Quantity>>, resource: &str, parts: u128) -> Option<u64> {
    let Quantity(text) = amounts.as_ref()?.get(resource)?;
    let text = text.trim().trim_start_matches('+');
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (times, power) = scale(unit)?;
    let power = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let ten = 10_u128.checked_pow(power.unsigned_abs())?;
    let all = digits.checked_mul(parts)?.checked_mul(times)?;
    let all = if power < 0 {
        all.div_ceil(ten)
    } else {
        all.checked_mul(ten)?
    };
    u64::try_from(all).ok().filter(|amount| *amount > 0)
}

/// What a unit stands for: a factor, and a power of ten.
fn scale(unit: &str) -> Option<(u128, i32)> {
    let exponent = unit.strip_prefix(['e', 'E']).map(str::parse);
    if let Some(Ok(exponent)) = exponent {
        return Some((1, exponent));
    }
    let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    if let Some(index) = decimal.iter().position(|it| *it == unit) {
        return Some((1, 3 * i32::try_from(index).ok()? - 9));
    }
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let index = binary.iter().position(|it| *it == unit)?;
    Some((1_u128 << (10 * (index + 1)), 0))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn files(resources: Value) -> Vec<String> {
        let settings = settings(&serde_json::from_value(resources).unwrap()).into_iter();
        settings
            .map(
                |Setting {
                     controller,
                     file,
                     text,
                 }| {
                    assert!(file.starts_with(controller), "{file}");
                    format!("{file}={text}")
                },
            )
            .collect()
    }

    #[test]
    fn limits_are_texts_of_files() {
        let memory = ["memory.max=67108864", "memory.swap.max=0", "memory.oom.group=1"];
        let cases = [
            (json!({}), vec![]),
            (json!({"requests": {"cpu": 1, "memory": "1Gi"}}), vec![]),
            (json!({"limits": {"ephemeral-storage": "1Gi"}}), vec![]),
            (json!({"limits": {"cpu": 0, "memory": 0}}), vec![]),
            (
                json!({"limits": {"memory": "64Mi"}}),
                [&memory[..], &["cpu.weight=1"]].concat(),
            ),
            (
                json!({"limits": {"memory": "64Mi"}, "requests": {"cpu": "250m"}}),
                [&memory[..], &["cpu.weight=10"]].concat(),
            ),
            (
                json!({"limits": {"cpu": "500m"}}),
                vec!["cpu.max=50000 100000", "cpu.weight=20"],
            ),
            (
                json!({"limits": {"cpu": "2", "memory": "64Mi"}, "requests": {"cpu": 1}}),
                [&memory[..], &["cpu.max=200000 100000", "cpu.weight=39"]].concat(),
            ),
            // The kernel's least, and the most that a weight is.
            (
                json!({"limits": {"cpu": "1m"}}),
                vec!["cpu.max=1000 100000", "cpu.weight=1"],
            ),
            (
                json!({"limits": {"cpu": 1000}}),
                vec!["cpu.max=100000000 100000", "cpu.weight=10000"],
            ),
        ];
        for (resources, expected) in cases {
            assert_eq!(files(resources.clone()), expected, "{resources}");
        }
    }

    #[test]
    fn amounts_are_counted_as_kubernetes_counts_them() {
        let cases = [
            ("1", 1, Some(1)),
            ("0.1", 1_000, Some(100)),
            ("1.5", 1_000, Some(1_500)),
            ("100u", 1_000, Some(1)),
            ("1n", 1_000, Some(1)),
            ("+2", 1, Some(2)),
            ("1.5Gi", 1, Some(1_610_612_736)),
            ("1e3", 1, Some(1_000)),
            ("2E-1", 1_000, Some(200)),
            ("12E", 1, Some(12_000_000_000_000_000_000)),
            ("7Ei", 1, Some(7 << 60)),
            ("128M", 1, Some(128_000_000)),
            ("5k", 1, Some(5_000)),
            (".5", 1_000, Some(500)),
            ("0.0001", 1, Some(1)),
            ("0", 1, None),
            ("-1", 1, None),
            ("16Ei", 1, None),
            ("1e99999999999", 1, None),
            ("1e100", 1, None),
            ("1000000000000000000000000000000000000000000", 1, None),
        ];
        for (text, parts, expected) in cases {
            let amounts = Some(BTreeMap::from([("cpu".to_owned(), Quantity(text.to_owned()))]));
            assert_eq!(amount(&amounts, "cpu", parts), expected, "{text}");
        }
    }
}
