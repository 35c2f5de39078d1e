//! Predictions in every form of V1 and V2.

use logging_service::cloudevents::{EventError, MAX_ROWS, pair};
use serde_json::{Value, json};

use super::response;

/// What is read of the only row of a response.
#[derive(Debug, PartialEq)]
struct ReadPrediction {
    label: String,
    class: Option<u32>,
    confidence: f64,
    source: String,
}

fn read(body: &Value) -> ReadPrediction {
    let mut records = pair(None, &response(body)).unwrap();
    assert_eq!(records.len(), 1, "{body}");
    let record = records.remove(0);
    let source = record.extra["confidence_source"].as_str().unwrap().to_owned();
    ReadPrediction { label: record.label.unwrap(), class: record.class, confidence: record.confidence.unwrap(), source }
}

fn v1(prediction: Value) -> ReadPrediction {
    read(&json!({ "predictions": [prediction] }))
}

fn expected(label: &str, class: Option<u32>, confidence: f64, source: &str) -> ReadPrediction {
    ReadPrediction { label: label.to_owned(), class, confidence, source: source.to_owned() }
}

#[test]
fn v1_in_every_form() {
    let softmax = 1.0 / ((-2.0_f64).exp() + 1.0 + (-1.0_f64).exp());
    for (prediction, wanted) in [
        (json!(3), expected("3", Some(3), 1.0, "none")),
        (json!(3.0), expected("3", Some(3), 1.0, "none")),
        (json!(-2.75), expected("-2.75", None, 1.0, "none")),
        (json!([4.5]), expected("4.5", None, 1.0, "none")),
        (json!("rose"), expected("rose", None, 1.0, "none")),
        (json!(true), expected("true", None, 1.0, "none")),
        (json!([0.2, 0.7, 0.1]), expected("1", Some(1), 0.7, "probabilities")),
        (json!([[0.2, 0.8]]), expected("1", Some(1), 0.8, "probabilities")),
        (json!([0.0, 2.0, 1.0]), expected("1", Some(1), softmax, "softmax")),
        (json!([0.5, 0.5]), expected("0", Some(0), 0.5, "probabilities")),
        (json!({ "label": "rose", "score": 0.8 }), expected("rose", None, 0.8, "given")),
        (json!({ "class": 2, "confidence": 0.6 }), expected("2", Some(2), 0.6, "given")),
        (json!({ "label": "rose", "class_id": 4 }), expected("rose", Some(4), 1.0, "none")),
        (json!({ "probabilities": [0.3, 0.7] }), expected("1", Some(1), 0.7, "probabilities")),
        (json!({ "class": 0, "probabilities": [0.3, 0.7] }), expected("0", Some(0), 0.3, "probabilities")),
        (json!({ "probabilities": { "rose": 0.9, "tulip": 0.1 } }), expected("rose", None, 0.9, "probabilities")),
        (
            json!([{ "label": "NEG", "score": 0.1 }, { "label": "POS", "score": 0.9 }]),
            expected("POS", None, 0.9, "given"),
        ),
    ] {
        assert_eq!(v1(prediction.clone()), wanted, "{prediction}");
    }
}

fn tensor(shape: &Value, datatype: &str, data: &Value) -> Value {
    json!({ "name": "y", "shape": shape, "datatype": datatype, "data": data })
}

#[test]
fn v2_in_every_form() {
    let scores = tensor(&json!([1, 2]), "FP32", &json!([0.25, 0.75]));
    for (outputs, wanted) in [
        (json!([scores]), expected("1", Some(1), 0.75, "probabilities")),
        (
            json!([tensor(&json!([1, 1, 2]), "FP64", &json!([[[0.25, 0.75]]]))]),
            expected("1", Some(1), 0.75, "probabilities"),
        ),
        (json!([tensor(&json!([1]), "INT64", &json!([7]))]), expected("7", Some(7), 1.0, "none")),
        (json!([tensor(&json!([1, 1]), "BYTES", &json!(["rose"]))]), expected("rose", None, 1.0, "none")),
        (json!([tensor(&json!([1]), "FP32", &json!([1.5]))]), expected("1.5", None, 1.0, "none")),
        (json!([tensor(&json!([1]), "INT64", &json!([0])), scores]), expected("0", Some(0), 0.25, "probabilities")),
    ] {
        assert_eq!(read(&json!({ "model_name": "m", "outputs": outputs })), wanted, "{outputs}");
    }
    let rows = json!([tensor(&json!([2, 3]), "FP32", &json!([0.1, 0.1, 0.8, 0.6, 0.2, 0.2]))]);
    let records = pair(None, &response(&json!({ "outputs": rows }))).unwrap();
    let labels: Vec<_> = records.iter().map(|record| record.label.as_deref().unwrap()).collect();
    assert_eq!(labels, ["2", "0"]);
    let top: Vec<_> = records[0].top.iter().map(|score| score.label.as_str()).collect();
    assert_eq!(top, ["2", "0", "1"]);
}

#[test]
fn what_holds_no_prediction_is_said() {
    for body in [
        json!({}),
        json!([1, 2]),
        json!({ "predictions": [null] }),
        json!({ "predictions": [[1, "a"]] }),
        json!({ "predictions": [""] }),
        json!({ "outputs": [] }),
        json!({ "outputs": [{ "name": "y", "shape": [1], "datatype": "FP32", "parameters": { "binary_data_size": 4 } }] }),
        json!({ "outputs": [tensor(&json!([2, 2]), "FP32", &json!([1.0]))] }),
        json!({ "outputs": [tensor(&json!([u64::MAX, u64::MAX]), "FP32", &json!([1.0]))] }),
        json!({ "outputs": [tensor(&json!([1, 2, 2]), "FP32", &json!([1.0, 2.0, 3.0, 4.0]))] }),
    ] {
        let problem = pair(None, &response(&body));
        assert!(matches!(problem, Err(EventError::Payload(_))), "{body}: {problem:?}");
    }
    let many = response(&json!({ "predictions": vec![1; MAX_ROWS + 1] }));
    assert_eq!(pair(None, &many), Err(EventError::TooManyRows));
}
