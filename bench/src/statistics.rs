//! What is said of a figure that was measured several times.

/// The middle and the ends of what was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Summary {
    /// None without values.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: quantile(&sorted, 0.5)?,
            least: *sorted.first()?,
            most: *sorted.last()?,
        })
    }
}

/// The value below which this share of the sorted values lies; in between two of them, a mean weighted by nearness.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * place.fract())
}

/// By what a cost is multiplied when the size is multiplied by ten, from what it is at two sizes.
pub(crate) fn growth((size, cost): (u32, f64), (larger, its_cost): (u32, f64)) -> f64 {
    let exponent = (its_cost / cost).log10() / (f64::from(larger) / f64::from(size)).log10();
    10f64.powf(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_value_or_the_mean_of_the_middle_two() {
        let median = |values: &[f64]| Summary::of(values).map(|summary| summary.median);
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 8.0]), Some(3.0));
        assert_eq!(median(&[3.0, 1.0, 8.0, 4.0]), Some(3.5));
    }

    #[test]
    fn the_spread_is_from_the_least_to_the_most() {
        let summary = Summary::of(&[3.0, 1.0, 8.0]).unwrap();
        assert_eq!((summary.least, summary.most), (1.0, 8.0));
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.99), Some(99.0));
        assert_eq!(quantile(&[1.0, 2.0], 0.25), Some(1.25));
    }

    #[test]
    fn growth_is_told_for_ten_times_the_size_whatever_the_sizes_were() {
        assert!((growth((1_000, 2.0), (10_000, 20.0)) - 10.0).abs() < 1e-9);
        assert!((growth((200, 1.0), (1_000, 5.0)) - 10.0).abs() < 1e-9);
        assert!((growth((200, 1.0), (1_000, 1.0)) - 1.0).abs() < 1e-9);
    }
}
