//! The statistics of drift and quality: what a model predicted, whether it was right, and whether its input has changed.
//!
//! A row's way: [`WindowCounts::observe`] counts it on fixed grids → the counts of windows are merged → [`compare`] sets
//! them against a reference, [`quality`] against the labels.
//!
//! Rule of thumb: everything is a function of [`WindowCounts`], and counts are only ever added. So the rows can be split
//! and merged in any order, and the numbers are always those of the whole.
//!
//! **Architecture Invariant:** no I/O, no SQL, no HTTP and no clock in here.

mod binary;
pub mod bins;
mod calibration;
mod chance;
mod classes;
mod compared;
mod confidence_units;
mod correlation;
mod counts;
mod counts_error;
pub mod divergence;
mod drift;
mod drift_rules;
mod exact_sum;
mod faults;
mod feature;
mod feature_counts;
mod grid;
mod grid_error;
mod grid_version;
mod injection;
mod interval;
mod label_name;
mod labelled_observation;
mod labels;
mod named_counts;
pub mod noise;
mod probability_grid;
mod profile;
mod quality;
mod shown_bins;
mod sudden;
mod tally;
mod true_class_scores;
mod value_errors;
mod verdict;

pub use binary::{BinaryQuality, BinaryScores, LabelledScores, PositiveScore};
pub use calibration::{CalibratedRange, CalibrationSource, calibrated_ranges};
pub use classes::{ClassCounts, MAX_CLASSES};
pub use compared::{PREDICTED_CLASS, PREDICTED_VALUE};
pub use correlation::Correlation;
pub use counts::{InputFeatures, Observation, WindowCounts};
pub use counts_error::CountsError;
pub use drift::{DriftReport, FeatureDrift, compare, compare_by};
pub use drift_rules::{DRIFT_RATE, DriftRules, FALSE_ALARM_RATE, FAULT_RATE, LOOKS_PER_LENGTH, SUDDEN_RATE};
pub use exact_sum::ExactSum;
pub use faults::{FaultKind, FeatureFault, SMALLEST_EXCESS};
pub use feature::Feature;
pub use grid::GRID_VERSION;
pub(crate) use interval::{CountedShare, WITHIN, difference, wilson};
pub use label_name::label_name;
pub(crate) use label_name::number_of;
pub use labelled_observation::{ClassOutcome, LabelledObservation, LabelledOutcome, ValueOutcome};
pub use labels::{ClassPair, LabelCounts, LabelSign, MAX_PAIRS};
pub use named_counts::{NamedCounts, ValueCounts};
pub use profile::{AnswerCorrelations, CorrelatedAnswer, PROFILE_SCHEMA_VERSION, ProfileError, ReferenceProfile};
pub(crate) use quality::positive_class;
pub use quality::{ClassQuality, QualityReport, quality, quality_by};
pub use shown_bins::{FeatureBins, ShownBin, shown_bins};
pub use sudden::{SuddenChange, sudden_changes};
pub use tally::Tally;
pub use true_class_scores::{TopAccuracy, TrueClassScore, TrueClassScores};
pub use value_errors::{RegressionQuality, ValueErrors};
pub use verdict::{DriftVerdict, MeasuredStatistic, PsiThresholds, Significance, Statistic, StatisticThreshold};
