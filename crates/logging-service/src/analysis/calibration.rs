//! How far a model's confidences agree with its accuracy, and which accuracy they predict.
//!
//! Rule of thumb: a confidence is a probability only if labels confirm it. There are ten bins of equal width, and each
//! consists of whole bins of the confidence's grid.

use serde::Serialize;
use utoipa::ToSchema;

use super::confidence_units::confidence_sum;
use super::{Feature, LabelCounts, Tally, WindowCounts};

/// Bins of equal width, 0 to 1.
const BINS: usize = 10;

/// A bin with fewer labels than this is not corrected by them.
const FEWEST_LABELS: i64 = 30;

/// Which labels corrected the confidences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationSource {
    /// None: the confidences are taken as they are.
    None,
    /// The labels of the reference.
    Reference,
    /// The labels of the window itself.
    Window,
    /// Different ones in different ranges of the confidence.
    Mixed,
}

/// Predictions, right ones and confidences in bins of equal width.
#[derive(Clone, Debug, Default)]
pub(super) struct CalibrationBins([CalibrationBin; BINS]);

/// The labelled predictions of a range of confidences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibratedRange {
    /// How many there are.
    pub labelled: u64,
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// The share that was right.
    pub accuracy: f64,
}

/// The labelled predictions in ten ranges of confidence, those without any left out.
pub fn calibrated_ranges(labels: &LabelCounts) -> Vec<CalibratedRange> {
    CalibrationBins::of(labels).ranges().collect()
}

#[derive(Clone, Copy, Debug, Default)]
struct CalibrationBin {
    count: i64,
    correct: i64,
    confidence: f64,
}

impl CalibrationBin {
    fn mean_confidence(&self) -> f64 {
        self.confidence / self.count as f64
    }

    /// Accuracy minus mean confidence: negative for a model that is overconfident.
    fn gap(&self) -> f64 {
        (self.correct as f64 - self.confidence) / self.count as f64
    }
}

impl CalibrationBins {
    /// The bins of the labelled predictions.
    pub(super) fn of(labels: &LabelCounts) -> Self {
        let mut bins = Self::of_confidences(&labels.by_confidence, &labels.confidence_sums);
        for (fine, correct) in labels.correct_by_confidence.iter() {
            bins.0[coarse_bin(fine)].correct += correct;
        }
        bins
    }

    fn of_confidences(counts: &Tally, sums: &Tally) -> Self {
        let mut bins = Self::default();
        for (fine, count) in counts.iter() {
            let bin = &mut bins.0[coarse_bin(fine)];
            bin.count += count;
            bin.confidence += confidence_sum(fine, count, sums.get(fine));
        }
        bins
    }

    /// The filled bins, by rising confidence.
    pub(super) fn ranges(&self) -> impl Iterator<Item = CalibratedRange> {
        self.0.iter().filter(|bin| bin.count > 0).map(|bin| CalibratedRange {
            labelled: bin.count.unsigned_abs(),
            confidence: bin.mean_confidence(),
            accuracy: bin.correct as f64 / bin.count as f64,
        })
    }

    /// Expected calibration error: Σ |accuracy − mean confidence| over the bins, weighted by their predictions.
    ///
    /// Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017.
    pub(super) fn expected_error(&self) -> Option<f64> {
        let filled = || self.0.iter().filter(|bin| bin.count > 0);
        let count: i64 = filled().map(|bin| bin.count).sum();
        let apart: f64 = filled().map(|bin| bin.gap().abs() * bin.count as f64).sum();
        (count > 0).then(|| apart / count as f64)
    }
}

/// The accuracy that confidences predict.
#[derive(Clone, Debug)]
pub(super) struct ExpectedAccuracy {
    pub(super) accuracy: f64,
    pub(super) source: CalibrationSource,
}

