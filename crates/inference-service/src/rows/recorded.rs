//! What the prediction log has of a row.
//!
//! Rule of thumb: only declared features are recorded, and the true value of one that may not be kept never leaves this
//! service.

use prediction_record::{FeatureValue, FeatureValues, number_bin, number_bin_middle};

use crate::model::features::FeatureColumn;
use crate::model::{ModelFeatures, Tensor};

/// The features of a row: those that may be kept, and those that may only be counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RecordedFeatures {
    pub(crate) kept: FeatureValues,
    /// Numbers are replaced by the middle of their bin, so that the true ones never leave this service.
    pub(crate) counted: FeatureValues,
}

impl RecordedFeatures {
    /// What is recorded of a row of checked values.
    pub(crate) fn of_row(features: &ModelFeatures, row: &[FeatureValue]) -> Self {
        Self::of(features.columns().iter().zip(row.iter().cloned()))
    }

    /// What is recorded of the tensors of one item.
    pub(crate) fn of_tensors(features: &ModelFeatures, tensors: &[Tensor]) -> Self {
        Self::of(features.values_in(tensors))
    }

    fn of<'a>(values: impl Iterator<Item = (&'a FeatureColumn, FeatureValue)>) -> Self {
        let mut recorded = Self::default();
        for (column, value) in values {
            let name = column.declaration.name.as_str();
            if column.declaration.keep {
                recorded.kept.insert(name, value);
            } else {
                recorded.counted.insert(name, in_the_middle(value));
            }
        }
        recorded
    }
}

fn in_the_middle(value: FeatureValue) -> FeatureValue {
    match value {
        FeatureValue::Number(number) => {
            number_bin(number).map_or(FeatureValue::Missing, |bin| FeatureValue::Number(number_bin_middle(bin)))
        }
        other => other,
    }
}
