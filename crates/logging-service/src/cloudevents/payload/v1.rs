//! V1: `{"predictions": […]}`, where the model's author chose the form of a prediction.

use serde_json::{Map, Value};

use super::row_prediction::{ConfidenceSource, RowPrediction};
use super::scores::{best_class, best_named_class, parse_label, parse_numbers};
use crate::cloudevents::{EventError, MAX_ROWS};

const LABELS: [&str; 5] = ["label", "predicted_label", "class_name", "class", "prediction"];
const CONFIDENCES: [&str; 3] = ["confidence", "score", "probability"];
const PROBABILITIES: [&str; 3] = ["probabilities", "scores", "logits"];

pub(super) fn read_predictions(predictions: &[Value]) -> Result<Vec<RowPrediction>, EventError> {
    if predictions.len() > MAX_ROWS {
        return Err(EventError::TooManyRows);
    }
    let read = |(row, prediction)| {
        read_prediction(prediction)
            .ok_or_else(|| EventError::Payload(format!("prediction {row} has no form that is known")))
    };
    predictions.iter().enumerate().map(read).collect()
}

/// Reads the prediction of one row: a label or number, scores of all classes, or an object with either.
pub(super) fn read_prediction(prediction: &Value) -> Option<RowPrediction> {
    match prediction {
        Value::Null => None,
        Value::Bool(flag) => Some(RowPrediction::bare(flag.to_string(), None)),
        // A whole number is a class, and any other number the value of a regression. In both cases its text is the label.
        Value::Number(number) => {
            let text = number.to_string();
            // The classes of scikit-learn are often written as floats.
            let text = text.strip_suffix(".0").unwrap_or(&text);
            Some(RowPrediction::bare(parse_label(text)?, text.parse().ok()))
        }
        Value::String(text) => Some(RowPrediction::bare(parse_label(text)?, None)),
        Value::Array(values) => match values.as_slice() {
            [] => None,
            [only] => read_prediction(only),
            [Value::Object(_), ..] => best_of_objects(values),
            values => best_class(&parse_numbers(values)?),
        },
        Value::Object(members) => read_object(members),
    }
}

/// Reads `[{"label": "cat", "score": 0.9}, …]`, the form of text classifiers.
fn best_of_objects(values: &[Value]) -> Option<RowPrediction> {
    let named = |value: &Value| {
        let prediction = read_prediction(value)?;
        (prediction.source == ConfidenceSource::Given).then_some(prediction)
    };
    let all: Vec<RowPrediction> = values.iter().map(named).collect::<Option<_>>()?;
    // The first of several equal ones stays.
    all.into_iter().reduce(|best, other| if other.confidence > best.confidence { other } else { best })
}

fn read_object(members: &Map<String, Value>) -> Option<RowPrediction> {
    let find = |names: &[&str]| names.iter().find_map(|name| members.get(*name));
    let scored = match find(&PROBABILITIES) {
        Some(Value::Array(values)) => parse_numbers(values).and_then(|numbers| best_class(&numbers)),
        Some(Value::Object(scores)) => {
            let scores = scores.iter().map(|(name, score)| Some((name.as_str(), score.as_f64()?)));
            best_named_class(&scores.collect::<Option<Vec<_>>>()?)
        }
        _ => None,
    };
    let labelled = find(&LABELS).filter(|value| !value.is_object() && !value.is_array()).and_then(read_prediction);
    let class = members.get("class").or_else(|| members.get("class_id")).and_then(Value::as_u64);
    let mut all = match (labelled, scored) {
        (Some(labelled), Some(scored)) => Some(combine(labelled, scored)),
        (labelled, scored) => labelled.or(scored),
    }?;
    all.class = class.and_then(|class| class.try_into().ok()).or(all.class);
    match find(&CONFIDENCES).and_then(Value::as_f64) {
        Some(confidence) if (0.0..=1.0).contains(&confidence) => {
            Some(RowPrediction { confidence, source: ConfidenceSource::Given, ..all })
        }
        _ => Some(all),
    }
}

/// Combines the model's own label, which may come from a threshold, with the scores beside it.
pub(super) fn combine(labelled: RowPrediction, scored: RowPrediction) -> RowPrediction {
    let same = |score: &&prediction_record::Score| {
        score.label == labelled.label || (labelled.class.is_some() && score.class == labelled.class)
    };
    let confidence = scored.top.iter().find(same).map_or(scored.confidence, |score| score.confidence);
    RowPrediction { confidence, source: scored.source, top: scored.top, ..labelled }
}
