//! Which engine runs a model: the one that was named, or the one that fits.
//!
//! Rule of thumb: a name is an order, and never gives way. Left to itself, the service takes ONNX Runtime where it can,
//! tract elsewhere, and says why.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::ValueEnum;
use serde::Deserialize;
use tracing::warn;

use super::runtime::{Runtime, RuntimeError, RuntimeKind};

/// What is to run a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineChoice {
    /// ONNX Runtime where its library is found and takes the model, else tract.
    #[default]
    Auto,
    /// Compiled in.
    Tract,
    /// Microsoft's library.
    #[value(name = "onnxruntime")]
    OnnxRuntime,
}

/// The runtimes of a service. ONNX Runtime is started when it is needed first.
pub struct Runtimes {
    choice: EngineChoice,
    library: Option<PathBuf>,
    threads: usize,
    onnxruntime: OnceLock<Result<Runtime, RuntimeError>>,
}

/// The runtimes to try for a model, in this order.
pub(crate) struct RuntimeCandidates {
    /// At least one.
    pub(crate) runtimes: Vec<Runtime>,
    /// Why ONNX Runtime is not among them, where it was wanted.
    pub(crate) missing: Option<String>,
}

impl Runtimes {
    /// Starts what is chosen for the models that choose nothing themselves. `library` is the path of ONNX Runtime's
    /// library; without one it is looked for. `threads` is the number of inference threads.
    ///
    /// # Errors
    /// [`RuntimeError`] where ONNX Runtime is named, and cannot be used.
    pub fn start(choice: EngineChoice, library: Option<&Path>, threads: usize) -> Result<Self, RuntimeError> {
        let runtimes = Self { choice, library: library.map(Path::to_owned), threads, onnxruntime: OnceLock::new() };
        match choice {
            EngineChoice::Tract => {}
            EngineChoice::OnnxRuntime => _ = runtimes.onnxruntime()?,
            EngineChoice::Auto => {
                if let Err(problem) = runtimes.onnxruntime() {
                    warn!(engine = RuntimeKind::Tract.as_str(), %problem, "onnxruntime_missing");
                }
            }
        }
        Ok(runtimes)
    }

    /// What may run a model whose model.toml chooses this, or nothing.
    ///
    /// # Errors
    /// [`RuntimeError`] where ONNX Runtime is named, and cannot be used.
    pub(crate) fn candidates(&self, model: Option<EngineChoice>) -> Result<RuntimeCandidates, RuntimeError> {
        let tract = || Runtime::tract().for_threads(self.threads);
        let only = |runtime| RuntimeCandidates { runtimes: vec![runtime], missing: None };
        match model.unwrap_or(self.choice) {
            EngineChoice::Tract => Ok(only(tract())),
            EngineChoice::OnnxRuntime => self.onnxruntime().map(only),
            EngineChoice::Auto => Ok(match self.onnxruntime() {
                Ok(onnxruntime) => RuntimeCandidates { runtimes: vec![onnxruntime, tract()], missing: None },
                Err(problem) => RuntimeCandidates { missing: Some(problem.to_string()), ..only(tract()) },
            }),
        }
    }

    fn onnxruntime(&self) -> Result<Runtime, RuntimeError> {
        let start = || Runtime::start(RuntimeKind::OnnxRuntime, self.library.as_deref());
        let runtime = self.onnxruntime.get_or_init(start).clone()?;
        Ok(runtime.for_threads(self.threads))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn kinds(candidates: &RuntimeCandidates) -> Vec<RuntimeKind> {
        candidates.runtimes.iter().map(Runtime::kind).collect()
    }

    #[test]
    fn without_a_library_tract_takes_its_place_unless_it_was_named() {
        let nowhere = Some(Path::new("/nowhere/libonnxruntime.so"));
        let auto = Runtimes::start(EngineChoice::Auto, nowhere, 2).unwrap();
        let candidates = auto.candidates(None).unwrap();
        assert_eq!(kinds(&candidates), [RuntimeKind::Tract]);
        assert!(candidates.missing.unwrap().contains("/nowhere/libonnxruntime.so"));
        assert!(auto.candidates(Some(EngineChoice::OnnxRuntime)).is_err(), "a model names it");
        let named = auto.candidates(Some(EngineChoice::Tract)).unwrap();
        assert_eq!((kinds(&named), named.missing), (vec![RuntimeKind::Tract], None));
        assert!(Runtimes::start(EngineChoice::OnnxRuntime, nowhere, 2).is_err(), "a flag names it");
        let tract = Runtimes::start(EngineChoice::Tract, nowhere, 2).unwrap();
        assert_eq!(tract.candidates(None).unwrap().missing, None);
        assert!(tract.candidates(Some(EngineChoice::OnnxRuntime)).is_err());
    }
}
