//! The release binaries of the services.
//!
//! Rule of thumb: what is tested is what the sources say now, so they are built before the first start.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/testkit lies two folders below it")
}

/// The target folder, wherever `CARGO_TARGET_DIR` has put it: this program lies in it, in the folder of its profile.
///
/// # Errors
/// What is wrong, in a sentence.
pub fn target_folder() -> Result<PathBuf, String> {
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let is_profile = |folder: &&Path| folder.ends_with("debug") || folder.ends_with("release");
    let profile = this.ancestors().find(is_profile).and_then(Path::parent);
    profile.map(Path::to_owned).ok_or_else(|| format!("{} does not lie in a target folder", this.display()))
}

/// The path of the release binary `name`, built from the present sources.
///
/// # Panics
/// If the services cannot be built.
pub fn program(name: &str) -> PathBuf {
    match build_services() {
        Ok(folder) => folder.join(name),
        Err(problem) => panic!("the services cannot be built: {problem}"),
    }
}

/// The path of the release binary of the demo, built from the present sources.
///
/// # Panics
/// If it cannot be built.
pub fn demo_program() -> PathBuf {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOLDER.get_or_init(|| build(&["demo"])) {
        Ok(folder) => folder.join("demo"),
        Err(problem) => panic!("the demo cannot be built: {problem}"),
    }
}

/// Builds both services, once in the life of this program, and returns the folder of their binaries.
///
/// # Errors
/// What is wrong, as cargo says it.
pub fn build_services() -> Result<&'static Path, &'static str> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOLDER.get_or_init(|| build(&["inference-service", "logging-service"])).as_deref().map_err(String::as_str)
}

/// The cargo that runs this test. What it has told the test of its own package is kept from it: ring would be compiled
/// anew for it, and the services with it.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            command.env_remove(name);
        }
    }
    command
}

fn build(packages: &[&str]) -> Result<PathBuf, String> {
    let target = target_folder()?;
    let output = cargo()
        .args(["build", "--quiet", "--release", "--locked"])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .arg("--target-dir")
        .arg(&target)
        .current_dir(root())
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if output.status.success() {
        Ok(target.join("release"))
    } else {
        Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}
