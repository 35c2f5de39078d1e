//! What the prediction log has of a row.
//!
//! Rule of thumb: only declared features are recorded, and the true value of one that may not be kept never leaves this
//! service.

use prediction_record::{FeatureValue, FeatureValues};

use super::refusal::RowRefusal;
use crate::model::features::{FeatureColumn, FeatureRefusal};
use crate::model::{ModelFeatures, Tensor};

/// The features of a row: those that may be kept, and those that may only be counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RecordedFeatures {
    pub(crate) kept: FeatureValues,
    /// A number is the middle of its bin, and a category that is not declared has no name, so that the true values never
    /// leave this service, nor stand in its spool.
    pub(crate) counted: FeatureValues,
}

impl RecordedFeatures {
    /// What is recorded of a row of checked values.
    pub(crate) fn of_row(features: &ModelFeatures, row: &[FeatureValue]) -> Self {
        Self::of(features.columns().iter().zip(row.iter().cloned()))
    }

    /// Checks each row of an item's tensors by the rules of rows, and gives what is recorded of the item: its only row. Of
    /// several rows nobody could say which one is recorded. `first` is the place of the first row in the request.
    ///
    /// # Errors
    /// [`RowRefusal`].
    pub(crate) fn of_tensors(features: &ModelFeatures, tensors: &[Tensor], first: usize) -> Result<Self, RowRefusal> {
        let rows = features.rows_in(tensors).map_err(|problem| {
            let problem = format!("it {problem}");
            RowRefusal::Row { row: first, problem }
        })?;
        let mut recorded = Self::default();
        for row in 0..rows {
            for (column, held) in features.held_in(tensors, row) {
                let value = held.map_err(|FeatureRefusal { reason, problem }| {
                    let feature = column.declaration.name.clone();
                    RowRefusal::Value { row: first + row, feature, reason, problem }
                })?;
                if rows == 1 {
                    recorded.add(column, value);
                }
            }
        }
        Ok(recorded)
    }

    fn of<'a>(values: impl Iterator<Item = (&'a FeatureColumn, FeatureValue)>) -> Self {
        let mut recorded = Self::default();
        for (column, value) in values {
            recorded.add(column, value);
        }
        recorded
    }

    fn add(&mut self, column: &FeatureColumn, value: FeatureValue) {
        let name = column.declaration.name.as_str();
        if column.declaration.keep {
            self.kept.insert(name, value);
        } else {
            self.counted.insert(name, column.declaration.coarse(&value));
        }
    }
}
