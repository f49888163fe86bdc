//! Durations as Go writes them: `500ms`, `2s`, `1m30s`.

use std::time::Duration;

/// The longest duration: a day is more than any step can need.
const MAX: f64 = 86_400.0;

/// The message for a text that is no duration.
pub(super) const RULE: &str = "must be a duration such as 500ms, 2s or 1m30s";

/// A positive duration of at most a day; none for a text that isn't one.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        seconds += number
            * match &rest[..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    (seconds > 0.0 && seconds <= MAX).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        let cases = [
            ("500ms", Some(500)),
            ("2s", Some(2000)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1500)),
            ("1h", Some(3_600_000)),
            ("", None),
            ("2", None),
            ("0s", None),
            ("-1s", None),
            ("2 s", None),
            ("2sec", None),
            ("s", None),
            ("1..5s", None),
            ("25h", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected.map(Duration::from_millis), "{text}");
        }
    }
}
