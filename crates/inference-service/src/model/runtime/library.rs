//! Where ONNX Runtime's library may lie.
//!
//! Rule of thumb: a path that was given is the only one. Otherwise what was shipped with this program goes before what the
//! system has.

use std::fs;
use std::path::{Path, PathBuf};

/// The library's name where a package for developers is installed.
const NAME: &str = "libonnxruntime.so";
/// The folders in which it is shipped, from the folder of this program.
const SHIPPED: [&str; 3] = [".", "../lib", "../lib/onnxruntime"];

/// The files to try, the likeliest first; at least one. The system looks for those that are no path.
pub(super) fn candidates(given: Option<&Path>) -> Vec<PathBuf> {
    if let Some(given) = given {
        return vec![given.to_owned()];
    }
    let program = std::env::current_exe().unwrap_or_default();
    shipped(program.parent().unwrap_or(Path::new(""))).into_iter().chain(system()).collect()
}

/// The libraries that lie where they are shipped.
fn shipped(program_folder: &Path) -> Vec<PathBuf> {
    SHIPPED.iter().filter_map(|folder| in_folder(&program_folder.join(folder))).collect()
}

/// The names that the system's loader knows.
fn system() -> [PathBuf; 2] {
    [NAME.into(), format!("{NAME}.1").into()]
}

/// The library in a folder; of several versions the highest.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let version = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let numbers = name.strip_prefix(NAME)?.split('.').skip(1).map(|part| part.parse::<u32>().ok());
        Some((numbers.collect::<Option<Vec<u32>>>()?, path))
    };
    let paths = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter_map(version).max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_path_that_is_given_is_the_only_one() {
        assert_eq!(candidates(Some(Path::new("/opt/mine.so"))), [PathBuf::from("/opt/mine.so")]);
        assert!(candidates(None).ends_with(&system()));
    }

    #[test]
    fn what_is_shipped_is_found_beside_the_program_and_in_the_folders_of_libraries() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        assert!(shipped(&bin).is_empty(), "there is no such folder");
        for path in ["bin", "lib/onnxruntime"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let place = |path: &str| fs::write(folder.path().join(path), "").unwrap();
        for version in ["1.9.0", "1.32.0", "1.4.0", "old"] {
            place(&format!("lib/libonnxruntime.so.{version}"));
        }
        place("bin/libonnxruntime_providers_shared.so");
        let names = |found: Vec<PathBuf>| -> Vec<String> {
            found.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(shipped(&bin)), ["libonnxruntime.so.1.32.0"]);
        place("bin/libonnxruntime.so");
        assert_eq!(names(shipped(&bin)), ["libonnxruntime.so", "libonnxruntime.so.1.32.0"]);
    }
}
