//! The record of one prediction: what the inference service sends and the logging service stores.
//!
//! The JSON form of [`PredictionRecord`] is the body of `POST /log`. Only `model`, `label` and
//! `confidence` are required (or `model` and `status: "error"` for a prediction that failed); the
//! receiver fills in the rest. Fields that this version does not know are kept in
//! [`PredictionRecord::extra`], so a newer sender loses nothing at an older receiver. The second version added `variant`,
//! `span_id`, `input_sha256` and `input`; a record of the first is one of the second without them. The third added `task` and
//! `value`, for models that do not classify.
//!
//! Rule of thumb: this crate does no I/O, reads no clock and makes no ids. It says what a record is
//! and whether it is valid.

mod record;
mod summary;
mod validate;

pub use record::{PredictionRecord, SCHEMA_VERSION, Score, Status, Task};
pub use summary::InputSummary;
pub use validate::{Invalid, MAX_CHANNELS, MAX_EXTRA_BYTES, MAX_ID_CHARS, MAX_LABEL_CHARS, MAX_NAME_CHARS, MAX_TOP};
