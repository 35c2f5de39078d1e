//! What a model's answer means: a class with its probability, a number, or no more than its tensors.
//!
//! Rule of thumb: what an answer is stands here, as clients see it; how outputs become one stands in the files beside.

mod file_labels;
mod reader;
mod scale;

use serde::Serialize;
use utoipa::ToSchema;

use super::tensor::Tensor;

pub use file_labels::{FileLabels, OwnLabel};
pub use reader::{ClassReader, ScaleSource};
pub use scale::ScoreScale;

/// One class and the confidence that the model has in it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Score)]
pub struct ClassScore {
    /// The class's label.
    pub label: String,
    /// The class's index in the model's output.
    pub class: usize,
    /// Its probability, 0 to 1. Where each class has a probability by itself, those of all classes do not add up to 1.
    pub confidence: f64,
}

/// The class that a model gives one item.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Class)]
pub struct ClassPrediction {
    /// The label of the likeliest class.
    pub label: String,
    /// The index of the likeliest class in the model's output.
    pub class: usize,
    /// The probability of the likeliest class, 0 to 1.
    pub confidence: f64,
    /// Whether this is a defect by the model's rule.
    pub defect: bool,
    /// The likeliest classes, best first; at least one, and as many as were asked for.
    pub top: Vec<ClassScore>,
    /// The likeliest classes, best first, for the record: what its quality is reckoned from must not depend on how many a
    /// client wants to see.
    #[serde(skip)]
    pub recorded: Vec<ClassScore>,
}

/// What the answer to one item means.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Meaning)]
pub enum PredictionMeaning {
    /// Of a model that classifies.
    Class(ClassPrediction),
    /// Of a model that estimates a number.
    Number {
        /// The number; finite.
        value: f64,
    },
    /// Of a model whose tensors only its caller understands.
    Tensors {},
}

/// What a model says about one item, or, of a model that takes whole tensors, about one request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Prediction {
    /// The meaning of the outputs.
    pub meaning: PredictionMeaning,
    /// What the model answered, in the order of its outputs.
    #[serde(skip)]
    pub outputs: Vec<Tensor>,
}

impl Prediction {
    /// The class, of a model that classifies.
    #[must_use]
    pub fn class(&self) -> Option<&ClassPrediction> {
        if let PredictionMeaning::Class(class) = &self.meaning { Some(class) } else { None }
    }

    /// The number, of a model that estimates one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        if let PredictionMeaning::Number { value } = self.meaning { Some(value) } else { None }
    }

    /// About how many bytes the outputs of all these take as text.
    pub(crate) fn text_bytes(predictions: &[Self]) -> usize {
        let outputs = predictions.iter().flat_map(|prediction| &prediction.outputs);
        outputs.map(|output| 10 * output.values().len()).sum()
    }
}
