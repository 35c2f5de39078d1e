//! A model's file as a runtime reads it.

use std::path::PathBuf;
use std::sync::Arc;

/// Where a model is: on disk, or in memory where it differs from its file.
#[derive(Clone, Debug)]
pub(in crate::model) struct ModelFile {
    /// The file.
    pub(in crate::model) path: PathBuf,
    /// What is to be read instead of the file.
    pub(in crate::model) rewritten: Option<Arc<[u8]>>,
}
