//! A model's file as a runtime reads it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::onnx::InputLimits;

/// Where a model is: on disk, or in memory where it differs from its file.
#[derive(Clone, Debug)]
pub(in crate::model) struct ModelFile {
    /// The file.
    pub(in crate::model) path: PathBuf,
    /// What is to be read instead of the file.
    pub(in crate::model) rewritten: Option<Arc<[u8]>>,
    /// What tract must not be given.
    pub(in crate::model) limits: InputLimits,
}
