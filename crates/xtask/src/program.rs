//! Programs of this repository that xtask starts and does not know.
//!
//! Rule of thumb: what takes long to compile is not part of xtask, so that its first words come at once.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;

use anyhow::{Context, Result};
use terminal::say;

use crate::workspace;

/// Turns this process into `cargo run --release -p PACKAGE -- ARGUMENTS`, and so into the package's program. Its first
/// build on two cores takes `first_build`, as words.
///
/// # Errors
/// Where cargo cannot be started. If it can, this does not return.
pub(crate) fn become_package(package: &str, arguments: &[OsString], first_build: &str) -> Result<()> {
    say(format_args!("Building {package} in release: {first_build} the first time on two cores, seconds afterwards."));
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--release", "-p", package, "--"]).args(arguments);
    Err(cargo.exec()).context("cargo cannot be started")
}

/// Turns this process into the test that makes the pictures, and keeps them among those of the documents.
///
/// # Errors
/// Where cargo cannot be started. If it can, this does not return.
pub(crate) fn become_pictures() -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--release", "-p", "system-tests", "--test", "pages", "pictures", "--", "--nocapture"]);
    cargo.env("PICTURES", "docs/images");
    Err(cargo.exec()).context("cargo cannot be started")
}
