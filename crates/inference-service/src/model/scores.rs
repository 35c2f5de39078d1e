//! What a model's answer means: a class with its probability, a number, or no more than its tensors.
//!
//! Rule of thumb: classes are ordered by their logits and not by their probabilities, which are all zero far below the
//! winner; equal logits are ordered by class index, so that the same input always gets the same answer.

use std::cmp::Ordering;
use std::num::NonZeroUsize;

use serde::Serialize;
use utoipa::ToSchema;

use super::defect::DefectRule;
use super::error::ModelError;
use super::tensor::Tensor;

/// One class and the probability that the model gives it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Score)]
pub struct ClassScore {
    /// The class's label.
    pub label: String,
    /// The class's index in the model's output.
    pub class: usize,
    /// Probability, 0 to 1.
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
    /// The likeliest classes, best first; at least one.
    pub top: Vec<ClassScore>,
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
}

impl ClassPrediction {
    /// Turns the logits of one item into a class. `top` gets `top_k` of them, or all where there are fewer.
    ///
    /// # Errors
    /// [`ModelError::BadLogits`] unless there is one finite logit for each label.
    pub fn from_logits(
        logits: &[f32],
        labels: &[String],
        defect: &DefectRule,
        top_k: NonZeroUsize,
    ) -> Result<Self, ModelError> {
        check_logits(logits, labels.len())?;
        let probabilities = softmax(logits);
        let top: Vec<ClassScore> = ranking(logits)
            .into_iter()
            .take(top_k.get())
            .map(|class| ClassScore { label: labels[class].clone(), class, confidence: probabilities[class] })
            .collect();
        let best = top[0].clone();
        Ok(Self {
            defect: defect.is_defect(best.class, best.confidence),
            label: best.label,
            class: best.class,
            confidence: best.confidence,
            top,
        })
    }
}

/// Whether there is one finite logit for each class.
pub(super) fn check_logits(logits: &[f32], classes: usize) -> Result<(), ModelError> {
    let problem = if logits.len() != classes || logits.is_empty() {
        format!("there are {}", logits.len())
    } else if let Some((class, value)) = logits.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        format!("class {class} got {value}")
    } else {
        return Ok(());
    };
    Err(ModelError::BadLogits { classes, problem })
}

/// Probabilities of finite logits. Subtracting the largest keeps every exponential within 0 and 1.
fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut values: Vec<f64> = logits.iter().map(|logit| (f64::from(*logit) - f64::from(largest)).exp()).collect();
    let sum: f64 = values.iter().sum();
    for value in &mut values {
        *value /= sum;
    }
    values
}

/// The classes from the largest logit to the smallest; equal ones by class.
fn ranking(logits: &[f32]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..logits.len()).collect();
    // The sort is stable, so equal logits keep the order of their classes; 0 and -0 are equal.
    classes.sort_by(|a, b| logits[*b].partial_cmp(&logits[*a]).unwrap_or(Ordering::Equal));
    classes
}

#[cfg(test)]
mod tests;
