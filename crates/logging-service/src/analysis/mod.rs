//! The statistics of drift and quality: what a model said, whether it was right, and whether its input has changed.
//!
//! A row's way: [`WindowCounts::observe`] puts it on fixed grids as whole numbers → counts of windows are
//! merged → [`compare`] lays them beside a reference, [`quality`] beside the labels.
//!
//! Rule of thumb: everything is a function of [`WindowCounts`], and those only ever add up. So any split of
//! the rows, merged in any order, gives the numbers of the whole.
//!
//! **Architecture Invariant:** no I/O, no SQL, no HTTP and no clock in here.

pub mod bins;
mod calibration;
mod classes;
mod counts;
pub mod divergence;
mod drift;
mod feature;
mod feature_counts;
mod grid;
mod labels;
pub mod noise;
mod profile;
mod quality;
mod tally;
mod verdict;

pub use calibration::CalibrationSource;
pub use classes::{ClassCounts, MAX_CLASSES};
pub use counts::{CountsError, InputFeatures, Observation, WindowCounts};
pub use drift::{DriftReport, FALSE_ALARM_RATE, FeatureDrift, PREDICTED_CLASS, compare};
pub use feature::Feature;
pub use grid::GRID_VERSION;
pub use labels::{LabelCounts, Labelled, MAX_PAIRS, Sign};
pub use profile::{PROFILE_SCHEMA_VERSION, ProfileError, ReferenceProfile};
pub use quality::{ClassQuality, Quality, quality};
pub use tally::Tally;
pub use verdict::{Measured, Statistic, Threshold, Verdict};
