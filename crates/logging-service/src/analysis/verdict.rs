//! The verdict on a statistic, from its value, its noise floor and its thresholds.

use prediction_record::AlertThresholds;
use serde::Serialize;
use utoipa::ToSchema;

/// The result of a comparison, from harmless to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DriftVerdict {
    /// The difference is small, or noise explains it.
    #[default]
    None,
    /// The difference is worth a look.
    Warning,
    /// The distribution has changed.
    Drift,
}

impl DriftVerdict {
    /// 0, 1 or 2: the value of the metric.
    pub fn level(self) -> u8 {
        self as u8
    }

    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Warning => "warning",
            Self::Drift => "drift",
        }
    }
}

/// A way to measure how far two distributions lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// Population stability index.
    Psi,
    /// Jensen–Shannon distance.
    Js,
    /// Kolmogorov–Smirnov distance.
    Ks,
    /// Wasserstein distance in standard deviations of the reference.
    Wasserstein,
    /// Cramér's V of the χ² test.
    Chi2,
    /// The largest difference of any bin's share.
    Linf,
}

impl Statistic {
    /// Every statistic, in the order of reports.
    pub const ALL: [Self; 6] = [Self::Psi, Self::Js, Self::Ks, Self::Wasserstein, Self::Chi2, Self::Linf];

    /// The name in JSON and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Psi => "psi",
            Self::Js => "js",
            Self::Ks => "ks",
            Self::Wasserstein => "wasserstein",
            Self::Chi2 => "chi2",
            Self::Linf => "linf",
        }
    }

    /// The values from which a verdict is raised.
    pub fn threshold(self, psi: PsiThresholds) -> StatisticThreshold {
        match self {
            Self::Psi => StatisticThreshold::Levels(psi),
            Self::Js | Self::Wasserstein | Self::Linf => StatisticThreshold::Level { warning: 0.10 },
            Self::Ks | Self::Chi2 => StatisticThreshold::Significance,
        }
    }
}

/// From when on a PSI raises a verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PsiThresholds {
    /// Where a warning begins.
    pub warning: f64,
    /// Where drift begins.
    pub drift: f64,
}

impl Default for PsiThresholds {
    /// The levels of credit scoring (Siddiqi 2006).
    fn default() -> Self {
        Self { warning: 0.10, drift: 0.25 }
    }
}

impl PsiThresholds {
    /// What a model declares, and what is shipped for the rest. A level that is not declared gives way to the other.
    pub fn of(declared: AlertThresholds) -> Self {
        let shipped = Self::default();
        match (declared.psi_warning, declared.psi_drift) {
            (Some(warning), Some(drift)) => Self { warning, drift },
            (Some(warning), None) => Self { warning, drift: shipped.drift.max(warning) },
            (None, Some(drift)) => Self { warning: shipped.warning.min(drift), drift },
            (None, None) => shipped,
        }
    }
}

/// How a statistic is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StatisticThreshold {
    /// A warning from one value on, and drift from a higher one.
    Levels(PsiThresholds),
    /// A warning from a value on.
    Level {
        /// Where a warning begins.
        warning: f64,
    },
    /// A warning where the p-value is below the comparison's α.
    Significance,
}

/// The result of a test, and the level at which it is significant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Significance {
    /// The probability of a value at least as large without drift.
    pub p_value: f64,
    /// The p-value below which the result is significant.
    pub alpha: f64,
}

/// One statistic of one feature, with its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MeasuredStatistic {
    /// The statistic.
    pub statistic: Statistic,
    /// Its value; 0 for a window without samples.
    pub value: f64,
    /// The value that noise alone may reach; absent for a window without samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_floor: Option<f64>,
    /// The value from which it may be a warning; absent where the p-value decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_from: Option<f64>,
    /// The value from which it may be drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_from: Option<f64>,
    /// The probability of such a value without drift; only tests have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// How far the value may be from that of the raw numbers, because numbers are counted in bins of a grid; absent where
    /// nothing is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid_error: Option<f64>,
    /// The verdict of this statistic alone.
    pub verdict: DriftVerdict,
}

impl MeasuredStatistic {
    /// Judges a value: it has to reach a threshold and exceed its noise floor.
    pub fn judged(statistic: Statistic, value: f64, noise_floor: f64) -> Self {
        Self::judged_by(statistic.threshold(PsiThresholds::default()), statistic, value, noise_floor)
    }

    /// Judges a PSI by a model's own levels.
    pub fn psi(value: f64, noise_floor: f64, levels: PsiThresholds) -> Self {
        Self::judged_by(StatisticThreshold::Levels(levels), Statistic::Psi, value, noise_floor)
    }

    fn judged_by(threshold: StatisticThreshold, statistic: Statistic, value: f64, noise_floor: f64) -> Self {
        let above = |level: f64| value >= level && value > noise_floor;
        let (warning, drift) = match threshold {
            StatisticThreshold::Levels(PsiThresholds { warning, drift }) => (Some(warning), Some(drift)),
            StatisticThreshold::Level { warning } => (Some(warning), None),
            StatisticThreshold::Significance => (None, None),
        };
        let verdict = if drift.is_some_and(above) {
            DriftVerdict::Drift
        } else if warning.is_some_and(above) {
            DriftVerdict::Warning
        } else {
            DriftVerdict::None
        };
        Self {
            statistic,
            value,
            noise_floor: Some(noise_floor),
            warning_from: warning,
            drift_from: drift,
            p_value: None,
            grid_error: Some(0.0),
            verdict,
        }
    }

    /// Judges a test's value by its p-value.
    pub fn tested(statistic: Statistic, value: f64, noise_floor: f64, significance: Significance) -> Self {
        let Significance { p_value, alpha } = significance;
        let is_significant = p_value < alpha && value > noise_floor;
        let verdict = if is_significant { DriftVerdict::Warning } else { DriftVerdict::None };
        Self { p_value: Some(p_value), verdict, ..Self::judged(statistic, value, noise_floor) }
    }

    /// The same with what is known of the error of its grid.
    #[must_use]
    pub fn with_grid_error(self, grid_error: Option<f64>) -> Self {
        Self { grid_error, ..self }
    }

    /// The statistic of a window without samples: 0, without a noise floor.
    pub fn without_samples(statistic: Statistic) -> Self {
        Self { noise_floor: None, grid_error: None, ..Self::judged(statistic, 0.0, 0.0) }
    }
}
