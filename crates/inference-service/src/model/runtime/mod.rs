//! What runs a model: tract, or ONNX Runtime where its library is installed.
//!
//! Rule of thumb: a runtime knows how to compute. What a model means, and whether its answer makes sense, is the
//! business of [`Engine`](super::Engine), which is the same for all runtimes.

mod onnxruntime;
mod signature;
mod tract;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::Tensor;
use onnxruntime::OnnxRuntime;
use tract::Tract;

pub use signature::{Signature, TensorSpec};

/// The runtimes that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RuntimeKind {
    /// Compiled in.
    #[default]
    Tract,
    /// Microsoft's library, loaded when the service starts.
    #[value(name = "onnxruntime")]
    OnnxRuntime,
}

impl RuntimeKind {
    /// Its name in flags, metrics and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tract => "tract",
            Self::OnnxRuntime => "onnxruntime",
        }
    }
}

/// Runs ONNX models. Clones share what was loaded.
#[derive(Clone)]
pub struct Runtime {
    kind: RuntimeKind,
    loader: Arc<dyn LoadProgram>,
}

impl Runtime {
    /// The runtime that is always there.
    #[must_use]
    pub fn tract() -> Self {
        Self { kind: RuntimeKind::Tract, loader: Arc::new(Tract) }
    }

    /// Starts a runtime. `library` is the path of ONNX Runtime's library; without one the system looks for
    /// `libonnxruntime.so`.
    ///
    /// # Errors
    /// [`RuntimeError`] where the library is missing, or is not what it should be.
    pub fn start(kind: RuntimeKind, library: Option<&Path>) -> Result<Self, RuntimeError> {
        match kind {
            RuntimeKind::Tract => Ok(Self::tract()),
            RuntimeKind::OnnxRuntime => {
                let library = library.map_or_else(|| PathBuf::from("libonnxruntime.so"), Path::to_owned);
                Ok(Self { kind, loader: Arc::new(OnnxRuntime::start(library)?) })
            }
        }
    }

    /// Which one it is.
    #[must_use]
    pub fn kind(&self) -> RuntimeKind {
        self.kind
    }

    pub(super) fn load(&self, bytes: &[u8], fixed: FixedInputs<'_>) -> Result<Arc<dyn Program>, LoadError> {
        self.loader.load(bytes, fixed)
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.as_str())
    }
}

/// Why a runtime cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "ONNX Runtime cannot be loaded from {} ({reason}); ORT_DYLIB_PATH or --onnxruntime-library names the file, which \
     `pip download onnxruntime` brings as onnxruntime/capi/libonnxruntime.so.<version>, and --engine tract needs none",
    library.display()
)]
pub struct RuntimeError {
    library: PathBuf,
    reason: String,
}

/// Why a file cannot be loaded.
#[derive(Debug)]
pub(super) enum LoadError {
    /// The runtime cannot run it; its message.
    Unsupported(String),
    /// Its inputs do not take an item of the expected shape; what they are, readable behind "the model has".
    Input(String),
}

/// What of the inputs is fixed before a model is optimised.
#[derive(Clone, Copy, Debug)]
pub(super) enum FixedInputs<'a> {
    /// There is one, of this shape.
    Input(&'a [usize]),
    /// The first dimension of each is 1: one item at a time.
    OneItem,
    /// Nothing: each run brings them whole.
    Nothing,
}

/// Makes programs from ONNX files.
pub(super) trait LoadProgram: Send + Sync {
    /// Reads, checks and optimises a model.
    fn load(&self, bytes: &[u8], fixed: FixedInputs<'_>) -> Result<Arc<dyn Program>, LoadError>;
}

/// A loaded model, shared by all threads.
pub(super) trait Program: Send + Sync + std::fmt::Debug {
    /// What it takes and gives.
    fn signature(&self) -> &Signature;

    /// Whether it can be given several items at a time, and is not known to take longer then.
    ///
    /// # Errors
    /// Why not, for the model's owner.
    fn takes_batches(&self) -> Result<(), &'static str>;

    /// The state with which one thread runs it.
    fn run(&self) -> Result<Box<dyn RunProgram>, String>;
}

/// A thread's state of one model, kept between runs.
pub(super) trait RunProgram: Send + std::fmt::Debug {
    /// The outputs for these inputs, both in the order of the signature.
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String>;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_library_that_is_none_is_told_of_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("libonnxruntime.so");
        std::fs::write(&text, "no library").unwrap();
        for library in [text, folder.path().join("missing.so")] {
            let error = Runtime::start(RuntimeKind::OnnxRuntime, Some(&library)).unwrap_err().to_string();
            assert!(error.contains(&library.display().to_string()) && error.contains("ORT_DYLIB_PATH"), "{error}");
        }
    }
}
