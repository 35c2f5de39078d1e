//! A body that a model takes, to begin with.

use prediction_record::{FeatureDeclaration, FeatureKind};
use serde_json::{Map, Value, json};

use crate::model::Engine;
use crate::oip::metadata::{ModelTensors, TensorMetadata};

/// A picture of one pixel, as PNG in base64; a picture of any size is taken.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// An example of more numbers is longer than a person reads.
const MOST_NUMBERS: i64 = 1_024;

/// A body in JSON that the model takes. Nothing, if that would be too long to read.
pub(super) fn example(engine: &Engine) -> Option<Value> {
    if engine.config().input.is_some() {
        return Some(json!({ "image": PIXEL }));
    }
    if let Some(features) = engine.features() {
        let value = |column: &FeatureDeclaration| (column.name.clone(), value_of(column));
        let row: Map<String, Value> = features.columns().iter().map(|column| value(&column.declaration)).collect();
        return Some(json!({ "rows": [row] }));
    }
    let ModelTensors { inputs, .. } = ModelTensors::of(engine);
    let inputs: Vec<TensorMetadata> = inputs.iter().map(TensorMetadata::from).collect();
    let numbers = |tensor: &TensorMetadata| tensor.shape.iter().map(|length| (*length).max(1)).product::<i64>();
    if inputs.iter().map(numbers).fold(0, i64::saturating_add) > MOST_NUMBERS {
        return None;
    }
    match inputs.as_slice() {
        [only] => Some(json!({ "inputs": zeros(&only.shape, only.datatype) })),
        several => {
            let needed = several.iter().filter(|tensor| !tensor.optional);
            let values: Map<String, Value> =
                needed.map(|tensor| (tensor.name.clone(), zeros(&tensor.shape, tensor.datatype))).collect();
            Some(json!({ "inputs": values }))
        }
    }
}

/// A value that makes sense for a feature.
pub(super) fn value_of(feature: &FeatureDeclaration) -> Value {
    match (feature.kind, feature.range, feature.categories.first()) {
        (FeatureKind::Number, Some([least, greatest]), _) => {
            let middle = f64::midpoint(least, greatest);
            // Few digits read better, where they are still in the range.
            let short = format!("{middle:.2e}").parse().unwrap_or(middle);
            json!(if (least..=greatest).contains(&short) { short } else { middle })
        }
        (FeatureKind::Number, None, _) => json!(0),
        (FeatureKind::Category, _, Some(first)) => json!(first),
        (FeatureKind::Category, _, None) => json!("a"),
    }
}

/// Nothing but zeros in this shape, whose open dimensions have one.
fn zeros(shape: &[i64], datatype: &str) -> Value {
    match shape.split_first() {
        Some((length, rest)) => (0..(*length).max(1)).map(|_| zeros(rest, datatype)).collect(),
        None if datatype == "BYTES" => json!("a"),
        None if datatype == "BOOL" => json!(false),
        None if datatype.starts_with("FP") => json!(0.0),
        None => json!(0),
    }
}
