//! A model's file as a runtime reads it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::file_stamp::FileStamp;
use crate::model::onnx::{InputLimits, Weights};

/// Where a model is: on disk, or in memory where it differs from its file or has weights beside it.
#[derive(Debug)]
pub(in crate::model) struct ModelFile {
    /// The file.
    pub(in crate::model) path: PathBuf,
    /// Its state before its digest was made.
    pub(in crate::model) stamp: Option<FileStamp>,
    /// What is to be read instead of the file.
    pub(in crate::model) in_memory: Option<Arc<[u8]>>,
    /// What lies beside the file; nothing without `in_memory`.
    pub(in crate::model) weights: Vec<Weights>,
    /// What tract must not be given.
    pub(in crate::model) limits: InputLimits,
}

impl ModelFile {
    /// Says after a runtime has read the file whether that was the file of the digest.
    ///
    /// # Errors
    /// Where it may be another one, as a sentence.
    pub(super) fn check_unchanged(&self) -> Result<(), String> {
        if self.stamp.is_some() && FileStamp::of(&self.path) == self.stamp {
            return Ok(());
        }
        Err("the file changed while it was loaded; it is read again when it is loaded again".to_owned())
    }

    /// A file without anything beside it, as it is now.
    #[cfg(test)]
    pub(super) fn at(path: PathBuf) -> Self {
        let stamp = FileStamp::of(&path);
        Self { path, stamp, in_memory: None, weights: Vec::new(), limits: InputLimits::default() }
    }
}
