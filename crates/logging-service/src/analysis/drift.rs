//! A window compared with its reference: every feature, every statistic, one verdict.
//!
//! Rule of thumb: PSI alone decides the verdict of a feature. It is the only statistic with two accepted levels, and it has
//! one noise floor for numbers and names. If any of six statistics could raise a verdict, each of them would add false
//! alarms of its own. The others are information.

use serde::Serialize;
use utoipa::ToSchema;

use super::WindowCounts;
use super::bins::ComparedCounts;
use super::compared::{ComparedFeature, FineCounts, compared_features};
use super::divergence as distance;
use super::noise::NoiseFloors;
use super::verdict::{DriftVerdict, MeasuredStatistic, Significance, Statistic};

/// How often a model without drift may get a verdict other than none, all features together.
pub const FALSE_ALARM_RATE: f64 = 0.05;

/// The statistics of names. KS and Wasserstein need an order, which only numbers have.
const NAME_STATISTICS: [Statistic; 4] = [Statistic::Psi, Statistic::Js, Statistic::Chi2, Statistic::Linf];

/// A window compared with its reference.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DriftReport {
    /// Answered predictions of the window. If there are none, all values are 0 and say nothing.
    pub samples: u64,
    /// Answered predictions of the reference.
    pub reference_samples: u64,
    /// The probability with which one feature may raise a false alarm: 5 % divided by the number of features.
    pub alpha: f64,
    /// The features that both sides have; for a window without samples, all features of the reference.
    pub features: Vec<FeatureDrift>,
    /// The worst verdict of the features.
    pub verdict: DriftVerdict,
}

/// The drift of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FeatureDrift {
    /// Its name.
    pub feature: String,
    /// Predictions of the window that have it.
    pub samples: u64,
    /// Predictions of the reference that have it.
    pub reference_samples: u64,
    /// Every statistic.
    pub statistics: Vec<MeasuredStatistic>,
    /// The verdict of PSI.
    pub verdict: DriftVerdict,
}

/// Compares a window with its reference. A feature that one side never has is left out.
pub fn compare(reference: &WindowCounts, current: &WindowCounts) -> DriftReport {
    let compared = compared_features(reference, current);
    let alpha = FALSE_ALARM_RATE / compared.len().max(1) as f64;
    let features: Vec<FeatureDrift> = compared.iter().map(|feature| feature.measure_drift(alpha)).collect();
    DriftReport {
        samples: current.predictions,
        reference_samples: reference.predictions,
        alpha,
        verdict: features.iter().map(|feature| feature.verdict).max().unwrap_or_default(),
        features,
    }
}

impl FineCounts {
    /// The statistics that need an order. Values that are missing have none, so they stand apart.
    fn measure_order(&self, alpha: f64) -> [MeasuredStatistic; 2] {
        let ComparedCounts { reference: then, current: now } = &self.ranges;
        let (n, m) = (now.iter().sum(), then.iter().sum());
        if n == 0 || m == 0 {
            return [Statistic::Ks, Statistic::Wasserstein].map(MeasuredStatistic::without_samples);
        }
        let noise = NoiseFloors::new(n, m, alpha);
        let ks = distance::kolmogorov_smirnov(now, then);
        let significance = Significance { p_value: distance::kolmogorov_p_value(ks, n, m), alpha };
        let wasserstein = distance::wasserstein(&self.counts.current, &self.counts.reference, &self.positions);
        [
            MeasuredStatistic::tested(Statistic::Ks, ks, noise.kolmogorov_smirnov(), significance),
            MeasuredStatistic::judged(
                Statistic::Wasserstein,
                wasserstein,
                noise.wasserstein(&self.counts.reference, &self.positions),
            ),
        ]
    }
}

impl ComparedFeature {
    fn measure_drift(&self, alpha: f64) -> FeatureDrift {
        let statistics = if self.samples() == 0 { self.without_samples() } else { self.measure(alpha) };
        let psi = statistics.iter().find(|measured| measured.statistic == Statistic::Psi);
        FeatureDrift {
            feature: self.name.clone(),
            samples: self.samples(),
            reference_samples: self.reference_samples(),
            verdict: psi.map(|psi| psi.verdict).unwrap_or_default(),
            statistics,
        }
    }

    fn without_samples(&self) -> Vec<MeasuredStatistic> {
        let which = if self.fine.is_some() { &Statistic::ALL[..] } else { &NAME_STATISTICS };
        which.iter().copied().map(MeasuredStatistic::without_samples).collect()
    }

