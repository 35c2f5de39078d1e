//! Predictions as the declared task of their model reads them.

use logging_service::cloudevents::{self, EventError};
use prediction_record::{PredictionRecord, Status, Task};
use serde_json::{Value, json};

use super::payloads::{ReadPrediction, expected, tensor};
use super::{declaration, response};

fn records(declared: Value, body: &Value) -> Vec<PredictionRecord> {
    cloudevents::pair(None, &response(body), &declaration(declared)).unwrap()
}

fn only(declared: &Value, prediction: &Value) -> PredictionRecord {
    let mut records = records(declared.clone(), &json!({ "predictions": [prediction] }));
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[test]
fn a_classification_has_classes_and_the_confidence_that_the_model_gave() {
    let softmax = 1.0 / ((-2.0_f64).exp() + 1.0 + (-1.0_f64).exp());
    let plain = json!({ "task": "classification" });
    let flowers = json!({ "labels": ["rose", "tulip", "daisy"] });
    let loans = json!({ "task": "classification", "labels": ["repaid", "default"], "positive": "default" });
    let probabilities = |confidence| Some((confidence, "probabilities"));
    for (declared, prediction, wanted) in [
        (&plain, json!(3), expected("3", Some(3), None)),
        // One floating-point number is a probability, at its ends too.
        (&plain, json!(1.0), expected("1", Some(1), probabilities(1.0))),
        (&plain, json!(0.0), expected("0", Some(0), probabilities(1.0))),
        (&plain, json!(1), expected("1", Some(1), None)),
        (&plain, json!(-1), expected("-1", None, None)),
        (&plain, json!("rose"), expected("rose", None, None)),
        (&plain, json!(true), expected("true", None, None)),
        (&plain, json!([0.2, 0.7, 0.1]), expected("1", Some(1), probabilities(0.7))),
        (&plain, json!([[0.2, 0.8]]), expected("1", Some(1), probabilities(0.8))),
        (&plain, json!([0.5, 0.5]), expected("0", Some(0), probabilities(0.5))),
        // Sigmoids of several classes: probabilities, though they do not add up to 1.
        (&plain, json!([0.9, 0.8]), expected("0", Some(0), probabilities(0.9))),
        // Nobody says that these are logits.
        (&plain, json!([0.0, 2.0, 1.0]), expected("1", Some(1), None)),
        (&plain, json!({ "logits": [0.0, 2.0, 1.0] }), expected("1", Some(1), Some((softmax, "softmax")))),
        (&plain, json!({ "scores": [0.2, 0.7, 0.1] }), expected("1", Some(1), probabilities(0.7))),
        (&plain, json!({ "prediction": 2 }), expected("2", Some(2), None)),
        (&plain, json!(0.75), expected("1", Some(1), probabilities(0.75))),
        (&flowers, json!(2), expected("daisy", Some(2), None)),
        (&flowers, json!(2.0), expected("daisy", Some(2), None)),
        (&flowers, json!({ "label": 1.0 }), expected("tulip", Some(1), None)),
        (&flowers, json!("tulip"), expected("tulip", Some(1), None)),
        (&flowers, json!([0.2, 0.7, 0.1]), expected("tulip", Some(1), probabilities(0.7))),
        (&flowers, json!({ "class": 2, "confidence": 0.6 }), expected("daisy", Some(2), Some((0.6, "given")))),
        (&loans, json!(0.75), expected("default", Some(1), probabilities(0.75))),
        (&loans, json!([0.25]), expected("repaid", Some(0), probabilities(0.75))),
        (&loans, json!(true), expected("default", Some(1), None)),
        (&loans, json!(1.0), expected("default", Some(1), probabilities(1.0))),
        (&loans, json!([0.0]), expected("repaid", Some(0), probabilities(1.0))),
        (&loans, json!({ "prediction": 1.0 }), expected("default", Some(1), probabilities(1.0))),
        (&loans, json!(1), expected("default", Some(1), None)),
        (&loans, json!({ "class": 1.0 }), expected("default", Some(1), None)),
    ] {
        assert_eq!(ReadPrediction::of(only(declared, &prediction)), wanted, "{declared} {prediction}");
    }
    let top: Vec<String> =
        only(&loans, &json!(0.75)).top.iter().map(|score| format!("{} {}", score.label, score.confidence)).collect();
    assert_eq!(top, ["default 0.75", "repaid 0.25"]);
}

#[test]
fn what_can_be_no_class_of_the_model_is_an_error_of_its_row_alone() {
    let plain = json!({ "task": "classification" });
    let loans = json!({ "labels": ["repaid", "default"] });
    let flowers = json!({ "labels": ["rose", "tulip", "daisy"] });
    for (declared, prediction) in [
        // Nobody says that there are more than two classes, of which this number would be one.
        (&plain, json!(3.0)),
        (&plain, json!(1.5)),
        (&loans, json!(1.5)),
        (&loans, json!(-0.5)),
        (&loans, json!(5)),
        (&loans, json!(-1)),
        (&loans, json!([0.2, 0.3, 0.5])),
        (&loans, json!({ "class": 5 })),
        (&loans, json!({ "label": 0.5 })),
        (&loans, json!({ "probabilities": [0.2, 0.3, 0.5] })),
        (&loans, json!({ "logits": [0.2, 0.3, 0.5] })),
        (&flowers, json!(3)),
        (&flowers, json!(0.5)),
        (&flowers, json!([0.5, 0.5])),
    ] {
        let read = records(declared.clone(), &json!({ "predictions": [prediction, "a word of the model's own"] }));
        assert_eq!(
            (read[0].status, read[0].error_type.as_deref()),
            (Status::Error, Some("unfit_answer")),
            "{prediction}"
        );
        assert_eq!((&read[0].label, read[0].class, read[1].status), (&None, None, Status::Success), "{prediction}");
    }
    let read = |outputs: Value| records(loans.clone(), &json!({ "outputs": outputs }));
    for tensor in [
        tensor("label", &json!([2]), "INT64", &json!([1, 2])),
        tensor("y", &json!([2]), "FP32", &json!([1, 2])),
        tensor("y", &json!([2]), "FP32", &json!([0.25, 1.25])),
    ] {
        let types: Vec<_> = read(json!([tensor])).into_iter().map(|record| record.error_type).collect();
        assert_eq!(types, [None, Some("unfit_answer".to_owned())], "{tensor}");
    }
    let scores = tensor("y", &json!([1, 3]), "FP32", &json!([0.2, 0.3, 0.5]));
    assert_eq!(read(json!([scores]))[0].error_type.as_deref(), Some("unfit_answer"));
}

#[test]
fn the_datatype_of_a_tensor_says_what_its_numbers_are() {
    let classes = json!({ "labels": ["no", "yes"] });
    for (datatype, data, confidences) in [
        ("FP32", json!([1, 0, 0.75]), [Some(1.0), Some(1.0), Some(0.75)]),
        ("FP64", json!([1.0, 0.0, 0.75]), [Some(1.0), Some(1.0), Some(0.75)]),
        ("INT64", json!([1.0, 0.0, 1]), [None; 3]),
        ("INT32", json!([1, 0, 1]), [None; 3]),
        ("BOOL", json!([true, false, true]), [None; 3]),
    ] {
        let body = json!({ "outputs": [tensor("y", &json!([3, 1]), datatype, &data)] });
        let read = records(classes.clone(), &body);
        let labels: Vec<_> = read.iter().map(|record| record.label.as_deref().unwrap()).collect();
        let found: Vec<_> = read.iter().map(|record| record.confidence).collect();
        assert_eq!((labels, found), (vec!["yes", "no", "yes"], confidences.to_vec()), "{datatype}");
    }
}

#[test]
fn a_regression_has_a_number() {
    let declared = json!({ "task": "regression" });
    for (prediction, value) in [
        (json!(3), 3.0),
        (json!(-2.75), -2.75),
        (json!([4.5]), 4.5),
        (json!("1e3"), 1000.0),
        (json!({ "prediction": 0.5 }), 0.5),
        (json!({ "value": [7] }), 7.0),
    ] {
        let record = only(&declared, &prediction);
        assert_eq!((record.task, record.value), (Task::Regression, Some(value)), "{prediction}");
    }
    for prediction in [json!([1.0, 2.0]), json!("dear"), json!(true), json!({ "other": 1 })] {
        assert_eq!(only(&declared, &prediction).task, Task::Raw, "{prediction}");
    }
}

#[test]
fn what_is_not_a_number_is_an_error_of_its_row_alone() {
    for task in ["regression", "classification"] {
        let headers = super::headers("response", "2026-03-01T10:00:00Z");
        let body: &[u8] = match task {
            "regression" => br#"{"predictions": [1.5, NaN, null, -Infinity]}"#,
            _ => br#"{"predictions": [[0.1, 0.9], [NaN, NaN], null, [null, 0.5]]}"#,
        };
        let event = super::parse(&headers, body).unwrap().remove(0);
        let records = cloudevents::pair(None, &event, &declaration(json!({ "task": task }))).unwrap();
        let errors: Vec<Option<&str>> = records.iter().map(|record| record.error_type.as_deref()).collect();
        let not_a_number = Some("not_a_number");
        assert_eq!(errors, [None, not_a_number, not_a_number, not_a_number], "{task}");
        assert_eq!((records[1].status, records[1].row_index), (Status::Error, 1));
    }
}

#[test]
fn tensors_are_read_by_the_task() {
    let scores = tensor("y", &json!([2, 2]), "FP32", &json!([0.25, 0.75, 0.5, 0.5]));
    let labels = tensor("label", &json!([2, 1]), "INT64", &json!([[0], [1]]));
    let values = tensor("y", &json!([2]), "FP64", &json!([1.5, null]));
    let logits = tensor("logits", &json!([1, 2]), "FP32", &json!([0.0, 0.0]));
    let classes = json!({ "task": "classification", "labels": ["no", "yes"] });
    let read = |outputs: Value| -> Vec<ReadPrediction> {
        records(classes.clone(), &json!({ "outputs": outputs })).into_iter().map(ReadPrediction::of).collect()
    };
    let probabilities = |confidence| Some((confidence, "probabilities"));
    let wanted = [expected("yes", Some(1), probabilities(0.75)), expected("no", Some(0), probabilities(0.5))];
    assert_eq!(read(json!([scores])), wanted);
    let wanted = [expected("no", Some(0), probabilities(0.25)), expected("yes", Some(1), probabilities(0.5))];
    assert_eq!(read(json!([labels, scores])), wanted);
    assert_eq!(read(json!([labels])), [expected("no", Some(0), None), expected("yes", Some(1), None)]);
    assert_eq!(read(json!([logits])), [expected("no", Some(0), Some((0.5, "softmax")))]);
    let numbers = records(json!({ "task": "regression" }), &json!({ "outputs": [values] }));
    assert_eq!((numbers[0].value, numbers[1].error_type.as_deref()), (Some(1.5), Some("not_a_number")));
    let raw = json!({ "task": "raw" });
    assert_eq!(records(raw.clone(), &json!({ "outputs": [scores, values] })).len(), 2);
    let boxes = tensor("boxes", &json!([3, 4]), "FP32", &json!(vec![0.5; 12]));
    assert_eq!(records(raw, &json!({ "outputs": [boxes, values] })).len(), 1);
    let different = response(&json!({ "outputs": [labels, tensor("p", &json!([1, 2]), "FP32", &json!([0.5, 0.5]))] }));
    assert_eq!(cloudevents::pair(None, &different, &declaration(classes)), Err(EventError::RowsDiffer));
}

#[test]
fn a_text_is_no_class_of_a_regression_and_no_value_is_kept_of_raw_answers() {
    for prediction in [json!("rose"), json!(1.5), json!({ "label": "rose", "score": 0.5 })] {
        let record = only(&json!({ "task": "raw" }), &prediction);
        assert_eq!((record.task, record.value, record.label), (Task::Raw, None, None));
    }
}
