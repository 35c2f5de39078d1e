//! What runs the models: ONNX Runtime's library, fetched from PyPI into the target folder, or tract.
//!
//! Rule of thumb: without a network the services start all the same, and one line says what is missing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;
use terminal::{say, warn};

/// The version, and the digests of what is fetched.
const REQUIREMENTS: &str = include_str!("../../../../deploy/onnxruntime/requirements.txt");
/// With this, a person names a library, and inference-service reads it itself.
const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// The engines of inference-service, which knows them as well: this program is built without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum EngineOption {
    Auto,
    Tract,
    #[value(name = "onnxruntime")]
    OnnxRuntime,
}

impl EngineOption {
    /// What tells inference-service of its engine. The library is fetched into the target folder if need be.
    ///
    /// # Errors
    /// Where ONNX Runtime is named, and cannot be had.
    pub(super) fn arguments(self, target: &Path) -> Result<Vec<String>> {
        let is_named = env::var_os(LIBRARY_VARIABLE).is_some_and(|path| !path.is_empty());
        if self == Self::Tract || is_named {
            return Ok(vec!["--engine".into(), self.name().into()]);
        }
        self.arguments_with(fetched(&target.join("onnxruntime")))
    }

    fn arguments_with(self, library: Result<PathBuf>) -> Result<Vec<String>> {
        let mut arguments = vec!["--engine".to_owned(), self.name().to_owned()];
        match library {
            Ok(library) => {
                arguments.extend(["--onnxruntime-library".to_owned(), library.display().to_string()]);
                Ok(arguments)
            }
            Err(problem) if self == Self::Auto => {
                warn(without(&problem));
                Ok(arguments)
            }
            Err(problem) => Err(problem.context("ONNX Runtime cannot be had; --engine tract needs nothing")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Tract => "tract",
            Self::OnnxRuntime => "onnxruntime",
        }
    }
}

/// What a person is told who gets the slower engine.
fn without(problem: &anyhow::Error) -> String {
    format!(
        "tract runs the models, for ONNX Runtime, which is two to three times as fast, cannot be fetched ({problem:#}): run \
         this again where PyPI can be reached, or name its library with {LIBRARY_VARIABLE}=FILE."
    )
}

/// The library in this folder, which is made if it is not there in the right version.
fn fetched(folder: &Path) -> Result<PathBuf> {
    let library = folder.join(format!("libonnxruntime.so.{}", version()?));
    if library.exists() {
        return Ok(library);
    }
    say("Fetching ONNX Runtime from PyPI, 28 MB, once; for two minutes at most.");
    let mut python = Command::new("python3");
    python.arg(workspace::root().join("deploy/onnxruntime/fetch.py")).arg(folder);
    let output = python.stdin(Stdio::null()).stdout(Stdio::inherit()).output().context("python3 cannot be started")?;
    if output.status.success() && library.exists() {
        return Ok(library);
    }
    bail!("{}", reason(&String::from_utf8_lossy(&output.stderr)))
}

/// The version that is fetched.
fn version() -> Result<&'static str> {
    let pinned = REQUIREMENTS.lines().find_map(|line| line.strip_prefix("onnxruntime=="));
    let version = pinned.and_then(|rest| rest.split_whitespace().next());
    version.context("deploy/onnxruntime/requirements.txt names no version")
}

/// Why it failed, in one line of all that pip has to say.
fn reason(said: &str) -> &str {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().find_map(|line| line.strip_prefix("ERROR: "));
    error.or_else(|| lines().next_back()).unwrap_or("it does not say why")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn without_a_library_only_a_named_engine_fails() {
        let missing = || Err(anyhow!("no network"));
        assert_eq!(EngineOption::Auto.arguments_with(missing()).unwrap(), ["--engine", "auto"]);
        assert!(EngineOption::OnnxRuntime.arguments_with(missing()).is_err());
        let arguments = EngineOption::Auto.arguments_with(Ok("/lib.so".into())).unwrap();
        assert_eq!(arguments, ["--engine", "auto", "--onnxruntime-library", "/lib.so"]);
    }

    #[test]
    fn one_line_says_what_runs_and_why() {
        let said = "WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution\n";
        let text = without(&anyhow!(reason(said).to_owned()));
        assert!(text.starts_with("tract runs") && text.contains("Could not find a version"), "{text}");
        assert_eq!(text.lines().count(), 1);
        assert_eq!(reason("Traceback\nOSError: disk\n\n"), "OSError: disk");
    }

    #[test]
    fn the_version_is_that_of_the_requirements() {
        assert!(version().unwrap().split('.').all(|part| part.parse::<u32>().is_ok()));
    }
}
