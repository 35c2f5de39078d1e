//! How the outputs of a model that classifies become a class.
//!
//! Rule of thumb: classes are ordered by the model's numbers and not by their confidences, which are all zero far below
//! the winner; equal numbers are ordered by class index, so that the same input always gets the same answer.

use std::cmp::Ordering;
use std::num::NonZeroUsize;

use super::file_labels::OwnLabel;
use super::scale::ScoreScale;
use super::{ClassPrediction, ClassScore};
use crate::model::defect::DefectRule;
use crate::model::error::ModelError;
use crate::model::tensor::Tensor;

/// Classes of a record: enough for the exact log loss of most models, and for the share of right answers among five.
const RECORDED: usize = 10;

/// The source of what the numbers of a model are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleSource {
    /// The model's graph.
    Graph,
    /// `output` in model.toml.
    ModelToml,
}

impl ScaleSource {
    /// Its name in answers and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::ModelToml => "model.toml",
        }
    }
}

/// Where the numbers of the classes are, what they are, and how the classes are called.
#[derive(Clone, Debug)]
pub struct ClassReader {
    /// The name of the output that has them.
    pub output_name: String,
    /// The position of that output among the model's.
    pub output: usize,
    /// What they are.
    pub scale: ScoreScale,
    /// The source of that.
    pub decided_by: ScaleSource,
    /// The names of the classes, in the order of the numbers.
    pub labels: Vec<String>,
    /// Whether there is one number for two classes, that of the second.
    pub is_single: bool,
    /// The label that the model gives by itself, which the numbers must not contradict.
    pub own_label: Option<OwnLabel>,
}

/// How far the confidence of the model's own label may be below the highest, because both were computed with rounded
/// numbers.
const TIE_SLACK: f64 = 1e-5;

impl ClassReader {
    /// How many numbers the output has for one item.
    #[must_use]
    pub fn numbers(&self) -> usize {
        if self.is_single { 1 } else { self.labels.len() }
    }

    /// Whether the outputs for one item are an answer.
    ///
    /// # Errors
    /// [`ModelError::BadScores`] unless there is one finite number for each class; [`ModelError::WrongScale`] for numbers
    /// that cannot be what they are said to be; [`ModelError::BadLabel`] where the model's own label is another class.
    pub(in crate::model) fn check(&self, outputs: &[Tensor]) -> Result<(), ModelError> {
        self.ranked(outputs).map(drop)
    }

    /// The class of one item. `top` gets `top_k` of the classes, or all where there are fewer.
    ///
    /// # Errors
    /// As [`ClassReader::check`].
    pub(in crate::model) fn prediction(
        &self,
        outputs: &[Tensor],
        defect: &DefectRule,
        top_k: NonZeroUsize,
    ) -> Result<ClassPrediction, ModelError> {
        let RankedClasses { confidences, order } = self.ranked(outputs)?;
        let recorded: Vec<ClassScore> = order
            .into_iter()
            .take(top_k.get().max(RECORDED))
            .map(|class| ClassScore { label: self.labels[class].clone(), class, confidence: confidences[class] })
            .collect();
        let top: Vec<ClassScore> = recorded.iter().take(top_k.get()).cloned().collect();
        let best = top[0].clone();
        Ok(ClassPrediction {
            defect: defect.is_defect(best.class, best.confidence),
            label: best.label,
            class: best.class,
            confidence: best.confidence,
            top,
            recorded,
        })
    }

    /// The classes with their confidences, the likeliest first; of equals, the one that the model itself names.
    fn ranked(&self, outputs: &[Tensor]) -> Result<RankedClasses, ModelError> {
        let numbers = self.scores(outputs)?;
        let confidences = self.scale.confidences(&numbers);
        let mut order = ranking(&numbers);
        let Some(own) = &self.own_label else { return Ok(RankedClasses { confidences, order }) };
        let label = outputs.get(own.output);
        let classes = label.map_or_else(|| Err("missing".to_owned()), |label| own.names.classes(label));
        let likeliest = &self.labels[order[0]];
        let bad =
            |label| ModelError::BadLabel { label, likeliest: likeliest.clone(), output: self.output_name.clone() };
        let classes = classes.map_err(bad)?;
        let is_near = |class: usize| confidences[order[0]] - confidences[class] <= TIE_SLACK;
        let place = order.iter().position(|ranked| classes.contains(ranked)).filter(|place| is_near(order[*place]));
        let named = |class: usize| self.labels.get(class).map_or_else(|| class.to_string(), Clone::clone);
        let place = place.ok_or_else(|| bad(named(classes[0])))?;
        order[..=place].rotate_right(1);
        Ok(RankedClasses { confidences, order })
    }

    /// The numbers of the classes; at least one.
    fn scores(&self, outputs: &[Tensor]) -> Result<Vec<f64>, ModelError> {
        let numbers = outputs.get(self.output).and_then(|output| output.values().floats()).unwrap_or_default();
        let expected = self.numbers();
        let bad = |problem| Err(ModelError::BadScores { expected, problem });
        if numbers.len() != expected || numbers.is_empty() {
            return bad(format!("there are {}", numbers.len()));
        }
        if let Some((class, number)) = numbers.iter().enumerate().find(|(_, number)| !number.is_finite()) {
            return bad(format!("class {class} got {number}"));
        }
        self.scale.check(&numbers, !self.is_single).map_err(|problem| ModelError::WrongScale {
            output: self.output_name.clone(),
            scale: self.scale.as_str(),
            decided_by: self.decided_by.as_str(),
            problem,
        })?;
        match numbers[..] {
            [second] if self.is_single => Ok(self.scale.of_both(second).to_vec()),
            _ => Ok(numbers),
        }
    }
}

/// Classes with their confidences.
struct RankedClasses {
    /// The confidence of each class, 0 to 1.
    confidences: Vec<f64>,
    /// The classes, the likeliest first.
    order: Vec<usize>,
}

/// The classes from the largest number to the smallest; equal ones by class.
fn ranking(numbers: &[f64]) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..numbers.len()).collect();
    // The sort is stable, so equal numbers keep the order of their classes; 0 and -0 are equal.
    classes.sort_by(|a, b| numbers[*b].partial_cmp(&numbers[*a]).unwrap_or(Ordering::Equal));
    classes
}

#[cfg(test)]
mod tests;
