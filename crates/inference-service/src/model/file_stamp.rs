//! What tells one state of a file from another without reading it.
//!
//! Rule of thumb: size and time of change are what whoever copies a file can set, so the kernel's own time and the file's
//! number count as well.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most files of a version's folder that are looked at before it is loaded; exporters may write one for each tensor.
const MOST_FILES: usize = 4_096;
/// Folders below a version's folder whose files are looked at.
const MOST_DEPTH: usize = 3;

/// The state of a file at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Device and number of the file, which differ where another file took its name.
    identity: [u64; 2],
    /// Seconds and nanoseconds of the last change of content or attributes, which no program can set.
    changed: [i64; 2],
}

/// The states of some files, by their paths; `None` for one that cannot be looked at.
pub(crate) type FileStamps = Vec<(PathBuf, Option<FileStamp>)>;

impl FileStamp {
    /// The state of a file; `None` where it cannot be looked at.
    pub(crate) fn of(file: &Path) -> Option<Self> {
        let metadata = file.metadata().ok()?;
        Some(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            identity: [metadata.dev(), metadata.ino()],
            changed: [metadata.ctime(), metadata.ctime_nsec()],
        })
    }
}

/// The states of these files.
pub(crate) fn stamps<'a>(files: impl IntoIterator<Item = &'a Path>) -> FileStamps {
    files.into_iter().map(|file| (file.to_owned(), FileStamp::of(file))).collect()
}

/// The states of a model's file and of all that lies beside it, such as its weights.
pub(crate) fn stamps_beside(model: &Path) -> FileStamps {
    let mut files = vec![model.to_owned()];
    if let Some(folder) = model.parent() {
        add_files(folder, MOST_DEPTH, &mut files);
    }
    files[1..].sort_unstable();
    stamps(files.iter().map(PathBuf::as_path))
}

fn add_files(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if files.len() >= MOST_FILES {
            return;
        }
        if !path.is_dir() {
            files.push(path);
        } else if depth > 0 {
            add_files(&path, depth - 1, files);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;

    use super::*;

    /// A file of this text, with the time of change that another one has.
    fn write(path: &Path, text: &str, modified: SystemTime) {
        fs::write(path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }

    #[test]
    fn another_file_of_the_same_size_and_time_is_another_state() {
        let folder = tempfile::tempdir().unwrap();
        let [model, copy] = ["model.onnx", "copy"].map(|name| folder.path().join(name));
        let time = SystemTime::UNIX_EPOCH;
        write(&model, "first", time);
        let first = FileStamp::of(&model).unwrap();
        assert_eq!(FileStamp::of(&model).unwrap(), first);
        write(&copy, "other", time);
        fs::rename(&copy, &model).unwrap();
        let second = FileStamp::of(&model).unwrap();
        assert_eq!((second.bytes, second.modified), (first.bytes, first.modified));
        assert_ne!(second, first, "another file has taken its name");
        let written_until_later = || {
            write(&model, "third", time);
            FileStamp::of(&model).unwrap()
        };
        // The kernel's clock ticks every few milliseconds.
        let third = std::iter::repeat_with(written_until_later).find(|third| third.changed != second.changed).unwrap();
        assert_eq!((third.bytes, third.modified, third.identity), (second.bytes, second.modified, second.identity));
        assert_ne!(third, second, "it was written in place");
    }

    #[test]
    fn what_lies_beside_a_model_is_seen_up_to_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.onnx");
        fs::write(&model, "m").unwrap();
        let before = stamps_beside(&model);
        fs::create_dir_all(folder.path().join("weights")).unwrap();
        fs::write(folder.path().join("weights/part"), "w").unwrap();
        assert_ne!(stamps_beside(&model), before);
        for number in 0..=MOST_FILES {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        let bounded = stamps_beside(&model);
        assert_eq!(bounded.len(), MOST_FILES);
        assert_eq!(bounded[0].0, model, "the model itself is always looked at");
    }
}
