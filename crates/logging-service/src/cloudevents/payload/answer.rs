//! What a model answered about one row, as a record takes it.

use prediction_record::Score;

/// How a confidence was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cloudevents) enum ConfidenceSource {
    /// The model gave it beside its label.
    Given,
    /// It is the largest of the probabilities that the model gave.
    Probabilities,
    /// It is the softmax of scores that the model calls logits.
    Softmax,
}

impl ConfidenceSource {
    pub(in crate::cloudevents) fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Probabilities => "probabilities",
            Self::Softmax => "softmax",
        }
    }
}

/// What a model answered about one row.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cloudevents) enum RowAnswer {
    /// One of several classes.
    Class(ClassPrediction),
    /// The number that a regression predicts.
    Value(f64),
    /// Anything else; no value of it is kept.
    Raw,
    /// Null, NaN or infinite, where the task of the model is a number or scores.
    NotANumber,
    /// What can be no class of the model as it is declared: an index or scores of other classes, or a number that is neither.
    Unfit,
}

/// One of several classes.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cloudevents) struct ClassPrediction {
    pub(in crate::cloudevents) label: String,
    pub(in crate::cloudevents) class: Option<u32>,
    /// Its probability, where the model gave one.
    pub(in crate::cloudevents) confidence: Option<f64>,
    pub(in crate::cloudevents) source: Option<ConfidenceSource>,
    pub(in crate::cloudevents) top: Vec<Score>,
}

impl ClassPrediction {
    /// A label without a confidence.
    pub(super) fn bare(label: String, class: Option<u32>) -> Self {
        Self { label, class, confidence: None, source: None, top: Vec::new() }
    }

    /// The same with the confidence that the model gave beside its label.
    pub(super) fn given(self, confidence: f64) -> Self {
        Self { confidence: Some(confidence), source: Some(ConfidenceSource::Given), ..self }
    }

    /// The model's own label, which may come from a threshold, together with the scores beside it.
    pub(super) fn with_scores(self, scored: Self) -> Self {
        let same = |score: &&Score| score.label == self.label || (self.class.is_some() && score.class == self.class);
        let confidence = scored.top.iter().find(same).map(|score| score.confidence);
        let is_best = self.label == scored.label || (self.class.is_some() && self.class == scored.class);
        let confidence = confidence.or(scored.confidence.filter(|_| is_best));
        Self { confidence, source: scored.source.filter(|_| confidence.is_some()), top: scored.top, ..self }
    }
}
