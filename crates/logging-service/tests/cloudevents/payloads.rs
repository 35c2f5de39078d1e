//! Predictions in every form of V1 and V2, of models about which nothing is declared: only what says so itself is a
//! classification.

use logging_service::cloudevents::{EventError, MAX_ROWS};
use prediction_record::{PredictionRecord, Status, Task};
use serde_json::{Value, json};

use super::{pair, response};

/// What is read of the only row of a response.
#[derive(Debug, PartialEq)]
pub(crate) struct ReadPrediction {
    pub(crate) label: String,
    pub(crate) class: Option<u32>,
    pub(crate) confidence: Option<f64>,
    pub(crate) source: Option<String>,
}

impl ReadPrediction {
    pub(crate) fn of(record: PredictionRecord) -> Self {
        assert_eq!((record.task, record.status), (Task::Classification, Status::Success), "{record:?}");
        let source = record.extra.get("confidence_source").map(|source| source.as_str().unwrap().to_owned());
        Self { label: record.label.unwrap(), class: record.class, confidence: record.confidence, source }
    }
}

pub(crate) fn expected(label: &str, class: Option<u32>, confidence: Option<(f64, &str)>) -> ReadPrediction {
    let source = confidence.map(|(_, source)| source.to_owned());
    ReadPrediction { label: label.to_owned(), class, confidence: confidence.map(|(confidence, _)| confidence), source }
}

pub(crate) fn tensor(name: &str, shape: &Value, datatype: &str, data: &Value) -> Value {
    json!({ "name": name, "shape": shape, "datatype": datatype, "data": data })
}

fn only(body: &Value) -> PredictionRecord {
    let mut records = pair(None, &response(body)).unwrap();
    assert_eq!(records.len(), 1, "{body}");
    records.remove(0)
}

#[test]
fn what_says_itself_that_it_is_a_class_is_one() {
    for (prediction, wanted) in [
        (json!("rose"), expected("rose", None, None)),
        (json!(["rose"]), expected("rose", None, None)),
        (json!({ "label": "rose", "score": 0.8 }), expected("rose", None, Some((0.8, "given")))),
        (json!({ "prediction": "rose" }), expected("rose", None, None)),
        (json!({ "class": 2, "confidence": 0.6 }), expected("2", Some(2), Some((0.6, "given")))),
        (json!({ "label": "rose", "class_id": 4 }), expected("rose", Some(4), None)),
        (json!({ "label": "rose", "scores": [1.5, -2.0] }), expected("rose", None, None)),
        (json!({ "probabilities": [0.3, 0.7] }), expected("1", Some(1), Some((0.7, "probabilities")))),
        (json!({ "class": 0, "probabilities": [0.3, 0.7] }), expected("0", Some(0), Some((0.3, "probabilities")))),
        (
            json!({ "probabilities": { "rose": 0.9, "tulip": 0.1 } }),
            expected("rose", None, Some((0.9, "probabilities"))),
        ),
        (
            json!({ "sequence": "…", "labels": ["rose", "tulip"], "scores": [0.9, 0.1] }),
            expected("rose", None, Some((0.9, "probabilities"))),
        ),
        (
            json!([{ "label": "NEG", "score": 0.1 }, { "label": "POS", "score": 0.9 }]),
            expected("POS", None, Some((0.9, "given"))),
        ),
    ] {
        assert_eq!(ReadPrediction::of(only(&json!({ "predictions": [prediction] }))), wanted, "{prediction}");
    }
    let scores = tensor("y", &json!([1, 2]), "FP32", &json!([0.25, 0.75]));
    let named = tensor("predict_proba", &json!([1, 2]), "FP32", &json!([0.25, 0.75]));
    let label = tensor("predict", &json!([1]), "INT64", &json!([0]));
    let text = tensor("label", &json!([1, 1]), "BYTES", &json!(["rose"]));
    for (outputs, wanted) in [
        (json!([text]), expected("rose", None, None)),
        (json!([text, scores]), expected("rose", None, None)),
        (json!([named]), expected("1", Some(1), Some((0.75, "probabilities")))),
        (json!([label, named]), expected("0", Some(0), Some((0.25, "probabilities")))),
    ] {
        assert_eq!(ReadPrediction::of(only(&json!({ "outputs": outputs }))), wanted, "{outputs}");
    }
}

