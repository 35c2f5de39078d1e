//! By what a comparison judges: a model's thresholds, and how often it may be wrong.
//!
//! Rule of thumb: a model is looked at all the time, and a bound on each look is no bound on the week. So the false alarms
//! of a week are shared out: over the detectors, the windows, the features, and the looks of a week.
//!
//! How many looks a week has: windows that overlap find nearly the same. For a statistic whose floor is a χ² quantile x,
//! the sliding window of the length L exceeds it within the time T with the probability α·(1 + (T/L)·x), where α is that of
//! one look, however often one looks (Pickands 1969, for a correlation that falls by 1/L; Piterbarg 1994 for χ²). With
//! ten bins x is about 50 at the α of a week, with 40 bins 105; [`LOOKS_PER_LENGTH`] stands for it.

use std::sync::LazyLock;

use prediction_record::{FeatureDeclaration, ModelDeclaration};

use super::verdict::PsiThresholds;

/// How often a model without drift may get any verdict other than none in a week: all features, windows and looks
/// together, and the detector of sudden changes and the faults of features with them.
pub const FALSE_ALARM_RATE: f64 = 0.05;

/// The part of [`FALSE_ALARM_RATE`] that each of the three windows has for drift, in a week.
pub const DRIFT_RATE: f64 = 0.01;

/// The part of [`FALSE_ALARM_RATE`] that each of the three windows has for faults of features, in a week.
pub const FAULT_RATE: f64 = 0.01 / 3.0;

/// The part of [`FALSE_ALARM_RATE`] that the detector of sudden changes has, in a week.
pub const SUDDEN_RATE: f64 = 0.01;

/// As how many independent looks the looks within one length of a window count, however many there are.
pub const LOOKS_PER_LENGTH: f64 = 100.0;

const WEEK_SECONDS: f64 = 7.0 * 86_400.0;

/// Nothing is declared.
static UNDECLARED: LazyLock<ModelDeclaration> = LazyLock::new(ModelDeclaration::default);

/// By what a comparison judges.
#[derive(Clone, Copy, Debug)]
pub struct DriftRules<'a> {
    drift_rate: f64,
    fault_rate: f64,
    looks: f64,
    declaration: &'a ModelDeclaration,
}

impl DriftRules<'static> {
    /// A single look at a model about which nothing is declared.
    pub fn once() -> Self {
        let declaration: &'static ModelDeclaration = &UNDECLARED;
        Self { drift_rate: FALSE_ALARM_RATE, fault_rate: FALSE_ALARM_RATE, looks: 1.0, declaration }
    }
}

impl<'a> DriftRules<'a> {
    /// A window of this length that is looked at all the time, week after week.
    pub fn watched(window_seconds: f64) -> Self {
        let lengths = WEEK_SECONDS / window_seconds.max(1.0);
        let looks = LOOKS_PER_LENGTH * (1.0 + lengths);
        Self { drift_rate: DRIFT_RATE, fault_rate: FAULT_RATE, looks, declaration: &UNDECLARED }
    }

    /// The same for a model about which something may be declared.
    #[must_use]
    pub fn of_model(self, declaration: Option<&'a ModelDeclaration>) -> Self {
        Self { declaration: declaration.unwrap_or(&UNDECLARED), ..self }
    }

    /// As how many independent looks the looks of a week count.
    pub fn looks(&self) -> f64 {
        self.looks
    }

    /// The probability with which one of so many features may exceed its noise floor at one look.
    pub fn drift_alpha(&self, features: usize) -> f64 {
        self.drift_rate / self.looks / features.max(1) as f64
    }

    /// The probability with which one of so many checks may call a feature faulty at one look.
    pub fn fault_alpha(&self, checks: usize) -> f64 {
        self.fault_rate / self.looks / checks.max(1) as f64
    }

    /// From when on a PSI is a warning, and from when on drift.
    pub fn psi_thresholds(&self) -> PsiThresholds {
        PsiThresholds::of(self.declaration.thresholds)
    }

    /// The greatest share of a feature's values that may be missing, where one is declared.
    pub fn most_missing(&self) -> Option<f64> {
        self.declaration.thresholds.missing
    }

    /// The declaration of a feature.
    pub fn feature(&self, name: &str) -> Option<&'a FeatureDeclaration> {
        self.declaration.feature(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_week_add_up_to_what_is_promised() {
        let shares = [[DRIFT_RATE, FAULT_RATE]; 3].concat().into_iter().chain([SUDDEN_RATE]);
        assert!((shares.sum::<f64>() - FALSE_ALARM_RATE).abs() < 1e-12);
        let day = DriftRules::watched(86_400.0);
        assert!((day.looks() - 800.0).abs() < 1e-9);
        assert!((day.drift_alpha(50) - 2.5e-7).abs() < 1e-15);
    }

    #[test]
    fn what_is_declared_replaces_what_is_shipped() {
        let shipped = DriftRules::once().psi_thresholds();
        assert_eq!((shipped.warning, shipped.drift), (0.10, 0.25));
        let mut declaration = ModelDeclaration::default();
        declaration.thresholds.psi_drift = Some(0.05);
        let rules = DriftRules::once().of_model(Some(&declaration));
        // A warning cannot begin after the drift.
        assert_eq!((rules.psi_thresholds().warning, rules.psi_thresholds().drift), (0.05, 0.05));
        declaration.thresholds.psi_warning = Some(0.4);
        declaration.thresholds.psi_drift = None;
        let rules = DriftRules::once().of_model(Some(&declaration));
        assert_eq!((rules.psi_thresholds().warning, rules.psi_thresholds().drift), (0.4, 0.4));
    }
}
