//! Weights that lie in files beside the ONNX file.
//!
//! Rule of thumb: a model is its folder. A name that leads out of it is refused, whoever wrote the file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::graph::OnnxGraph;
use super::proto::TensorProto;
use crate::model::error::ModelError;

/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;
/// How much of a file is in memory at a time.
const PIECE_BYTES: usize = 1 << 20;

/// The files that the tensors of a graph refer to, sorted.
///
/// # Errors
/// Where one is not there, or lies outside of the folder of `model`.
pub(super) fn files(graph: &OnnxGraph, model: &Path) -> Result<Vec<PathBuf>, String> {
    let folder = model.parent().unwrap_or(Path::new(""));
    let locations: BTreeSet<&str> = graph.tensors().into_iter().filter_map(location).collect();
    locations.into_iter().map(|location| inside(folder, location)).collect()
}

fn location(tensor: &TensorProto) -> Option<&str> {
    let is_external = tensor.data_location == EXTERNAL;
    let entry = tensor.external_data.iter().find(|entry| is_external && entry.key == "location")?;
    Some(&entry.value)
}

fn inside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let is_normal = |component: Component<'_>| matches!(component, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !Path::new(location).components().all(is_normal) {
        return Err(format!("its weights are at {location:?}, outside of its folder: put that file beside it"));
    }
    let file = folder.join(location);
    if !file.is_file() {
        return Err(format!("its weights are in {location:?}, which is not beside it: put that file there"));
    }
    Ok(file)
}

/// Adds the content of a file to a digest, a piece at a time.
///
/// # Errors
/// [`ModelError::Unreadable`].
pub(super) fn digest(file: &Path, digest: &mut Sha256) -> Result<(), ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: file.to_owned(), source };
    let mut content = File::open(file).map_err(unreadable)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match content.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(()),
            read => digest.update(&piece[..read]),
        }
    }
}