impl ExpectedAccuracy {
    /// Confidence-based performance estimation: the mean of the predictions' calibrated confidences.
    ///
    /// The mean confidence of each bin is shifted by the gap between accuracy and mean confidence of the labelled
    /// predictions in that bin: those of the reference if there are enough, else those of the window, else not at all. A
    /// shift preserves movement within a bin. The bin's accuracy alone would hide it, and most confidences are in the
    /// last bin.
    pub(super) fn of(window: &WindowCounts, reference: Option<&WindowCounts>) -> Option<Self> {
        let all = CalibrationBins::of_confidences(window.feature(Feature::Confidence), window.confidence_sums());
        let of_reference = reference.map(|reference| CalibrationBins::of(&reference.labels)).unwrap_or_default();
        let of_window = CalibrationBins::of(&window.labels);
        let mut source = None;
        let mut count = 0;
        let mut expected = 0.0;
        for ((bin, from_reference), from_window) in all.0.iter().zip(&of_reference.0).zip(&of_window.0) {
            if bin.count <= 0 {
                continue;
            }
            let (gap, from) = if from_reference.count >= FEWEST_LABELS {
                (from_reference.gap(), CalibrationSource::Reference)
            } else if from_window.count >= FEWEST_LABELS {
                (from_window.gap(), CalibrationSource::Window)
            } else {
                (0.0, CalibrationSource::None)
            };
            source = Some(if source.is_none_or(|before| before == from) { from } else { CalibrationSource::Mixed });
            count += bin.count;
            expected += bin.count as f64 * (bin.mean_confidence() + gap).clamp(0.0, 1.0);
        }
        source.map(|source| Self { accuracy: expected / count as f64, source })
    }
}

/// The bin of equal width that contains a bin of the grid. It is found by the middle, which is never near an edge.
fn coarse_bin(fine: u16) -> usize {
    let middle = Feature::Confidence.positions()[usize::from(fine)];
    ((middle * BINS as f64) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{LabelSign, LabelledObservation, Observation};
    use super::*;

    fn labelled(count: u32, confidence: f64, right: u32) -> WindowCounts {
        let mut counts = WindowCounts::default();
        for number in 0..count {
            counts.observe(&Observation { label: Some("a"), confidence: Some(confidence), ..<_>::default() });
            let truth = if number < right { "a" } else { "b" };
            counts.label(&LabelledObservation::class("a", truth, Some(confidence), 1.0), LabelSign::Add);
        }
        counts
    }

    #[test]
    fn the_error_is_the_gap_between_confidence_and_accuracy() {
        let mut counts = labelled(100, 0.95, 85);
        assert!((CalibrationBins::of(&counts.labels).expected_error().unwrap() - 0.10).abs() < 1e-9);
        counts.merge(&labelled(100, 0.55, 55));
        assert!((CalibrationBins::of(&counts.labels).expected_error().unwrap() - 0.05).abs() < 1e-9);
        assert!(CalibrationBins::of(&LabelCounts::default()).expected_error().is_none());
    }

    #[test]
    fn a_reference_that_was_too_sure_lowers_the_promise() {
        let reference = labelled(100, 0.95, 85);
        let mut window = WindowCounts::default();
        for confidence in [0.92, 0.96] {
            window.observe(&Observation { confidence: Some(confidence), ..<_>::default() });
        }
        let raw = ExpectedAccuracy::of(&window, None).unwrap();
        assert!((raw.accuracy - 0.94).abs() < 1e-9);
        assert_eq!(raw.source, CalibrationSource::None);
        let corrected = ExpectedAccuracy::of(&window, Some(&reference)).unwrap();
        assert!((corrected.accuracy - 0.84).abs() < 1e-9);
        assert_eq!(corrected.source, CalibrationSource::Reference);
        window.observe(&Observation { confidence: Some(0.3), ..<_>::default() });
        assert_eq!(ExpectedAccuracy::of(&window, Some(&reference)).unwrap().source, CalibrationSource::Mixed);
        assert_eq!(ExpectedAccuracy::of(&reference, None).unwrap().source, CalibrationSource::Window);
        assert_eq!(ExpectedAccuracy::of(&labelled(29, 0.95, 20), None).unwrap().source, CalibrationSource::None);
    }

    #[test]
    fn grid_bins_lie_in_one_bin_of_equal_width_each() {
        let edges = Feature::Confidence.edges();
        for (fine, edge) in edges[..edges.len() - 1].iter().enumerate() {
            let bin = coarse_bin(u16::try_from(fine).unwrap());
            assert!(*edge >= bin as f64 / 10.0 - 1e-12 && edges[fine + 1] <= (bin + 1) as f64 / 10.0 + 1e-12);
        }
    }
}
