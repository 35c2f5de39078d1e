//! Known drifts, put into a copy of counts: what a detector has to see.
//!
//! Rule of thumb: a part of the predictions moves, and nothing else changes. How far it is from the reference then, the
//! comparison says itself.

use super::{Feature, Tally, ValueCounts, WindowCounts};

/// The class that predictions move to.
const INJECTED_CLASS: &str = "(injected)";

impl WindowCounts {
    /// A copy in which a share of the predictions, 0 to 1, has moved: numbers to the grid bin of the largest one that
    /// is counted, or beyond it where all are equal; names to one that nobody uses.
    #[must_use]
    pub fn with_drift(&self, share: f64) -> Self {
        let mut drifted = self.clone();
        for feature in Feature::ALL {
            drifted.set_feature(feature, shifted(self.feature(feature), feature.bins(), share));
        }
        drifted.classes = self.classes.moved_to(INJECTED_CLASS, share);
        drifted.values = self.values.with_drift(share);
        drifted.named = self.named.mapped(|counts| counts.with_drift(share));
        drifted.unkept = self.unkept.mapped(|counts| counts.with_drift(share));
        drifted
    }
}

impl ValueCounts {
    fn with_drift(&self, share: f64) -> Self {
        let mut drifted = self.clone();
        drifted.numbers = shifted(&self.numbers, prediction_record::NUMBER_BINS, share);
        drifted.categories = self.categories.moved_to(INJECTED_CLASS, share);
        drifted
    }
}

/// Moves a share of each bin's counts into one bin.
fn shifted(tally: &Tally, bins: u16, share: f64) -> Tally {
    let Some(last) = tally.last_bin() else { return tally.clone() };
    let is_constant = tally.iter().all(|(bin, _)| bin == last);
    let target = match (is_constant, last) {
        (false, last) => last,
        (true, 0) => 1.min(bins.saturating_sub(1)),
        (true, last) if last + 1 < bins => last + 1,
        (true, last) => last - 1,
    };
    let mut moved = Tally::default();
    for (bin, count) in tally.iter() {
        let part = (count as f64 * share).round() as i64;
        moved.add(bin, count - part);
        moved.add(target, part);
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::super::{DriftVerdict, InputFeatures, Observation, compare};
    use super::*;

    fn window() -> WindowCounts {
        let mut counts = WindowCounts::default();
        for number in 0..1_000_u32 {
            let brightness = f64::from(number % 100) / 100.0;
            let input =
                InputFeatures { brightness, mean: &[0.5], std: &[0.1], width: 32, height: 32, ..<_>::default() };
            let label = Some(if number % 3 == 0 { "cat" } else { "dog" });
            counts.observe(&Observation {
                label,
                confidence: Some(1.0),
                input: Some(input),
                value: Some(7.0),
                ..<_>::default()
            });
        }
        counts
    }

    #[test]
    fn half_of_the_predictions_moved_is_drift_of_every_feature_and_none_moved_is_none() {
        let counts = window();
        assert_eq!(counts.with_drift(0.0), counts);
        let report = compare(&counts, &counts.with_drift(0.5));
        assert_eq!((report.samples, report.features.len()), (1_000, 10));
        for feature in &report.features {
            assert_eq!((feature.verdict, feature.samples), (DriftVerdict::Drift, 1_000), "{feature:?}");
        }
        assert_eq!(compare(&counts, &counts.with_drift(0.001)).verdict, DriftVerdict::None);
    }
}
