//! Files beside a model that it turned out not to need.
//!
//! Rule of thumb: weights may have any name, so a file beside a model is known to be none of its weights only when the model
//! has been read.

use std::path::{Path, PathBuf};

use super::folder::{FolderNames, MODEL_FILE, is_onnx};
use super::passed_over::{Known, PassedOver, known};
use crate::model::config;

/// The files beside the model's file `model` that are neither its `weights` nor known by their names.
pub(crate) fn unread_beside(model: &Path, weights: &[PathBuf]) -> Vec<PassedOver> {
    let Some(folder) = model.parent() else { return Vec::new() };
    // `model.onnx` may be a folder with the file and its weights in it.
    let nested = folder.parent().filter(|_| folder.file_name().is_some_and(|name| name == MODEL_FILE));
    let labels = config::labels_file(&folder.join("model.toml"));
    let mut unread = Vec::new();
    for folder in [folder].into_iter().chain(nested) {
        let names = FolderNames::of(folder).unwrap_or_default();
        let is_unread =
            |name: &&String| known(name) == Known::Not && !is_onnx(name) && labels.as_deref() != Some(name.as_str());
        let paths = names.files.iter().filter(is_unread).map(|name| folder.join(name));
        let because =
            "the model beside it does not read it: remove it, or export the model again with all of its weights";
        unread.extend(paths.filter(|path| !weights.contains(path)).map(|path| PassedOver::new(path, because)));
    }
    unread
}
