#![doc = include_str!("../README.md")]
//!
//! Rule of thumb: this crate does no I/O, reads no clock and makes no ids. It says what a record is and whether it is valid.

mod record;
mod summary;
mod validate;

pub use record::{PredictionRecord, SCHEMA_VERSION, Score, Status, Task};
pub use summary::InputSummary;
pub use validate::{
    InvalidRecord, MAX_CHANNELS, MAX_EXTRA_BYTES, MAX_ID_CHARS, MAX_LABEL_CHARS, MAX_NAME_CHARS, MAX_TOP,
};
