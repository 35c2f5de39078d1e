#![doc = include_str!("../README.md")]
//!
//! Rule of thumb: this crate does no I/O, reads no clock and makes no ids. It says what a record is and whether it is valid.

mod declaration;
mod feature_values;
mod features;
mod json_weight;
mod label_text;
mod left_out;
mod number_grid;
mod objects_only;
mod record;
mod summary;
mod time;
mod unkept;
mod validate;
mod whole_number;

pub use declaration::{
    AlertThresholds, FeatureDeclaration, FeatureKind, MAX_CATEGORIES, MAX_FEATURES, MAX_TAG_VALUES, MAX_TAGS,
    ModelDeclaration, Mute, OutsidePolicy,
};
pub use feature_values::FeatureValues;
pub use features::{FeatureValue, FeatureValuesSchema, Tags, TagsSchema};
pub use json_weight::json_weight;
pub use number_grid::{NUMBER_BINS, NUMBER_GRID_ERROR, number_bin, number_bin_edges, number_bin_middle};
pub use objects_only::{ObjectsOnly, read_json};
pub use record::{PredictionRecord, SCHEMA_VERSION, Score, Status, Task};
pub use summary::InputSummary;
pub use time::{InvalidTime, optional_time, parse_time};
pub use validate::{
    InvalidRecord, MAX_CHANNELS, MAX_EXTRA_BYTES, MAX_ID_CHARS, MAX_LABEL_CHARS, MAX_NAME_CHARS, MAX_TOP,
    validate_model_name, validate_tags,
};
pub use whole_number::{WholeNumber, optional_whole_number, whole_number};
