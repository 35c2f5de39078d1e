//! The outputs of an answered request, before they are written as JSON or as bytes.

use super::request::{InferRequest, RequestedOutput};
use super::tensors;
use crate::model::{Engine, Prediction};

/// One output: a row for each item.
pub(super) struct Output {
    pub(super) name: String,
    pub(super) datatype: &'static str,
    pub(super) shape: [usize; 2],
    pub(super) elements: Elements,
    /// Whether the client wants it as bytes.
    pub(super) binary: bool,
}

pub(super) enum Elements {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
}

impl Elements {
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Numbers(numbers) => tensors::from_floats(numbers.iter().copied()),
            Self::Texts(texts) => tensors::from_texts(texts),
        }
    }
}

/// Those that were asked for, or all.
pub(super) fn outputs(request: &InferRequest, engine: &Engine, predictions: &[Prediction]) -> Vec<Output> {
    let output = |name: &str, asked: Option<&RequestedOutput>| {
        let (datatype, width, elements) = match asked.and_then(|asked| asked.classes) {
            None => numbers(predictions),
            Some(classes) => classified(predictions, classes.get()),
        };
        let binary = asked.and_then(|asked| asked.binary).unwrap_or(request.binary_output);
        Output { name: name.to_owned(), datatype, shape: [predictions.len(), width], elements, binary }
    };
    if request.outputs.is_empty() {
        return engine.signature().outputs.iter().map(|spec| output(&spec.name, None)).collect();
    }
    request.outputs.iter().map(|asked| output(&asked.name, Some(asked))).collect()
}

fn numbers(predictions: &[Prediction]) -> (&'static str, usize, Elements) {
    let width = predictions.first().map_or(0, |prediction| prediction.logits.len());
    let numbers = predictions.iter().flat_map(|prediction| prediction.logits.iter().copied()).collect();
    ("FP32", width, Elements::Numbers(numbers))
}

/// The likeliest classes of each item as `confidence:class:label`.
fn classified(predictions: &[Prediction], classes: usize) -> (&'static str, usize, Elements) {
    let width = predictions.first().map_or(0, |prediction| prediction.top.len().min(classes));
    let texts = predictions.iter().flat_map(|prediction| {
        let told = prediction.top.iter().take(width);
        told.map(|score| format!("{:.6}:{}:{}", score.confidence, score.class, score.label))
    });
    ("BYTES", width, Elements::Texts(texts.collect()))
}
