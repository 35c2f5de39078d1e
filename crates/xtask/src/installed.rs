//! Programs that are installed on this machine.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The program in the first folder of a search path that has it.
pub(crate) fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Where this machine looks for programs.
pub(crate) fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_default()
}
