//! The release binaries of the services.
//!
//! Rule of thumb: what is tested is what the sources say now, so they are built before the first start.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/system-tests lies two folders below it")
}

/// The path of the release binary `name`, built from the present sources.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOLDER.get_or_init(build) {
        Ok(folder) => folder.join(name),
        Err(problem) => panic!("the services cannot be built: {problem}"),
    }
}

/// Builds both services and returns the folder of their binaries.
fn build() -> Result<PathBuf, String> {
    // This program is <target folder>/debug/deps/<test>, wherever CARGO_TARGET_DIR has put that.
    let this = env::current_exe().map_err(|error| error.to_string())?;
    let target = this.ancestors().nth(3).ok_or("the test does not lie in a target folder")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--locked", "-p", "inference-service", "-p", "logging-service"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(root())
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if output.status.success() {
        Ok(target.join("release"))
    } else {
        Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}
