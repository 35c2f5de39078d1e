//! What runs a model: tract, or ONNX Runtime where its library is installed.
//!
//! Rule of thumb: a runtime knows how to compute. What a model means, and whether its answer makes sense, is the
//! business of [`Engine`](super::Engine), which is the same for all runtimes.

mod execution_provider;
mod library;
mod model_file;
mod onnxruntime;
mod program;
mod signature;
mod tract;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use onnxruntime::OnnxRuntime;
use program::LoadProgram;
use tract::Tract;

pub use execution_provider::ExecutionProvider;
pub(super) use execution_provider::MissingBecause;
pub(super) use model_file::ModelFile;
pub use onnxruntime::RuntimeError;
pub(super) use program::{FixedInputs, LoadError, LoadOptions, NoAnswer, Program, RunProgram, panic_message};
pub(super) use signature::OTHER_ENGINE;
pub use signature::{ConstantInputs, Signature, TensorSpec};

/// The runtimes that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeKind {
    /// Compiled in.
    Tract,
    /// Microsoft's library, loaded when the service starts.
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
    /// Inference threads that run its models.
    threads: usize,
}

impl Runtime {
    /// The runtime that is always there.
    #[must_use]
    pub fn tract() -> Self {
        Self { kind: RuntimeKind::Tract, loader: Arc::new(Tract), threads: cores() }
    }

    /// Starts a runtime. `library` is the path of ONNX Runtime's library; without one it is looked for beside this program,
    /// in the folders of libraries beside that, and where the system has its own.
    ///
    /// # Errors
    /// [`RuntimeError`] where the library is missing, or is not what it should be.
    pub fn start(kind: RuntimeKind, library: Option<&Path>) -> Result<Self, RuntimeError> {
        match kind {
            RuntimeKind::Tract => Ok(Self::tract()),
            RuntimeKind::OnnxRuntime => {
                let loader = Arc::new(OnnxRuntime::start(&library::candidates(library))?);
                Ok(Self { kind, loader, threads: cores() })
            }
        }
    }

    /// The same, for so many inference threads; otherwise there is one for each core.
    #[must_use]
    pub fn for_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// Inference threads that run its models; at least 1.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Which one it is.
    #[must_use]
    pub fn kind(&self) -> RuntimeKind {
        self.kind
    }

    pub(super) fn load(&self, file: ModelFile, options: LoadOptions<'_>) -> Result<Arc<dyn Program>, LoadError> {
        self.loader.load(file, options)
    }

    /// Whether models can be loaded on this accelerator, as far as can be said without a model.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn offers(&self, accelerator: ExecutionProvider) -> Result<(), MissingBecause> {
        catch_unwind(AssertUnwindSafe(|| self.loader.offers(accelerator)))
            .unwrap_or_else(|panic| Err(MissingBecause::Failed(panic_message(panic.as_ref()))))
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.as_str())
    }
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

    #[test]
    fn a_library_that_is_too_old_or_another_is_told_of_and_harms_nothing() {
        let versions = "struct Base { const void *(*api)(unsigned); const char *(*version)(void); };
            static const void *api(unsigned wanted) { return 0; }
            static const char *version(void) { return VERSION; }
            static const struct Base base = { api, version };";
        let cases = [
            ("const void *OrtGetApiBase(void) { return &base; }", "\"1.8.1\"", "is version 1.8.1"),
            ("const void *OrtGetApiBase(void) { return &base; }", "\"nonsense\"", "is version nonsense"),
            ("const void *OrtGetApiBase(void) { return 0; }", "\"\"", "panicked"),
            ("int other(void) { return 0; }", "\"\"", "does not export"),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (number, (function, version, expected)) in cases.into_iter().enumerate() {
            let (source, library) = (folder.path().join("library.c"), folder.path().join(format!("{number}.so")));
            std::fs::write(&source, format!("{versions}\n{function}\n")).unwrap();
            let mut compiler = std::process::Command::new("cc");
            compiler
                .args(["-shared", "-fPIC", "-w", "-o"])
                .arg(&library)
                .arg(format!("-DVERSION={version}"))
                .arg(&source);
            assert!(compiler.status().unwrap().success());
            let error = Runtime::start(RuntimeKind::OnnxRuntime, Some(&library)).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(&library.display().to_string()), "{error}");
        }
    }
}
