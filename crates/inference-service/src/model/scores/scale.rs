//! What the numbers are that a model gives for the classes, and which confidences follow from them.
//!
//! Rule of thumb: numbers that are confidences already stay as they are. A number that cannot be what it is said to be is
//! refused, because nobody can see afterwards that a confidence is wrong.

use serde::Deserialize;

/// How far a probability may lie outside of 0 to 1, because it was computed with rounded numbers.
const RANGE_SLACK: f64 = 1e-4;
/// How far from 1 the sum of probabilities may be. Numbers of 16 bits are that coarse when there are thousands of them.
const SUM_SLACK: f64 = 0.02;

/// What the numbers are that a model gives for its classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreScale {
    /// Any numbers, of which softmax makes probabilities; logarithms of probabilities are some, too.
    Logits,
    /// Probabilities, of which exactly one holds: they add up to 1.
    Probabilities,
    /// A probability for each class by itself, as a sigmoid gives it: none or several may hold.
    Sigmoid,
}

impl ScoreScale {
    /// Its name in model.toml, in answers and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// Checks that finite numbers can be this. `adds_up` says whether there is one for each class, so that probabilities
    /// add up to 1.
    ///
    /// # Errors
    /// Why they cannot, as a sentence without its end.
    pub(super) fn check(self, numbers: &[f64], adds_up: bool) -> Result<(), String> {
        if self == Self::Logits {
            return Ok(());
        }
        let is_outside = |number: &f64| !(-RANGE_SLACK..=1.0 + RANGE_SLACK).contains(number);
        if let Some((class, number)) = numbers.iter().enumerate().find(|(_, number)| is_outside(number)) {
            return Err(format!("number {class} is {number}, and a probability lies between 0 and 1"));
        }
        let sum: f64 = numbers.iter().sum();
        if self == Self::Probabilities && adds_up && (sum - 1.0).abs() > SUM_SLACK {
            return Err(format!("they add up to {sum}, and probabilities of which one holds add up to 1"));
        }
        Ok(())
    }

    /// The confidence of each class, 0 to 1, of numbers that can be this.
    pub(super) fn confidences(self, numbers: &[f64]) -> Vec<f64> {
        match self {
            Self::Logits => softmax(numbers),
            Self::Probabilities | Self::Sigmoid => numbers.iter().map(|number| number.clamp(0.0, 1.0)).collect(),
        }
    }

    /// The numbers of two classes, where a model gives only that of the second.
    pub(super) fn of_both(self, second: f64) -> [f64; 2] {
        match self {
            Self::Logits => [0.0, second],
            Self::Probabilities | Self::Sigmoid => [1.0 - second, second],
        }
    }
}

/// Probabilities of finite logits. Subtracting the largest keeps every exponential within 0 and 1.
fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut values: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = values.iter().sum();
    for value in &mut values {
        *value /= sum;
    }
    values
}
