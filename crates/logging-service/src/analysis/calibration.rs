//! How far confidences can be taken at their word, and what they promise then.
//!
//! Rule of thumb: a confidence is a probability only if labels say so. Ten bins of equal width; each is a union of
//! bins of the confidence's grid.

use serde::Serialize;
use utoipa::ToSchema;

use super::counts::confidence_sum;
use super::{Feature, LabelCounts, Tally, WindowCounts};

/// Bins of equal width, 0 to 1.
const BINS: usize = 10;

/// Fewer labels in a bin than this say too little to correct it by.
const FEWEST_LABELS: i64 = 30;

/// By whose labels confidences were corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationSource {
    /// By none: the confidences are taken at their word.
    None,
    /// By those of the reference.
    Reference,
    /// By those of the window itself.
    Window,
    /// By different ones in different ranges of the confidence.
    Mixed,
}

/// Numbers, right answers and confidences in the bins.
#[derive(Clone, Debug, Default)]
pub(super) struct CalibrationBins([Bin; BINS]);

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    count: i64,
    correct: i64,
    confidence: f64,
}

impl Bin {
    fn mean_confidence(&self) -> f64 {
        self.confidence / self.count as f64
    }

    /// Accuracy less mean confidence: negative for a model that is too sure.
    fn gap(&self) -> f64 {
        (self.correct as f64 - self.confidence) / self.count as f64
    }
}

impl CalibrationBins {
    /// Of the labelled predictions.
    pub(super) fn of(labels: &LabelCounts) -> Self {
        let mut bins = Self::of_confidences(&labels.by_confidence, &labels.confidence_sums);
        for (fine, correct) in labels.correct_by_confidence.iter() {
            bins.0[coarse(fine)].correct += correct;
        }
        bins
    }

    fn of_confidences(counts: &Tally, sums: &Tally) -> Self {
        let mut bins = Self::default();
        for (fine, count) in counts.iter() {
            let bin = &mut bins.0[coarse(fine)];
            bin.count += count;
            bin.confidence += confidence_sum(fine, count, sums.get(fine));
        }
        bins
    }

    /// Expected calibration error: Σ |accuracy − mean confidence| over the bins, weighted by their numbers.
    ///
    /// Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017.
    pub(super) fn error(&self) -> Option<f64> {
        let filled = || self.0.iter().filter(|bin| bin.count > 0);
        let count: i64 = filled().map(|bin| bin.count).sum();
        let apart: f64 = filled().map(|bin| bin.gap().abs() * bin.count as f64).sum();
        (count > 0).then(|| apart / count as f64)
    }
}

/// What confidences promise.
#[derive(Clone, Debug)]
pub(super) struct Calibrated {
    pub(super) accuracy: f64,
    pub(super) source: CalibrationSource,
}

impl Calibrated {
    /// Confidence-based performance estimation: the mean of the predictions' calibrated confidences.
    ///
    /// The mean confidence of each bin is shifted by what the accuracy of labelled predictions in that bin was above
    /// or below their mean confidence: of the reference, else of the window, else not at all. A shift keeps what
    /// moves within a bin, which the bin's accuracy alone would hide: most confidences are in the last one.
    pub(super) fn of(window: &WindowCounts, reference: Option<&WindowCounts>) -> Option<Self> {
        let all = CalibrationBins::of_confidences(window.feature(Feature::Confidence), window.confidence_sums());
        let of_reference = reference.map(|reference| CalibrationBins::of(&reference.labels)).unwrap_or_default();
        let of_window = CalibrationBins::of(&window.labels);
        let mut source = None;
        let (mut count, mut expected) = (0, 0.0);
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

/// The bin of equal width that a bin of the grid belongs to. By its middle, which is never near an edge.
fn coarse(fine: u16) -> usize {
    let middle = Feature::Confidence.positions()[usize::from(fine)];
    ((middle * BINS as f64) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Labelled, Observation, Sign};
    use super::*;

    fn labelled(count: u32, confidence: f64, right: u32) -> WindowCounts {
        let mut counts = WindowCounts::default();
        for number in 0..count {
            counts.observe(&Observation { label: Some("a"), confidence: Some(confidence), ..<_>::default() });
            let truth = if number < right { "a" } else { "b" };
            counts.label(&Labelled { predicted: "a", truth, confidence, lag_seconds: 1.0 }, Sign::Add);
        }
        counts
    }

    #[test]
    fn the_error_is_the_gap_between_confidence_and_accuracy() {
        let mut counts = labelled(100, 0.95, 85);
        assert!((CalibrationBins::of(&counts.labels).error().unwrap() - 0.10).abs() < 1e-9);
        counts.merge(&labelled(100, 0.55, 55));
        assert!((CalibrationBins::of(&counts.labels).error().unwrap() - 0.05).abs() < 1e-9);
        assert!(CalibrationBins::of(&LabelCounts::default()).error().is_none());
    }

    #[test]
    fn a_reference_that_was_too_sure_lowers_the_promise() {
        let reference = labelled(100, 0.95, 85);
        let mut window = WindowCounts::default();
        for confidence in [0.92, 0.96] {
            window.observe(&Observation { confidence: Some(confidence), ..<_>::default() });
        }
        let raw = Calibrated::of(&window, None).unwrap();
        assert!((raw.accuracy - 0.94).abs() < 1e-9);
        assert_eq!(raw.source, CalibrationSource::None);
        let corrected = Calibrated::of(&window, Some(&reference)).unwrap();
        assert!((corrected.accuracy - 0.84).abs() < 1e-9);
        assert_eq!(corrected.source, CalibrationSource::Reference);
        window.observe(&Observation { confidence: Some(0.3), ..<_>::default() });
        assert_eq!(Calibrated::of(&window, Some(&reference)).unwrap().source, CalibrationSource::Mixed);
        assert_eq!(Calibrated::of(&reference, None).unwrap().source, CalibrationSource::Window);
        assert_eq!(Calibrated::of(&labelled(29, 0.95, 20), None).unwrap().source, CalibrationSource::None);
    }

    #[test]
    fn grid_bins_lie_in_one_bin_of_equal_width_each() {
        let edges = Feature::Confidence.edges();
        for (fine, edge) in edges[..edges.len() - 1].iter().enumerate() {
            let bin = coarse(u16::try_from(fine).unwrap());
            assert!(*edge >= bin as f64 / 10.0 - 1e-12 && edges[fine + 1] <= (bin + 1) as f64 / 10.0 + 1e-12);
        }
    }
}
