//! Files that hold what clients sent are for the service's user and its group alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::umask;
use tracing::warn;

/// What nobody but the user and its group may do, and what the group may not: files get 0640, folders 0750.
const WITHHELD: Mode = Mode::WGRP.union(Mode::RWXO);

/// From now on, files that the process makes can be read by its user and its group alone, and written by its user alone.
pub fn keep_new_files_private() {
    let before = umask(WITHHELD);
    // What was withheld before stays withheld.
    umask(before | WITHHELD);
}

/// Warns of files that others may read or write, such as those that an earlier version made, and says what to do. In a folder,
/// the files of it are looked at.
pub fn warn_of_wide_modes<'a>(paths: impl IntoIterator<Item = &'a Path>) {
    let wide: Vec<PathBuf> = paths.into_iter().flat_map(files_of).filter(|file| is_wide(file)).collect();
    if let Some(first) = wide.first() {
        let advice = "others on this machine may read or write it; chmod 0640";
        warn!(file = %first.display(), files = wide.len(), advice, "files_open_to_others");
    }
}

fn files_of(path: &Path) -> Vec<PathBuf> {
    match fs::read_dir(path) {
        Ok(folder) => folder.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect(),
        Err(_) => vec![path.to_owned()],
    }
}

fn is_wide(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & WITHHELD.bits() != 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_wide_when_others_may_use_it_or_its_group_may_write() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, expected) in [(0o600, false), (0o640, false), (0o660, true), (0o644, true), (0o604, true)] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_wide(file.path()), expected, "{mode:o}");
        }
    }
}
