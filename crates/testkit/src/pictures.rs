//! The shipped models and their example pictures.

use std::fs;
use std::path::{Path, PathBuf};

use crate::programs::root;

/// A picture, encoded.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

/// The folder of the shipped models.
pub fn model_folder() -> PathBuf {
    root().join("deploy/models")
}

/// The example pictures of a shipped model, sorted by name; never none.
///
/// # Panics
/// If they cannot be read.
pub fn pictures(model: &str) -> Vec<Picture> {
    let folder = model_folder().join(model).join("examples");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no pictures in {}", folder.display());
    files.iter().map(|file| Picture { content_type: content_type(file), bytes: fs::read(file).unwrap() }).collect()
}

/// Copies the files of a shipped model into another repository under another name; it is not the default there.
///
/// # Panics
/// If they cannot be copied.
pub fn copy_model(from: &str, repository: &Path, to: &str) {
    let (from, to) = (model_folder().join(from), repository.join(to));
    fs::create_dir_all(to.join("1")).unwrap();
    let toml = fs::read_to_string(from.join("model.toml")).unwrap();
    fs::write(to.join("model.toml"), toml.replace("default = true\n", "")).unwrap();
    for file in ["labels.txt", "1/model.onnx", "1/profile.json"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("bmp") => "image/bmp",
        _ => panic!("{} is no picture", file.display()),
    }
}
