//! The prediction of one row, as a record takes it.

use prediction_record::Score;

/// How a confidence was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cloudevents) enum ConfidenceSource {
    /// The model gave it beside its label.
    Given,
    /// It is the largest of the probabilities that the model gave.
    Probabilities,
    /// It is the softmax of the model's scores, which do not sum to 1.
    Softmax,
    /// The model gave none. A record needs a confidence, so it is 1.
    None,
}

impl ConfidenceSource {
    pub(in crate::cloudevents) fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Probabilities => "probabilities",
            Self::Softmax => "softmax",
            Self::None => "none",
        }
    }
}

/// The prediction of one row.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cloudevents) struct RowPrediction {
    pub(in crate::cloudevents) label: String,
    pub(in crate::cloudevents) class: Option<u32>,
    pub(in crate::cloudevents) confidence: f64,
    pub(in crate::cloudevents) source: ConfidenceSource,
    pub(in crate::cloudevents) top: Vec<Score>,
}

impl RowPrediction {
    /// A label without a confidence.
    pub(super) fn bare(label: String, class: Option<u32>) -> Self {
        Self { label, class, confidence: 1.0, source: ConfidenceSource::None, top: Vec::new() }
    }
}
