//! Figures as people read them.

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Bytes,
    PerSecond,
    BytesPerSecond,
    /// A part of one, shown in percent.
    Share,
}

impl Unit {
    /// With three digits that count.
    pub(crate) fn show(self, value: f64) -> String {
        let (factor, name) = self.scale(value);
        format!("{} {name}", three_digits(value * factor))
    }

    /// A round value beside an axis.
    pub(crate) fn tick(self, value: f64) -> String {
        if value == 0.0 {
            return "0".to_owned();
        }
        // What is a little less by rounding is still in the larger unit.
        let (factor, name) = self.scale(value * 1.000_001);
        let digits = format!("{:.3}", value * factor);
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        format!("{digits} {name}")
    }

    /// The ends of a spread, in the unit that the median is shown in.
    pub(crate) fn show_spread(self, median: f64, (least, most): (f64, f64)) -> String {
        let (factor, _) = self.scale(median);
        format!("{}–{}", three_digits(least * factor), three_digits(most * factor))
    }

    /// What to multiply by, and the name of what comes of it.
    fn scale(self, value: f64) -> (f64, &'static str) {
        let steps: &[(f64, f64, &str)] = match self {
            Self::Seconds => &[(1.0, 1.0, "s"), (1e-3, 1e3, "ms"), (0.0, 1e6, "µs")],
            Self::Bytes => &[(1e9, 1e-9, "GB"), (1e6, 1e-6, "MB"), (0.0, 1e-3, "kB")],
            Self::BytesPerSecond => &[(1e9, 1e-9, "GB/s"), (0.0, 1e-6, "MB/s")],
            Self::PerSecond => &[(1e6, 1e-6, "M/s"), (1e3, 1e-3, "k/s"), (0.0, 1.0, "/s")],
            Self::Share => &[(0.0, 1e2, "%")],
        };
        steps
            .iter()
            .find(|(from, ..)| value >= *from)
            .map_or((1.0, ""), |(_, factor, name)| (*factor, *name))
    }
}

pub(crate) fn three_digits(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

/// With commas between thousands.
pub(crate) fn count(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_shown_in_the_unit_that_keeps_it_short() {
        for (unit, value, expected) in [
            (Unit::Seconds, 66.3, "66.3 s"),
            (Unit::Seconds, 0.0123, "12.3 ms"),
            (Unit::Seconds, 0.000_456_7, "457 µs"),
            (Unit::Bytes, 64e6, "64.0 MB"),
            (Unit::Bytes, 0.0, "0 kB"),
            (Unit::PerSecond, 23_456.0, "23.5 k/s"),
            (Unit::BytesPerSecond, 3.21e9, "3.21 GB/s"),
            (Unit::Share, 0.004, "0.40 %"),
        ] {
            assert_eq!(unit.show(value), expected);
        }
        assert_eq!(Unit::Seconds.show_spread(0.01, (0.009, 1.23)), "9.00–1230");
        assert_eq!(
            [0.01, 0.2, 2.5, 1e-4].map(|it| Unit::Seconds.tick(it)),
            ["10 ms", "200 ms", "2.5 s", "100 µs"]
        );
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(
            [1, 200, 1_000, 100_000].map(count),
            ["1", "200", "1,000", "100,000"]
        );
    }
}
