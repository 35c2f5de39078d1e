//! Where things are: the repository, cargo, and the programs that cargo builds.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let this_crate = Path::new(env!("CARGO_MANIFEST_DIR"));
    this_crate.ancestors().nth(2).unwrap_or(this_crate)
}

/// The cargo that runs this command, so that a toolchain chosen by hand stays chosen; it works in the root. What cargo
/// has told this program of its own package is kept from it: ring would be compiled anew for it, and the services with it.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}

/// The folder that `cargo build --release` fills.
///
/// # Errors
/// Where the system does not say where this program lies.
pub(crate) fn release_folder() -> Result<PathBuf> {
    Ok(target_folder()?.join("release"))
}

/// The target directory. This program lies in it, in the folder of its own profile, wherever it was moved to.
///
/// # Errors
/// Where the system does not say where this program lies.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let program = env::current_exe().context("the path of this program is unknown")?;
    let target = program.ancestors().nth(2).context("this program lies outside a target directory")?;
    Ok(target.to_owned())
}
