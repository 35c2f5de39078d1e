//! The outputs of an answered request, before they are written as JSON or as bytes.

use std::sync::Arc;

use super::request::{AnswerOptions, RequestedOutput};
use crate::model::{Engine, Prediction, Tensor, TensorValues};
use crate::predict::whole_output;

/// An answered request.
pub(super) struct InferAnswer {
    pub(super) options: AnswerOptions,
    pub(super) engine: Arc<Engine>,
    /// What the engine says of each item.
    pub(super) predictions: Vec<Prediction>,
}

/// One output: a row for each item, or the model's whole tensor.
pub(super) struct OutputTensor {
    pub(super) name: String,
    pub(super) tensor: Tensor,
    /// Whether the client wants it as bytes.
    pub(super) is_binary: bool,
}

impl InferAnswer {
    /// The outputs that were asked for, or all.
    pub(super) fn outputs(&self) -> Vec<OutputTensor> {
        let requested = &self.options.outputs;
        if requested.is_empty() {
            let specs = &self.engine.signature().outputs;
            return specs.iter().filter_map(|spec| self.output(&spec.name, None)).collect();
        }
        requested.iter().filter_map(|requested| self.output(&requested.name, Some(requested))).collect()
    }

    fn output(&self, name: &str, requested: Option<&RequestedOutput>) -> Option<OutputTensor> {
        let index = self.engine.signature().outputs.iter().position(|spec| spec.name == name)?;
        let tensor = match requested.and_then(|requested| requested.classes) {
            None => whole_output(&self.engine, &self.predictions, index)?,
            Some(classes) => classified(&self.predictions, classes.get())?,
        };
        let is_binary = requested.and_then(|requested| requested.binary).unwrap_or(self.options.binary_output);
        Some(OutputTensor { name: name.to_owned(), tensor, is_binary })
    }
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
