//! PostgreSQL's programs, and the user as whom they run.
//!
//! Rule of thumb: where this is root, they run as the user `postgres`, because they refuse to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip;

/// A program that refuses to run as root: where this is root, it runs as the user `postgres`.
pub fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program).current_dir("/");
    command
}

/// Gives a file or a folder to the user as whom the server runs.
///
/// # Panics
/// If that fails.
pub fn give_to_server(path: &Path) {
    if !is_root() {
        return;
    }
    if path.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o711)).expect("the folder is opened");
    }
    let given = Command::new("chown").arg("postgres:").arg(path).status().expect("chown runs");
    assert!(given.success(), "{} does not go to the user postgres", path.display());
}

/// The folder with the programs of the newest PostgreSQL: in the search path, or where Debian puts them. Where there is
/// none, says on stderr that `what` is not tested.
pub(crate) fn programs_or_skip(what: &str) -> Option<PathBuf> {
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    let needed = ["initdb", "postgres", "psql", "pg_isready", "pg_basebackup"];
    let complete = |folder: &PathBuf| needed.iter().all(|name| folder.join(name).is_file());
    let found = std::env::split_paths(&in_path).chain(debian.into_iter().rev()).find(complete);
    if found.is_none() {
        skip(&format!("PostgreSQL is not installed (Debian package postgresql), so {what} is not tested"));
    }
    found
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
