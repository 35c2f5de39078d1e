//! NumPy's files: one array in .npy, several by name in .npz.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use zip::ZipArchive;

use super::npy;
use crate::model::Tensor;

/// Most arrays of a file, and most bytes of one of them.
const MOST_ARRAYS: usize = 1000;
const MOST_BYTES: u64 = 4 << 30;

/// Arrays by name, in the file's order; the only one of a .npy file has none.
pub(super) type NamedArrays = Vec<(Option<String>, Tensor)>;

/// Reads a file.
///
/// # Errors
/// What is wrong, as a sentence.
pub(super) fn read(path: &Path) -> Result<NamedArrays, String> {
    let about = |problem: String| format!("{}: {problem}", path.display());
    let bytes = |problem: std::io::Error| about(problem.to_string());
    if path.extension().is_some_and(|extension| extension == "npy") {
        let array = npy::parse(&fs::read(path).map_err(bytes)?).map_err(about)?;
        return Ok(vec![(None, array)]);
    }
    let archive =
        |problem: zip::result::ZipError| about(format!("it is no .npz file, nor .npy by its name: {problem}"));
    let mut file = ZipArchive::new(File::open(path).map_err(bytes)?).map_err(archive)?;
    if file.len() > MOST_ARRAYS {
        return Err(about(format!("it has {} arrays, and at most {MOST_ARRAYS} are read", file.len())));
    }
    let mut arrays = Vec::with_capacity(file.len());
    for index in 0..file.len() {
        let mut entry = file.by_index(index).map_err(archive)?;
        let name = entry.name().map_err(archive)?.into_owned();
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let mut content = Vec::new();
        entry.by_ref().take(MOST_BYTES).read_to_end(&mut content).map_err(bytes)?;
        let array = npy::parse(&content).map_err(|problem| about(format!("{name:?}: {problem}")))?;
        arrays.push((Some(name), array));
    }
    Ok(arrays)
}
