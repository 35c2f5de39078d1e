//! Why a model is not loaded, in words for its author.

use std::path::Path;

use super::error::ModelError;
use super::onnx::{Fatal, OnnxGraph, Overlooked};
use super::output_choice::OutputMismatch;
use super::runtime::{LoadError, Runtime, RuntimeKind};

/// Why a runtime does not load a model, of pictures of this shape if it takes pictures.
pub(super) fn load_error(error: LoadError, shape: Option<[usize; 4]>, path: &Path, runtime: &Runtime) -> ModelError {
    match error {
        LoadError::Unsupported(reason) => unsupported(path, runtime, reason),
        LoadError::Input(found) => ModelError::Mismatch {
            path: path.to_owned(),
            expected: format!("one input of type FP32 and shape {:?}", shape.unwrap_or_default()),
            found,
            remedy: "correct [input] in model.toml, or export the model again".to_owned(),
        },
    }
}

/// What of the outputs differs from what the task needs.
pub(super) fn output_mismatch(path: &Path, problem: OutputMismatch) -> ModelError {
    let path = path.to_owned();
    match problem {
        OutputMismatch::UnknownScale { output, because } => ModelError::UnknownScale { path, output, because },
        OutputMismatch::Other { expected, found, remedy } => ModelError::Mismatch { path, expected, found, remedy },
    }
}

/// Whether a runtime may have this graph: it gets nothing wrong, and no request can end it.
///
/// # Errors
/// [`ModelError::Unsupported`] with the node.
pub(super) fn check_graph(graph: &OnnxGraph, path: &Path, runtime: &Runtime) -> Result<(), ModelError> {
    if let Some(fatal) = Fatal::find(graph, runtime.kind() == RuntimeKind::OnnxRuntime, true) {
        return Err(ModelError::Unsupported { path: path.to_owned(), reason: fatal.to_string() });
    }
    match Overlooked::find(graph).filter(|_| runtime.kind() == RuntimeKind::Tract) {
        Some(overlooked) => Err(unsupported(path, runtime, overlooked.to_string())),
        None => Ok(()),
    }
}

/// A runtime's refusal, with what to do where another may take the model.
fn unsupported(path: &Path, runtime: &Runtime, reason: String) -> ModelError {
    let remedy = match runtime.kind() {
        RuntimeKind::Tract => "; `engine = \"onnxruntime\"` in model.toml may run it",
        RuntimeKind::OnnxRuntime => "",
    };
    ModelError::Unsupported { path: path.to_owned(), reason: reason + remedy }
}