#[test]
fn anything_else_is_stored_without_its_values() {
    let boxed = json!({ "label": "cat", "score": 0.9, "box": { "xmin": 1 } });
    for prediction in [
        json!(3),
        json!(3.0),
        json!(-2.75),
        json!([4.5]),
        json!(true),
        json!(null),
        json!([0.2, 0.7, 0.1]),
        json!([0.0, 2.0, 1.0]),
        json!([0.9, 0.8]),
        json!([true, false, true]),
        json!([[1.0, 2.0], [3.0, 4.0]]),
        json!([1, "a"]),
        json!(["rose", "tulip"]),
        json!([]),
        json!(""),
        json!("x".repeat(257)),
        json!("a story\nof two lines"),
        json!({ "prediction": 3.5 }),
        json!({ "scores": [0.3, 0.7] }),
        json!({ "logits": [0.3, 0.7] }),
        json!({ "probabilities": [0.9, 0.8] }),
        json!({ "boxes": [[1, 2, 3, 4]], "labels": ["cat"], "scores": [1.0] }),
        boxed.clone(),
        json!([boxed, boxed]),
        json!([{ "label": "toxic", "score": 0.9 }, { "label": "insult", "score": 0.8 }]),
        json!([{ "entity_group": "PER", "score": 0.99, "word": "Ada", "start": 0, "end": 3 }]),
        json!({ "embedding": [0.1, 0.2] }),
    ] {
        let record = only(&json!({ "predictions": [prediction] }));
        assert_eq!((record.task, record.status), (Task::Raw, Status::Success), "{prediction}");
    }
    for (outputs, rows) in [
        (json!([tensor("y", &json!([1]), "INT64", &json!([7]))]), 1),
        (json!([tensor("y", &json!([]), "FP32", &json!([7.5]))]), 1),
        (json!([tensor("y", &json!([2]), "FP32", &json!([1.5, null]))]), 2),
        (json!([tensor("y", &json!([1, 2]), "FP32", &json!([0.25, 0.75]))]), 1),
        (json!([tensor("y", &json!([1, 2, 2]), "FP32", &json!([1.0, 2.0, 3.0, 4.0]))]), 1),
        (json!([tensor("probabilities", &json!([1, 2]), "FP32", &json!([0.75, 0.75]))]), 1),
    ] {
        let records = pair(None, &response(&json!({ "model_name": "m", "outputs": outputs }))).unwrap();
        assert_eq!(records.len(), rows, "{outputs}");
        assert!(records.iter().all(|record| record.task == Task::Raw), "{outputs}");
    }
    let generated = json!({ "object": "chat.completion", "choices": [{ "message": { "content": "hello" } }] });
    let embedded = json!({ "object": "list", "data": [{ "embedding": [0.1] }, { "embedding": [0.2] }] });
    for (body, rows) in [(generated, 1), (embedded, 2)] {
        let records = pair(None, &response(&body)).unwrap();
        assert_eq!((records.len(), records[0].task), (rows, Task::Raw), "{body}");
    }
}

#[test]
fn what_holds_no_prediction_is_said() {
    let without_data =
        json!({ "name": "y", "shape": [1], "datatype": "FP32", "parameters": { "binary_data_size": 4 } });
    for body in [
        json!({}),
        json!([1, 2]),
        json!(7),
        json!({ "nothing": 1 }),
        json!({ "predictions": 1 }),
        json!({ "outputs": [] }),
        json!({ "outputs": [without_data] }),
        json!({ "outputs": [tensor("y", &json!([2, 2]), "FP32", &json!([1.0]))] }),
        json!({ "outputs": [tensor("y", &json!([u64::MAX, u64::MAX]), "FP32", &json!([1.0]))] }),
    ] {
        let problem = pair(None, &response(&body));
        assert!(matches!(problem, Err(EventError::Payload(_))), "{body}: {problem:?}");
    }
    let different = json!([
        tensor("label", &json!([2]), "INT64", &json!([0, 1])),
        tensor("probabilities", &json!([3, 2]), "FP32", &json!([0.5, 0.5, 0.5, 0.5, 0.5, 0.5])),
    ]);
    assert_eq!(pair(None, &response(&json!({ "outputs": different }))), Err(EventError::RowsDiffer));
    let many = response(&json!({ "predictions": vec![1; MAX_ROWS + 1] }));
    assert_eq!(pair(None, &many), Err(EventError::TooManyRows));
}
