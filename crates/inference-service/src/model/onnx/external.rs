//! Weights that lie in files beside the ONNX file.
//!
//! Rule of thumb: a model is its folder. A name that leads out of it is refused, whoever wrote the file. What was read is
//! what serves: a runtime is given these bytes and not the files, which may be written over while it runs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::iter::repeat_n;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::graph::OnnxGraph;
use super::proto::TensorProto;
use crate::model::error::ModelError;
use crate::model::file_stamp::FileStamp;

/// `TensorProto.DataLocation.EXTERNAL`.
pub(super) const EXTERNAL: i32 = 1;

/// A file with weights, as it was when it was read.
#[derive(Clone, Debug)]
pub(in crate::model) struct Weights {
    /// How the tensors of the graph name it.
    pub(in crate::model) location: String,
    /// Where it is.
    pub(in crate::model) path: PathBuf,
    /// Its content.
    pub(in crate::model) bytes: Arc<[u8]>,
    stamp: FileStamp,
}

impl Weights {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`], also where the file changes meanwhile.
    pub(super) fn read(location: String, path: PathBuf) -> Result<Self, ModelError> {
        match read(&path) {
            Ok((bytes, stamp)) => Ok(Self { location, path, bytes, stamp }),
            Err(source) => Err(ModelError::Unreadable { path, source }),
        }
    }

    /// The same, but for what the file holds.
    pub(in crate::model) fn without_bytes(&self) -> Self {
        Self { bytes: Arc::default(), ..self.clone() }
    }

    /// Reads the file once more.
    ///
    /// # Errors
    /// Where it cannot be read, or may be another one, as a sentence.
    pub(in crate::model) fn read_again(&self) -> Result<Self, String> {
        let again = Self::read(self.location.clone(), self.path.clone()).map_err(|problem| problem.to_string())?;
        if again.stamp == self.stamp {
            return Ok(again);
        }
        Err(format!("{} has changed since the model was loaded: load the model again", self.path.display()))
    }
}

/// The places that the tensors of a graph refer to, sorted by their names.
///
/// # Errors
/// Where one is not there, or lies outside of the folder of `model`.
pub(super) fn files(graph: &OnnxGraph, model: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let folder = model.parent().unwrap_or(Path::new(""));
    let locations: BTreeSet<&str> = graph.tensors().into_iter().filter_map(location).collect();
    let named = |location: &str| Ok((location.to_owned(), inside(folder, location)?));
    locations.into_iter().map(named).collect()
}

/// The file that a tensor refers to, if it does.
pub(super) fn location(tensor: &TensorProto) -> Option<&str> {
    if tensor.data_location == EXTERNAL { entry(tensor, "location") } else { None }
}

/// What a tensor says of its place in a file.
pub(super) fn entry<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
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

/// The content of a file, in memory once, and its state.
fn read(path: &Path) -> io::Result<(Arc<[u8]>, FileStamp)> {
    let changed = || io::Error::other("it changed while it was read; it is read again when it is loaded again");
    let before = FileStamp::of(path);
    let mut file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut bytes: Arc<[u8]> = repeat_n(0, length).collect();
    // Nobody else has it yet.
    if let Some(bytes) = Arc::get_mut(&mut bytes) {
        file.read_exact(bytes)?;
    }
    match before {
        Some(stamp) if FileStamp::of(path).as_ref() == Some(&stamp) => Ok((bytes, stamp)),
        _ => Err(changed()),
    }
}
