//! How answers spread over the pods that could have given them.

use std::collections::BTreeMap;
use std::fmt;

use podlab_api::scenario::Distribution;
use podlab_api::steps::NamespacedName;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::Facts;
use crate::traffic::Try;

/// How unlikely a spread may be and still count as even: one in a thousand.
pub(super) const LEAST_P: f64 = 0.001;

/// How often each pod has answered; those that could have and didn't are there with 0.
pub(super) struct Spread {
    pub(super) counts: BTreeMap<NamespacedName, u64>,
}

impl Spread {
    pub(super) fn new(tries: &[Try], facts: &Facts) -> Self {
        let mut counts: BTreeMap<NamespacedName, u64> =
            facts.candidates.iter().map(|pod| (pod.clone(), 0)).collect();
        let answerers = tries.iter().filter_map(|one| facts.answerer(one));
        for pod in answerers {
            *counts.entry(pod.clone()).or_default() += 1;
        }
        Self { counts }
    }

    /// The sum of squared deviations from an even spread, each over what was to be expected.
    pub(super) fn chi_squared(&self) -> f64 {
        let counts: Vec<f64> = self.counts.values().map(|count| *count as f64).collect();
        let expected = counts.iter().sum::<f64>() / counts.len() as f64;
        if expected == 0.0 {
            return 0.0;
        }
        counts
            .iter()
            .map(|count| (count - expected).powi(2) / expected)
            .sum()
    }

    /// How likely a spread at least as uneven as this is, when every pod is as likely as any other.
    pub(super) fn p(&self) -> f64 {
        let freedom = self.counts.len().saturating_sub(1) as f64;
        ChiSquared::new(freedom).map_or(1.0, |distribution| distribution.sf(self.chi_squared()))
    }

    /// What was expected of it, if it isn't so.
    pub(super) fn mismatch(&self, expected: Distribution) -> Option<String> {
        let pods = self.counts.len();
        let counts = || self.counts.values();
        let (is_so, wanted) = match expected {
            Distribution::Uniform => (
                self.p() > LEAST_P,
                format!("each of {pods} pods as likely as any other: p > {LEAST_P}"),
            ),
            Distribution::InTurn => (
                counts()
                    .max()
                    .zip(counts().min())
                    .is_none_or(|(most, least)| most - least <= 1),
                format!("each of {pods} pods as often as any other, but for one time more"),
            ),
            Distribution::Single => (
                counts().filter(|count| **count > 0).count() == 1,
                "always the same pod".to_owned(),
            ),
        };
        (!is_so).then_some(wanted)
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (pod, count)) in self.counts.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            let name = if pod.namespace == "default" {
                pod.name.clone()
            } else {
                pod.to_string()
            };
            write!(f, "{separator}{name} {count}")?;
        }
        Ok(())
    }
}
