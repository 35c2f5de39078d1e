//! What the numbers mean: each statistic with its floor, its thresholds and what follows.

use serde::Serialize;
use utoipa::ToSchema;

/// What follows from a comparison, from harmless to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing that noise would not explain, or nothing large.
    #[default]
    None,
    /// Worth a look.
    Warning,
    /// The distribution is another one.
    Drift,
}

impl Verdict {
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

    /// Where values begin to matter.
    pub fn threshold(self) -> Threshold {
        match self {
            Self::Psi => Threshold::Levels { warning: 0.10, drift: 0.25 },
            Self::Js | Self::Wasserstein | Self::Linf => Threshold::Level { warning: 0.10 },
            Self::Ks | Self::Chi2 => Threshold::Significance,
        }
    }
}

/// How a statistic is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// From the one value on a warning, from the other on drift.
    Levels {
        /// Where a warning begins.
        warning: f64,
        /// Where drift begins.
        drift: f64,
    },
    /// From the value on a warning.
    Level {
        /// Where a warning begins.
        warning: f64,
    },
    /// A warning where the p-value is below the comparison's α.
    Significance,
}

/// One statistic of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Measured {
    /// Which.
    pub statistic: Statistic,
    /// Its value; 0 for a window without samples.
    pub value: f64,
    /// What it reaches without drift; unknown for a window without samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_floor: Option<f64>,
    /// From where on it may be a warning; none where the p-value decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning_from: Option<f64>,
    /// From where on it may be drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_from: Option<f64>,
    /// The probability of such a value without drift, of tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// What follows from this statistic alone.
    pub verdict: Verdict,
}

impl Measured {
    /// A value judged: it has to be large, and larger than noise.
    pub fn judged(statistic: Statistic, value: f64, noise_floor: f64) -> Self {
        let above = |level: f64| value >= level && value > noise_floor;
        let (warning, drift) = match statistic.threshold() {
            Threshold::Levels { warning, drift } => (Some(warning), Some(drift)),
            Threshold::Level { warning } => (Some(warning), None),
            Threshold::Significance => (None, None),
        };
        let verdict = if drift.is_some_and(above) {
            Verdict::Drift
        } else if warning.is_some_and(above) {
            Verdict::Warning
        } else {
            Verdict::None
        };
        let (warning_from, drift_from) = (warning, drift);
        Self { statistic, value, noise_floor: Some(noise_floor), warning_from, drift_from, p_value: None, verdict }
    }

    /// A test's value judged by its p-value.
    pub fn tested(statistic: Statistic, value: f64, noise_floor: f64, (p_value, alpha): (f64, f64)) -> Self {
        let significant = p_value < alpha && value > noise_floor;
        let verdict = if significant { Verdict::Warning } else { Verdict::None };
        Self { p_value: Some(p_value), verdict, ..Self::judged(statistic, value, noise_floor) }
    }

    /// What there is to say without samples.
    pub fn without_samples(statistic: Statistic) -> Self {
        Self { noise_floor: None, ..Self::judged(statistic, 0.0, 0.0) }
    }
}
