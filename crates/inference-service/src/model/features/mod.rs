//! The features of a model: the columns of a table, as `[[features]]` in model.toml declares them, and where they stand in the
//! tensors that the model takes.
//!
//! Rule of thumb: what is declared is compared with the file while the model loads. After that, a value is only asked whether
//! its column takes it.

mod column;
mod placing;
mod refusal;
mod served;

pub(crate) use column::FeatureColumn;
pub use placing::ModelFeatures;
pub(crate) use refusal::{FeatureRefusal, RefusalReason};
pub(in crate::model) use served::FeatureTable;
pub use served::{CategoryEncoding, MissingFill, ServedFeature};
