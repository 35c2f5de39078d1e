//! Programs that are published on PyPI alone.
//!
//! Rule of thumb: each has an environment of its own below the target folder, made once for each version.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::tool;

/// ONNX Runtime, whose library the wheel brings.
const ONNX_RUNTIME: (&str, &str) = ("onnxruntime", "1.32.0");

/// The program `program` of a package in this version, installed if need be; or a line on stderr that says that
/// `what` is skipped and why.
///
/// # Panics
/// If it cannot be had on a build server, where the environment variable CI is set: nothing is skipped there.
pub fn python_program(package: &str, version: &str, program: &str, what: &str) -> Option<PathBuf> {
    Some(environment((package, version), &[], what)?.join("bin").join(program))
}

/// A Python that has these packages, the first of which names its environment; each is a name and a version.
///
/// # Panics
/// As [`python_program`].
pub fn python_with(packages: &[(&str, &str)], what: &str) -> Option<PathBuf> {
    let (first, others) = packages.split_first()?;
    Some(environment(*first, others, what)?.join("bin/python"))
}

/// The library of ONNX Runtime.
///
/// # Panics
/// As [`python_program`].
pub fn onnxruntime_library(what: &str) -> Option<PathBuf> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = LIBRARY.get_or_init(|| {
        let folder = environment(ONNX_RUNTIME, &[], what)?.join("lib");
        let python = fs::read_dir(folder).ok()?.next()?.ok()?.path();
        let libraries = fs::read_dir(python.join("site-packages/onnxruntime/capi")).ok()?;
        let is_it = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so"))
        };
        libraries.filter_map(|entry| Some(entry.ok()?.path())).find(is_it)
    });
    found.clone()
}

fn environment((package, version): (&str, &str), others: &[(&str, &str)], what: &str) -> Option<PathBuf> {
    let this = env::current_exe().expect("this program has a path");
    let target = target_folder(&this).expect("it lies in a target folder");
    let folder = target.join("python").join(format!("{package}-{version}"));
    let packages: Vec<_> = [(package, version)].into_iter().chain(others.iter().copied()).collect();
    match install(&packages, &folder) {
        Ok(()) => Some(folder),
        Err(problem) => {
            let sentence = format!("{package} cannot be installed from PyPI ({problem}), so {what} is not tested");
            assert!(env::var_os("CI").is_none(), "{sentence}");
            eprintln!("SKIPPED: {sentence}");
            None
        }
    }
}

/// Tests are `<target folder>/debug/deps/<test>`, other programs `<target folder>/<profile>/<program>`, wherever
/// CARGO_TARGET_DIR has put that.
fn target_folder(program: &Path) -> Option<&Path> {
    let is_profile = |folder: &&Path| folder.file_name().is_some_and(|name| name == "debug" || name == "release");
    program.ancestors().skip(1).find(is_profile)?.parent()
}

fn install(packages: &[(&str, &str)], folder: &Path) -> Result<(), String> {
    // A folder that is there may be what an interrupted installation has left.
    let python = folder.join("bin/python");
    let versions = packages.iter().map(|(package, version)| format!("assert m.version('{package}') == '{version}'; "));
    let is_there = format!("import importlib.metadata as m; {}", versions.collect::<String>());
    if run(Command::new(&python).args(["-c", &is_there])).is_ok() {
        return Ok(());
    }
    let system = tool("python3").ok_or("there is no python3")?;
    run(Command::new(system).args(["-m", "venv", "--clear"]).arg(folder))?;
    let requirements = packages.iter().map(|(package, version)| format!("{package}=={version}"));
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).args(requirements))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_found_from_any_program_in_it() {
        for program in ["/a/target/debug/deps/b-1", "/a/target/release/b", "/a/target/debug/release"] {
            assert_eq!(target_folder(Path::new(program)), Some(Path::new("/a/target")), "{program}");
        }
        assert_eq!(target_folder(Path::new("/usr/bin/b")), None);
    }
}
