//! Models that a script writes, where the packages for that can be had.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use testkit::pypi;

use super::scratch::ScratchFolder;

const PACKAGES: [pypi::Package; 2] = [("onnx", "1.23.2"), ("numpy", "2.4.6")];

/// A script of Python that writes a model to the file that its first argument names.
#[derive(Clone, Copy)]
pub(super) struct ModelScript<'a> {
    pub(super) text: &'a str,
    /// Arguments behind the name of the file.
    pub(super) arguments: &'a [&'a str],
}

impl<'a> From<&'a str> for ModelScript<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, arguments: &[] }
    }
}

/// Runs a script of Python that writes the file `1/model.onnx` of this model folder; `None` where the packages cannot be
/// had, of which a line says that `what` is skipped.
///
/// # Errors
/// Where the script fails.
pub(super) fn write_model<'a>(
    model: &Path,
    script: impl Into<ModelScript<'a>>,
    what: &str,
    scratch: &ScratchFolder,
) -> Result<Option<()>> {
    let script = script.into();
    let Some(python) = pypi::python(&PACKAGES, what) else { return Ok(None) };
    fs::create_dir_all(model.join("1"))?;
    let program = scratch.path("model.py");
    fs::write(&program, script.text)?;
    let status = Command::new(python).arg(program).arg(model.join("1/model.onnx")).args(script.arguments).status();
    ensure!(status.context("Python cannot be started")?.success(), "{what} cannot be written");
    Ok(Some(()))
}
