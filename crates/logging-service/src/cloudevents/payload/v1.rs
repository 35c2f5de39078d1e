//! V1: `{"predictions": […]}`, where a prediction is whatever the model's author chose.

use serde_json::{Map, Value};

use super::answer::{Answer, Source};
use super::scores::{best, best_named, label, numbers};
use crate::cloudevents::{EventError, MAX_ROWS};

const LABELS: [&str; 5] = ["label", "predicted_label", "class_name", "class", "prediction"];
const CONFIDENCES: [&str; 3] = ["confidence", "score", "probability"];
const PROBABILITIES: [&str; 3] = ["probabilities", "scores", "logits"];

pub(super) fn answers(predictions: &[Value]) -> Result<Vec<Answer>, EventError> {
    if predictions.len() > MAX_ROWS {
        return Err(EventError::TooManyRows);
    }
    let read = |(row, prediction)| {
        answer(prediction).ok_or_else(|| EventError::Payload(format!("prediction {row} has no form that is known")))
    };
    predictions.iter().enumerate().map(read).collect()
}

/// A prediction of one row: a label or number, scores of all classes, or an object with either.
pub(super) fn answer(prediction: &Value) -> Option<Answer> {
    match prediction {
        Value::Null => None,
        Value::Bool(flag) => Some(Answer::bare(flag.to_string(), None)),
        // A whole number is a class; any other is the value of a regression. Its text is the label of both.
        Value::Number(number) => {
            let text = number.to_string();
            // Scikit-learn's classes are often written as floats.
            let text = text.strip_suffix(".0").unwrap_or(&text);
            Some(Answer::bare(label(text)?, text.parse().ok()))
        }
        Value::String(text) => Some(Answer::bare(label(text)?, None)),
        Value::Array(values) => match values.as_slice() {
            [] => None,
            [only] => answer(only),
            [Value::Object(_), ..] => best_of_objects(values),
            values => best(&numbers(values)?),
        },
        Value::Object(members) => answer_of_object(members),
    }
}

/// `[{"label": "cat", "score": 0.9}, …]`, as text classifiers answer.
fn best_of_objects(values: &[Value]) -> Option<Answer> {
    let named = |value: &Value| {
        let answer = answer(value)?;
        (answer.source == Source::Given).then_some(answer)
    };
    let all: Vec<Answer> = values.iter().map(named).collect::<Option<_>>()?;
    // Of equals, the first.
    all.into_iter().reduce(|best, other| if other.confidence > best.confidence { other } else { best })
}

fn answer_of_object(members: &Map<String, Value>) -> Option<Answer> {
    let find = |names: &[&str]| names.iter().find_map(|name| members.get(*name));
    let scored = match find(&PROBABILITIES) {
        Some(Value::Array(values)) => numbers(values).and_then(|numbers| best(&numbers)),
        Some(Value::Object(scores)) => {
            let scores = scores.iter().map(|(name, score)| Some((name.as_str(), score.as_f64()?)));
            best_named(&scores.collect::<Option<Vec<_>>>()?)
        }
        _ => None,
    };
    let labelled = find(&LABELS).filter(|value| !value.is_object() && !value.is_array()).and_then(answer);
    let class = members.get("class").or_else(|| members.get("class_id")).and_then(Value::as_u64);
    let mut all = match (labelled, scored) {
        (Some(labelled), Some(scored)) => Some(combined(labelled, scored)),
        (labelled, scored) => labelled.or(scored),
    }?;
    all.class = class.and_then(|class| class.try_into().ok()).or(all.class);
    match find(&CONFIDENCES).and_then(Value::as_f64) {
        Some(confidence) if (0.0..=1.0).contains(&confidence) => {
            Some(Answer { confidence, source: Source::Given, ..all })
        }
        _ => Some(all),
    }
}

/// The model's own label, which may come from a threshold, with the scores beside it.
pub(super) fn combined(labelled: Answer, scored: Answer) -> Answer {
    let same = |score: &&prediction_record::Score| {
        score.label == labelled.label || (labelled.class.is_some() && score.class == labelled.class)
    };
    let confidence = scored.top.iter().find(same).map_or(scored.confidence, |score| score.confidence);
    Answer { confidence, source: scored.source, top: scored.top, ..labelled }
}
