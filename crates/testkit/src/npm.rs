//! Programs and libraries that are published on npm, in the versions of the lock file beside their program.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::programs::target_folder;
use crate::tools::skip;

/// The last file to be written, so that a folder without it is what an interrupted installation has left.
const COMPLETE: &str = "complete";
/// The oldest Node.js on which all of the packages run.
const NODE: u32 = 20;

/// A folder with the packages of `lock` below the target folder, made once for each lock file; or a line on stderr
/// that says that `what` is skipped and why.
///
/// # Panics
/// If they cannot be installed on a build server, where the environment variable CI is set: nothing is skipped there.
pub fn npm_packages(lock: &Path, what: &str) -> Option<PathBuf> {
    match install(lock) {
        Ok(folder) => Some(folder),
        Err(problem) => {
            skip(&format!("packages cannot be installed from npm ({problem}), so {what} is not tested"));
            None
        }
    }
}

fn install(lock: &Path) -> Result<PathBuf, String> {
    /// Tests run side by side, and want the same folder.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().map_err(|_| "another installation panicked".to_owned())?;
    check_node()?;
    let text = fs::read(lock).map_err(|error| error.to_string())?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let folder = target_folder()?.join("npm").join(format!("{:016x}", hasher.finish()));
    if folder.join(COMPLETE).is_file() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for file in [lock.to_owned(), lock.with_file_name("package.json")] {
        fs::copy(&file, folder.join(file.file_name().unwrap_or_default())).map_err(|error| error.to_string())?;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    let output = Command::new("npm").args(arguments).current_dir(&folder).output();
    let output = output.map_err(|error| format!("npm does not start: {error} (Debian packages nodejs and npm)"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "));
    }
    fs::write(folder.join(COMPLETE), "").map_err(|error| error.to_string())?;
    Ok(folder)
}

fn check_node() -> Result<(), String> {
    let output = Command::new("node").arg("--version").output();
    let output = output.map_err(|error| format!("node does not start: {error} (Debian package nodejs)"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE => Ok(()),
        _ => Err(format!("Node.js is {version}, and at least {NODE} is needed")),
    }
}
