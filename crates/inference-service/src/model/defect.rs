//! Which predictions count as a defect.
//!
//! Rule of thumb: the rule belongs to the model and is fixed when it loads, so that the same picture is a defect or
//! not for every client.

use std::path::Path;

use serde::Deserialize;

use super::error::ModelError;

/// When a prediction is a defect.
#[derive(Clone, Debug, PartialEq)]
pub enum DefectRule {
    /// Never.
    Never,
    /// When the class is one of these: for each class of the model, whether it is a defect.
    Classes(Vec<bool>),
    /// When the confidence is below this, 0 to 1.
    BelowConfidence(f64),
}

impl DefectRule {
    /// Whether a prediction of this class with this confidence (0 to 1) is a defect.
    pub fn is_defect(&self, class: usize, confidence: f64) -> bool {
        match self {
            Self::Never => false,
            Self::Classes(defects) => defects.get(class).copied().unwrap_or(false),
            Self::BelowConfidence(floor) => confidence < *floor,
        }
    }

    /// Checks what the file's author wrote under `[defect]`.
    ///
    /// # Errors
    /// [`ModelError::Field`] for no rule, two rules, an unknown label, or a floor that is no probability.
    pub(super) fn from_table(table: Option<DefectTable>, labels: &[String], path: &Path) -> Result<Self, ModelError> {
        let error = |field, problem, remedy| ModelError::Field { path: path.to_owned(), field, problem, remedy };
        let Some(table) = table else { return Ok(Self::Never) };
        match (table.labels, table.confidence_floor) {
            (Some(defects), None) => {
                if defects.is_empty() {
                    let remedy = "name the labels that are defects, or remove [defect]";
                    return Err(error("defect.labels", "is empty".to_owned(), remedy));
                }
                if let Some(unknown) = defects.iter().find(|defect| !labels.contains(defect)) {
                    let problem = format!("holds \"{unknown}\", which is no label of the model");
                    return Err(error("defect.labels", problem, "name labels of the model"));
                }
                Ok(Self::Classes(labels.iter().map(|label| defects.contains(label)).collect()))
            }
            (None, Some(floor)) if floor > 0.0 && floor <= 1.0 => Ok(Self::BelowConfidence(floor)),
            (None, Some(floor)) => {
                Err(error("defect.confidence_floor", format!("is {floor}"), "give a number above 0, up to 1"))
            }
            (None, None) | (Some(_), Some(_)) => {
                let remedy = "give either labels or confidence_floor, or remove [defect]";
                Err(error("defect", "needs exactly one rule".to_owned(), remedy))
            }
        }
    }
}

/// The table `[defect]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefectTable {
    labels: Option<Vec<String>>,
    confidence_floor: Option<f64>,
}
