//! The forms that the text of some fields must have: what is wrong with one, in the words of Kubernetes' API server.

/// What a time is like, in the notation of Go.
const TIME: &str = "2006-01-02T15:04:05Z07:00";
/// The same with microseconds.
const MICRO_TIME: &str = "2006-01-02T15:04:05.000000Z07:00";

/// Bytes as base64.
pub(crate) fn base64(text: &str) -> Result<(), String> {
    let illegal = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    let mut digits = 0;
    let mut bytes = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'=' if digits % 4 < 2 => return illegal(at),
            b'=' => {
                if digits % 4 == 2 {
                    match bytes.next() {
                        Some((_, b'=')) => {}
                        Some((at, _)) => return illegal(at),
                        None => return illegal(text.len()),
                    }
                }
                return bytes.next().map_or(Ok(()), |(at, _)| illegal(at));
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => digits += 1,
            _ => return illegal(at),
        }
    }
    match digits % 4 {
        0 => Ok(()),
        loose => illegal(text.len() - loose),
    }
}

/// A time of RFC 3339: `2006-01-02T15:04:05Z`.
pub(crate) fn time(text: &str) -> Result<(), String> {
    time_like(text, TIME)
}

/// A time with microseconds: `2006-01-02T15:04:05.000000Z`.
pub(crate) fn micro_time(text: &str) -> Result<(), String> {
    time_like(text, MICRO_TIME)
}

fn time_like(text: &str, layout: &str) -> Result<(), String> {
    let wrong = |why: String| Err(format!("parsing time {text:?}{why}"));
    let mut rest = text;
    for element in elements(layout) {
        let Some(after) = without(rest, element) else {
            return wrong(format!(" as {layout:?}: cannot parse {rest:?} as {element:?}"));
        };
        let number = rest
            .get(..rest.len() - after.len())
            .and_then(|number| number.parse().ok());
        if let (Some(range), Some(number)) = (range(element), number)
            && !(range.1..=range.2).contains(&number)
        {
            return wrong(format!(": {} out of range", range.0));
        }
        // A fraction can follow, unless the layout has one of its own.
        rest = if element == "05" && layout == TIME {
            without_fraction(after)
        } else {
            after
        };
    }
    if rest.is_empty() {
        Ok(())
    } else {
        wrong(format!(": extra text: {rest:?}"))
    }
}

fn elements(layout: &str) -> impl Iterator<Item = &str> {
    const ELEMENTS: [&str; 12] = [
        "2006", "-", "01", "02", "T", "15", ":", "04", "05", ".000000", "Z07:00", "",
    ];
    let mut rest = layout;
    std::iter::from_fn(move || {
        let element = ELEMENTS.into_iter().find(|element| rest.starts_with(element))?;
        let (element, after) = rest.split_at(element.len());
        rest = after;
        (!element.is_empty()).then_some(element)
    })
}

/// What a number is called that is out of its range, and the range.
fn range(element: &str) -> Option<(&'static str, u32, u32)> {
    match element {
        "01" => Some(("month", 1, 12)),
        "02" => Some(("day", 1, 31)),
        "15" => Some(("hour", 0, 23)),
        "04" => Some(("minute", 0, 59)),
        "05" => Some(("second", 0, 59)),
        _ => None,
    }
}

/// The text after an element of a time.
fn without<'a>(text: &'a str, element: &str) -> Option<&'a str> {
    let digits = |text: &'a str, count: usize| {
        let number = text.get(..count)?;
        number
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| &text[count..])
    };
    match element {
        "2006" => digits(text, 4),
        "01" | "02" | "15" | "04" | "05" => digits(text, 2),
        ".000000" => digits(text.strip_prefix('.')?, 6),
        "Z07:00" => {
            if let Some(rest) = text.strip_prefix('Z') {
                return Some(rest);
            }
            let rest = digits(text.strip_prefix(['+', '-'])?, 2)?;
            digits(rest.strip_prefix(':')?, 2)
        }
        literal => text.strip_prefix(literal),
    }
}

fn without_fraction(text: &str) -> &str {
    match text.strip_prefix('.') {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => without_digits(fraction),
        _ => text,
    }
}

fn without_digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit())
}

/// An amount with a unit: `500m`, `1Gi`, `1e3`.
pub(crate) fn quantity(text: &str) -> Result<(), String> {
    const FORM: &str =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    const UNITS: [&str; 16] = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    let text = text.trim();
    if text.is_empty() {
        return Err(FORM.to_owned());
    }
    let after = without_digits(text.strip_prefix(['+', '-']).unwrap_or(text));
    let suffix = after.strip_prefix('.').map_or(after, without_digits);
    let exponent = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    if !without_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)).is_empty() {
        return Err(FORM.to_owned());
    }
    let scientific = suffix
        .strip_prefix(['e', 'E'])
        .is_some_and(|exponent| exponent.parse::<i32>().is_ok());
    if UNITS.contains(&suffix) || scientific {
        Ok(())
    } else {
        Err("unable to parse quantity's suffix".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&str) -> Result<(), String>, cases: &[(&str, Option<&str>)]) {
        for (text, expected) in cases {
            assert_eq!(rule(text).err().as_deref(), *expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_are_base64() {
        check(
            base64,
            &[
                ("", None),
                ("aHVudGVyMg==", None),
                ("aHVudGVy\nMjI=", None),
                ("YWJj", None),
                ("hunter2", Some("illegal base64 data at input byte 4")),
                ("correct horse", Some("illegal base64 data at input byte 7")),
                ("YQ", Some("illegal base64 data at input byte 0")),
                ("YQ=", Some("illegal base64 data at input byte 3")),
                ("Y===", Some("illegal base64 data at input byte 1")),
                ("YQ==YQ==", Some("illegal base64 data at input byte 4")),
                ("YQ=a", Some("illegal base64 data at input byte 3")),
            ],
        );
    }

    #[test]
    fn times_are_of_rfc_3339() {
        check(
            time,
            &[
                ("2024-01-31T23:59:59Z", None),
                ("2024-01-31T23:59:59.25+02:00", None),
                (
                    "yesterday",
                    Some(
                        "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \
                         \"2006\"",
                    ),
                ),
                (
                    "2024-01-31",
                    Some(
                        "parsing time \"2024-01-31\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"T\"",
                    ),
                ),
                (
                    "2024-13-31T23:59:59Z",
                    Some("parsing time \"2024-13-31T23:59:59Z\": month out of range"),
                ),
                (
                    "2024-01-31T23:59:59Z!",
                    Some("parsing time \"2024-01-31T23:59:59Z!\": extra text: \"!\""),
                ),
            ],
        );
        check(
            micro_time,
            &[
                ("2024-01-31T23:59:59.000001Z", None),
                (
                    "2024-01-31T23:59:59Z",
                    Some(
                        "parsing time \"2024-01-31T23:59:59Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \
                         \"Z\" as \".000000\"",
                    ),
                ),
            ],
        );
    }

    #[test]
    fn quantities_have_a_number_and_a_unit() {
        let form =
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        check(
            quantity,
            &[
                ("0", None),
                ("500m", None),
                ("1.5Gi", None),
                ("-1k", None),
                ("1e3", None),
                ("12E", None),
                (" 2 ", None),
                ("", Some(form)),
                ("5Mb", Some(form)),
                ("500 m", Some(form)),
                ("lots", Some(form)),
                ("5K", Some("unable to parse quantity's suffix")),
                ("5mi", Some("unable to parse quantity's suffix")),
            ],
        );
    }
}
