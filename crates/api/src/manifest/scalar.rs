//! What an unquoted word of YAML means: as Kubernetes' YAML has it, in which `yes` is true and `0644` octal.

use serde_json::Number;

use super::tree::Content;

/// The value of a word without quotes.
pub(super) fn resolve(word: &str) -> Content {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return Content::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Content::Bool(false);
        }
        _ => {}
    }
    number(word).map_or_else(|| Content::Text(word.to_owned()), Content::Number)
}

fn number(word: &str) -> Option<Number> {
    if !word.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    let word = word.replace('_', "");
    integer(&word).or_else(|| float(&word))
}

fn integer(word: &str) -> Option<Number> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let bases = [
        ("0x", 16),
        ("0X", 16),
        ("0b", 2),
        ("0B", 2),
        ("0o", 8),
        ("0O", 8),
        ("0", 8),
    ];
    let (digits, base) = bases
        .iter()
        .find_map(|(prefix, base)| Some((digits.strip_prefix(prefix)?, *base)))
        .filter(|(digits, _)| !digits.is_empty())
        .unwrap_or((digits, 10));
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = u64::from_str_radix(digits, base).ok()?;
    if negative {
        Some(Number::from(0i64.checked_sub_unsigned(value)?))
    } else {
        Some(Number::from(value))
    }
}

fn float(word: &str) -> Option<Number> {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    let shaped = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.contains(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !shaped {
        return None;
    }
    Number::from_f64(word.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_they_mean_to_kubernetes() {
        let cases = [
            ("80", "80"),
            ("-1", "-1"),
            ("+7", "7"),
            ("0644", "420"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("0b101", "5"),
            ("1_000", "1000"),
            ("0", "0"),
            ("08", "8.0"),
            ("1.5", "1.5"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            // One more than 64 bits hold: a power of two, which a floating-point number holds exactly.
            ("18446744073709551616", "18446744073709551616"),
            ("yes", "true"),
            ("off", "false"),
            ("~", "null"),
            ("10.96.0.1", "\"10.96.0.1\""),
            ("1.27.3", "\"1.27.3\""),
            ("500m", "\"500m\""),
            ("-", "\"-\""),
            ("0x", "\"0x\""),
            ("1--1", "\"1--1\""),
            ("2001-01-01", "\"2001-01-01\""),
            ("yess", "\"yess\""),
        ];
        for (word, expected) in cases {
            let node = super::super::tree::Node {
                span: Default::default(),
                content: resolve(word),
            };
            let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
            assert_eq!(node.to_json(), expected, "{word}");
        }
    }
}
