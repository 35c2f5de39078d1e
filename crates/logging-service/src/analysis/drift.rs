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
use super::drift_rules::DriftRules;
use super::faults::{FaultJudge, FaultKind, FeatureFault};
use super::grid_error;
use super::noise::NoiseFloors;
use super::verdict::{DriftVerdict, MeasuredStatistic, Significance, Statistic};

/// The statistics of names. KS and Wasserstein need an order, which only numbers have.
const NAME_STATISTICS: [Statistic; 4] = [Statistic::Psi, Statistic::Js, Statistic::Chi2, Statistic::Linf];

/// A window compared with its reference.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DriftReport {
    /// Answered predictions of the window. If there are none, all values are 0 and say nothing.
    pub samples: u64,
    /// Answered predictions of the reference.
    pub reference_samples: u64,
    /// The probability with which one feature may exceed its noise floor at one look without drift. It is so small that a
    /// whole week of looks at all windows and features raises a false alarm in 5 % of the weeks at most.
    pub alpha: f64,
    /// The probability with which one check calls a feature faulty at one look, though nothing has changed.
    pub fault_alpha: f64,
    /// As how many independent looks the looks of a week at a window of this length count.
    pub looks_a_week: f64,
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
    /// What may be wrong with its values by themselves; empty for a window without samples.
    pub faults: Vec<FeatureFault>,
    /// The verdict of PSI.
    pub verdict: DriftVerdict,
}

/// Compares a window with its reference in a single look. A feature that one side never has is left out.
pub fn compare(reference: &WindowCounts, current: &WindowCounts) -> DriftReport {
    compare_by(&DriftRules::once(), reference, current)
}

/// Compares a window with its reference by the rules of its model and of its length.
pub fn compare_by(rules: &DriftRules<'_>, reference: &WindowCounts, current: &WindowCounts) -> DriftReport {
    let compared = compared_features(reference, current);
    let judge = DriftJudge {
        alpha: rules.drift_alpha(compared.len()),
        fault_alpha: rules.fault_alpha(compared.len() * FaultKind::COUNT),
        rules,
    };
    let features: Vec<FeatureDrift> = compared.iter().map(|feature| judge.measure_drift(feature)).collect();
    DriftReport {
        samples: current.predictions,
        reference_samples: reference.predictions,
        alpha: judge.alpha,
        fault_alpha: judge.fault_alpha,
        looks_a_week: rules.looks(),
        verdict: features.iter().map(|feature| feature.verdict).max().unwrap_or_default(),
        features,
    }
}

/// Measures features and judges them, all in the same way.
struct DriftJudge<'a> {
    alpha: f64,
    fault_alpha: f64,
    rules: &'a DriftRules<'a>,
}

impl DriftJudge<'_> {
    fn measure_drift(&self, feature: &ComparedFeature<'_>) -> FeatureDrift {
        let has_samples = feature.samples() > 0;
        let statistics = if has_samples { self.measure(feature) } else { without_samples(feature) };
        let psi = statistics.iter().find(|measured| measured.statistic == Statistic::Psi);
        let faults = FaultJudge {
            alpha: self.fault_alpha,
            most_missing: self.rules.most_missing(),
            declared: feature.declared_name.and_then(|name| self.rules.feature(name)),
        };
        FeatureDrift {
            feature: feature.name.clone(),
            samples: feature.samples(),
            reference_samples: feature.reference_samples(),
            verdict: psi.map(|psi| psi.verdict).unwrap_or_default(),
            statistics,
            faults: if has_samples { faults.judge(feature) } else { Vec::new() },
        }
    }

    fn measure(&self, feature: &ComparedFeature<'_>) -> Vec<MeasuredStatistic> {
        let ComparedCounts { reference: then, current: now } = &feature.bins;
        let noise = NoiseFloors::new(feature.samples(), feature.reference_samples(), self.alpha);
        let chi = distance::chi_squared(now, then);
        let psi = distance::psi(now, then);
        let js = distance::jensen_shannon(now, then);
        let mut measured = vec![
            MeasuredStatistic::psi(psi, noise.psi_of_thin_bins(psi, &chi), self.rules.psi_thresholds()),
            MeasuredStatistic::judged(Statistic::Js, js, noise.jensen_shannon(chi.freedom)),
        ];
        if let Some(fine) = &feature.fine {
            measured.extend(self.measure_order(fine));
        }
        let significance = Significance { p_value: chi.p_value, alpha: self.alpha };
        let linf = distance::l_infinity(now, then);
        measured.extend([
            MeasuredStatistic::tested(Statistic::Chi2, chi.cramers_v, noise.cramers_v(chi.freedom), significance),
            MeasuredStatistic::judged(Statistic::Linf, linf, noise.l_infinity(then)),
        ]);
        measured
    }

    /// The statistics that need an order, at the edges of the fine grid. Values that are missing have none, so they stand
    /// apart.
    fn measure_order(&self, fine: &FineCounts) -> [MeasuredStatistic; 2] {
        let ComparedCounts { reference: then, current: now } = &fine.counts;
        let (n, m) = (now.iter().sum(), then.iter().sum());
        if n == 0 || m == 0 {
            return [Statistic::Ks, Statistic::Wasserstein].map(MeasuredStatistic::without_samples);
        }
        let noise = NoiseFloors::new(n, m, self.alpha);
        let ks = distance::kolmogorov_smirnov(now, then);
        let significance = Significance { p_value: distance::kolmogorov_p_value(ks, n, m), alpha: self.alpha };
        let wasserstein = distance::wasserstein(now, then, &fine.positions);
        let floor = noise.wasserstein(then, &fine.positions);
        [
            MeasuredStatistic::tested(Statistic::Ks, ks, noise.kolmogorov_smirnov(), significance)
                .with_grid_error(Some(grid_error::of_kolmogorov_smirnov(fine, ks))),
            MeasuredStatistic::judged(Statistic::Wasserstein, wasserstein, floor)
                .with_grid_error(grid_error::of_wasserstein(fine, wasserstein)),
        ]
    }
}

fn without_samples(feature: &ComparedFeature<'_>) -> Vec<MeasuredStatistic> {
    let which = if feature.fine.is_some() { &Statistic::ALL[..] } else { &NAME_STATISTICS };
    which.iter().copied().map(MeasuredStatistic::without_samples).collect()
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
