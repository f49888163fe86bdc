//! Where values stand on an axis, and which of them are written beside it.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// An axis: linear from zero, or logarithmic.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    is_logarithmic: bool,
    /// Its ends, in places.
    pub(super) ends: Range<f64>,
    /// The places of the values that are written beside it.
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// Things beside each other, with their names below their middles, and some room for a legend.
    pub(super) fn things(number: usize) -> Self {
        Self {
            is_logarithmic: false,
            ends: 0.0..number as f64 * 1.3,
            ticks: (0..number).map(|thing| thing as f64 + 0.5).collect(),
        }
    }

    /// From zero to a little more than `most`.
    pub(super) fn linear(most: f64) -> Self {
        let magnitude = 10f64.powf((most / 4.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
        let step = steps
            .into_iter()
            .find(|step| most / step <= 6.0)
            .unwrap_or(steps[3]);
        let end = most * 1.12;
        let ticks = (0..)
            .map(|number| f64::from(number) * step)
            .take_while(|tick| *tick <= end);
        Self {
            is_logarithmic: false,
            ends: 0.0..end,
            ticks: ticks.collect(),
        }
    }

    /// Around all these values, which are more than zero.
    pub(super) fn logarithmic(values: &[f64]) -> Self {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min).log10();
        let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max).log10();
        let ends = least - 0.3..most + 0.3;
        let steps: &[f64] = if most - least < 1.5 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let decades = ends.start.floor() as i32..=ends.end.ceil() as i32;
        let ticks = decades.flat_map(|decade| steps.iter().map(move |step| f64::from(decade) + step.log10()));
        Self {
            is_logarithmic: true,
            ticks: ticks.filter(|tick| ends.contains(tick)).collect(),
            ends,
        }
    }

    /// Where a value stands.
    pub(super) fn place(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.log10() } else { value }
    }

    /// What stands at a place.
    pub(super) fn value(&self, place: f64) -> f64 {
        if self.is_logarithmic {
            10f64.powf(place)
        } else {
            place
        }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, (begin, end): (i32, i32)) -> i32 {
        let part = (place - self.ends.start) / (self.ends.end - self.ends.start);
        begin + (part * f64::from(end - begin)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // No lines between those that have a value.
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.ends.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(axis: &Axis) -> Vec<f64> {
        let rounded = |place: &f64| (axis.value(*place) * 1e6).round() / 1e6;
        axis.ticks.iter().map(rounded).collect()
    }

    #[test]
    fn a_linear_axis_has_round_steps() {
        assert_eq!(values(&Axis::linear(0.93)), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(values(&Axis::linear(420.0)), [0.0, 100.0, 200.0, 300.0, 400.0]);
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten_and_more_when_these_are_few() {
        assert_eq!(
            values(&Axis::logarithmic(&[0.01, 66.0])),
            [0.01, 0.1, 1.0, 10.0, 100.0]
        );
        assert_eq!(values(&Axis::logarithmic(&[0.1, 0.3])), [0.1, 0.2, 0.5]);
    }

    #[test]
    fn every_value_is_between_the_ends() {
        let axis = Axis::logarithmic(&[1.0, 100_000.0]);
        for value in [1.0, 100_000.0] {
            assert!(axis.ends.contains(&axis.place(value)));
        }
    }
}
