//! What a runtime makes of a model's file, and how it is run.

use std::any::Any;
use std::sync::Arc;

use super::execution_provider::{ExecutionProvider, MissingBecause};
use super::model_file::ModelFile;
use super::signature::{Signature, TensorSpec};
use crate::model::tensor::{OptionalTensor, Tensor};

/// Why a file cannot be loaded.
#[derive(Debug)]
pub(in crate::model) enum LoadError {
    /// The runtime cannot run it, with its message.
    Unsupported(String),
    /// Its inputs do not take an item of the expected shape. The text goes after "the model has".
    Input(String),
}

/// What of the inputs is fixed before a model is optimised.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) enum FixedInputs<'a> {
    /// There is one input, of this shape.
    Input(&'a [usize]),
    /// The first dimension of each input is 1: one item at a time.
    OneItem,
    /// Nothing is fixed: each run brings whole tensors.
    Nothing,
}

/// How a model is to be loaded.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct LoadOptions<'a> {
    /// What of its inputs is fixed.
    pub(in crate::model) fixed: FixedInputs<'a>,
    /// Threads of one run, where the runtime can use several.
    pub(in crate::model) intra_threads: usize,
    /// How many instances are started; at least 1.
    pub(in crate::model) instances: usize,
    /// The inputs that may be left out, as far as the file declares their types.
    pub(in crate::model) optional: &'a [TensorSpec],
    /// What may take its nodes, in this order, before the CPU does.
    pub(in crate::model) accelerators: &'a [ExecutionProvider],
}

/// Makes programs from ONNX files.
pub(super) trait LoadProgram: Send + Sync {
    /// Reads, checks and optimises a model.
    fn load(&self, file: ModelFile, options: LoadOptions<'_>) -> Result<Arc<dyn Program>, LoadError>;

    /// Whether models can be loaded on this accelerator, as far as can be said without a model.
    ///
    /// # Errors
    /// Why not.
    fn offers(&self, accelerator: ExecutionProvider) -> Result<(), MissingBecause>;
}

/// A loaded model, shared by all threads.
pub(in crate::model) trait Program: Send + Sync + std::fmt::Debug {
    /// The inputs and outputs of the program.
    fn signature(&self) -> &Signature;

    /// Whether it can be given several items at a time, and is not known to take longer then.
    ///
    /// # Errors
    /// Why not, for the model's owner.
    fn takes_batches(&self) -> Result<(), &'static str>;

    /// Makes the state with which one thread runs it.
    fn start(&self) -> Result<Box<dyn RunProgram>, String>;
}

/// A thread's state of one model, kept between runs.
pub(in crate::model) trait RunProgram: Send + std::fmt::Debug {
    /// The outputs for these inputs, both in the order of the signature; of the optional ones, those that are to be another
    /// than in the file.
    ///
    /// # Errors
    /// Why there are none.
    fn run(&mut self, inputs: &[Tensor], optional: &[OptionalTensor]) -> Result<Vec<Tensor>, NoAnswer>;
}

/// Why a run gave no outputs.
#[derive(Debug, thiserror::Error)]
pub(in crate::model) enum NoAnswer {
    /// The inputs are such that there can be none, whatever the model is.
    #[error("{0}")]
    ToInput(String),
    /// What the runtime says, of the inputs or of the model.
    #[error("{0}")]
    Failed(String),
}

/// A panic of a runtime as a message.
pub(in crate::model) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", message.unwrap_or("without a message"))
}
