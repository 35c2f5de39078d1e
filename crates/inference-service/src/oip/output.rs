//! The outputs of an answered request, before they are written as JSON or as bytes.

use super::request::{InferRequest, RequestedOutput};
use crate::model::{Engine, Prediction, Task, Tensor, TensorValues};

/// One output: a row for each item, or the model's whole tensor.
pub(super) struct Output {
    pub(super) name: String,
    pub(super) tensor: Tensor,
    /// Whether the client wants it as bytes.
    pub(super) binary: bool,
}

/// Those that were asked for, or all.
pub(super) fn outputs(request: &InferRequest, engine: &Engine, predictions: &[Prediction]) -> Vec<Output> {
    let there_are = &engine.signature().outputs;
    let output = |name: &str, asked: Option<&RequestedOutput>| {
        let index = there_are.iter().position(|spec| spec.name == name)?;
        let tensor = match asked.and_then(|asked| asked.classes) {
            None => given(engine.task(), predictions, index)?,
            Some(classes) => classified(predictions, classes.get())?,
        };
        let binary = asked.and_then(|asked| asked.binary).unwrap_or(request.binary_output);
        Some(Output { name: name.to_owned(), tensor, binary })
    };
    if request.outputs.is_empty() {
        return there_are.iter().filter_map(|spec| output(&spec.name, None)).collect();
    }
    request.outputs.iter().filter_map(|asked| output(&asked.name, Some(asked))).collect()
}

/// What the model gave, a row for each item.
fn given(task: Task, predictions: &[Prediction], index: usize) -> Option<Tensor> {
    let tensors = predictions.iter().map(|prediction| prediction.outputs.get(index));
    match task {
        Task::Raw => tensors.flatten().next().cloned(),
        Task::Classification | Task::Regression => {
            let tensors: Option<Vec<Tensor>> =
                tensors.map(|tensor| tensor.and_then(|tensor| row(task, tensor))).collect();
            Tensor::stacked(&tensors?)
        }
    }
}

/// A list of numbers, whatever dimensions of 1 the model leaves around them.
fn row(task: Task, tensor: &Tensor) -> Option<Tensor> {
    let shape = match (task, tensor.shape()) {
        (Task::Classification, _) => vec![1, tensor.values().len()],
        (_, []) => vec![1],
        (_, shape) => shape.to_vec(),
    };
    tensor.clone().reshaped(shape)
}

/// The likeliest classes of each item as `confidence:class:label`.
fn classified(predictions: &[Prediction], classes: usize) -> Option<Tensor> {
    let all: Vec<_> = predictions.iter().filter_map(Prediction::class).collect();
    let width = all.first().map_or(0, |class| class.top.len().min(classes));
    let texts = all.iter().flat_map(|class| {
        let told = class.top.iter().take(width);
        told.map(|score| format!("{:.6}:{}:{}", score.confidence, score.class, score.label))
    });
    Tensor::new(vec![all.len(), width], TensorValues::Bytes(texts.collect()))
}