    fn measure(&self, alpha: f64) -> Vec<MeasuredStatistic> {
        let now = &self.bins.current[..];
        let then = &self.bins.reference[..];
        let (n, m) = (self.samples(), self.reference_samples());
        let noise = NoiseFloors::new(n, m, alpha);
        let chi = distance::chi_squared(now, then);
        let psi = distance::psi(now, then);
        let mut measured = vec![
            MeasuredStatistic::judged(Statistic::Psi, psi, noise.psi_of_thin_bins(psi, &chi)),
            MeasuredStatistic::judged(
                Statistic::Js,
                distance::jensen_shannon(now, then),
                noise.jensen_shannon(chi.freedom),
            ),
        ];
        if let Some(fine) = &self.fine {
            measured.extend(fine.measure_order(alpha));
        }
        let floor = noise.cramers_v(chi.freedom);
        let significance = Significance { p_value: chi.p_value, alpha };
        measured.push(MeasuredStatistic::tested(Statistic::Chi2, chi.cramers_v, floor, significance));
        measured.push(MeasuredStatistic::judged(
            Statistic::Linf,
            distance::l_infinity(now, then),
            noise.l_infinity(then),
        ));
        measured
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{InputFeatures, Observation};
    use super::*;

    fn window(count: u32, brightness: impl Fn(u32) -> f64) -> WindowCounts {
        let mut counts = WindowCounts::default();
        for number in 0..count {
            let brightness = brightness(number);
            let input =
                InputFeatures { brightness, mean: &[0.5], std: &[0.1], width: 32, height: 32, ..<_>::default() };
            let label = Some(if number % 3 == 0 { "cat" } else { "dog" });
            counts.observe(&Observation { label, input: Some(input), ..<_>::default() });
        }
        counts
    }

    #[test]
    fn a_window_without_samples_has_all_features_at_zero() {
        let report = compare(&window(100, |n| f64::from(n) / 100.0), &WindowCounts::default());
        assert_eq!((report.samples, report.reference_samples, report.verdict), (0, 100, DriftVerdict::None));
        let names: Vec<&str> = report.features.iter().map(|feature| feature.feature.as_str()).collect();
        assert_eq!(
            names,
            ["predicted_class", "brightness", "contrast", "sharpness", "mean_0", "std_0", "width", "height"]
        );
        let all = report.features.iter().flat_map(|feature| &feature.statistics);
        assert!(all.clone().all(|measured| measured.value == 0.0 && measured.noise_floor.is_none()));
        assert_eq!(all.count(), 4 + 7 * 6);
    }

    #[test]
    fn what_one_side_never_has_is_left_out() {
        let mut bare = WindowCounts::default();
        bare.observe(&Observation { label: Some("cat"), confidence: Some(0.9), ..<_>::default() });
        let report = compare(&window(100, |_| 0.5), &bare);
        assert_eq!(report.features.len(), 1);
        assert_eq!(report.alpha, 0.05);
        assert!(compare(&WindowCounts::default(), &bare).features.is_empty());
    }

    #[test]
    fn the_worst_feature_decides_and_the_others_stay_quiet() {
        let report =
            compare(&window(1_000, |n| f64::from(n) / 1e3), &window(1_000, |n| 0.3 + 0.7 * f64::from(n) / 1e3));
        assert_eq!(report.verdict, DriftVerdict::Drift);
        for feature in &report.features {
            let expected = if feature.feature == "brightness" { DriftVerdict::Drift } else { DriftVerdict::None };
            assert_eq!(feature.verdict, expected, "{feature:?}");
        }
    }

    #[test]
    fn a_size_that_was_never_seen_is_drift() {
        let mut current = window(50, |_| 0.5);
        let input =
            InputFeatures { brightness: 0.5, mean: &[0.5], std: &[0.1], width: 640, height: 32, ..<_>::default() };
        for _ in 0..50 {
            current.observe(&Observation { label: Some("dog"), input: Some(input), ..<_>::default() });
        }
        let report = compare(&window(100, |_| 0.5), &current);
        let width = report.features.iter().find(|feature| feature.feature == "width").unwrap();
        assert_eq!(width.verdict, DriftVerdict::Drift, "{width:?}");
    }

    #[test]
    fn large_but_within_noise_is_no_verdict() {
        let measured = MeasuredStatistic::judged(Statistic::Psi, 0.3, 0.34);
        assert_eq!(measured.verdict, DriftVerdict::None);
        assert_eq!(MeasuredStatistic::judged(Statistic::Psi, 0.3, 0.1).verdict, DriftVerdict::Drift);
        assert_eq!(MeasuredStatistic::judged(Statistic::Psi, 0.2, 0.1).verdict, DriftVerdict::Warning);
        assert_eq!(MeasuredStatistic::judged(Statistic::Psi, 0.05, 0.01).verdict, DriftVerdict::None);
        let significance = Significance { p_value: 0.001, alpha: 0.01 };
        assert_eq!(MeasuredStatistic::tested(Statistic::Ks, 0.2, 0.1, significance).verdict, DriftVerdict::Warning);
    }
}
