//! The declared features of requests become those of their records.

use axum::http::HeaderMap;
use logging_service::cloudevents::{self, CloudEvent};
use prediction_record::{
    FeatureValue, FeatureValues, ModelDeclaration, PredictionRecord, number_bin, number_bin_middle,
};
use serde_json::{Value, json};

use super::{declaration, headers, response};

fn declared() -> ModelDeclaration {
    declaration(json!({ "task": "regression", "features": [
        { "name": "age", "kind": "number" },
        { "name": "city", "kind": "category" },
        { "name": "income", "kind": "number", "optional": true, "keep": false },
    ] }))
}

/// The records of a request with these bytes, whose answers are numbers.
fn records(headers: &HeaderMap, body: &[u8], rows: usize) -> Vec<PredictionRecord> {
    let parsed = cloudevents::parse(headers, body).unwrap().remove(0).unwrap();
    let event = parsed.with_features(&declared());
    // It waits in the database as text.
    let text = event.to_json().unwrap();
    assert!(!text.contains("1234.5"), "the number that may not be kept is in {text}");
    let event = CloudEvent::from_json(&text).unwrap();
    let answer = response(&json!({ "predictions": vec![0.5; rows] }));
    cloudevents::pair(Some(&event), &answer, &declared()).unwrap()
}

fn asked(body: &Value, rows: usize) -> Vec<PredictionRecord> {
    records(&headers("request", "2026-03-01T10:00:00Z"), body.to_string().as_bytes(), rows)
}

fn kept(age: Option<f64>, city: &str) -> FeatureValues {
    let age = age.map_or(FeatureValue::Missing, FeatureValue::Number);
    FeatureValues::from([("age".to_owned(), age), ("city".to_owned(), FeatureValue::Category(city.to_owned()))])
}

fn check(records: &[PredictionRecord]) {
    assert_eq!(records[0].features, kept(Some(42.0), "Paris"));
    assert_eq!(records[1].features, kept(None, "7"));
    let middle = number_bin_middle(number_bin(1234.5).unwrap());
    assert_eq!(records[0].counted_features["income"], FeatureValue::Number(middle));
    assert_eq!(records[1].counted_features["income"], FeatureValue::Missing);
}

#[test]
fn rows_may_be_objects_lists_or_tensors() {
    check(&asked(
        &json!({ "instances": [
            { "age": 42, "city": "Paris", "income": 1234.5, "name": "not declared" }, { "city": 7, "income": null },
        ] }),
        2,
    ));
    check(&asked(&json!({ "instances": [[42.0, "Paris", 1234.5], [null, 7.0, null]] }), 2));
    check(&asked(
        &json!({ "inputs": [
            { "name": "income", "shape": [2, 1], "datatype": "FP64", "data": [1234.5, null] },
            { "name": "city", "shape": [2], "datatype": "BYTES", "data": ["Paris", "7"] },
            { "name": "age", "shape": [2], "datatype": "FP32", "data": [42.0, null] },
        ] }),
        2,
    ));
    check(&asked(
        &json!({ "inputs": [
            { "name": "x", "shape": [2, 3], "datatype": "FP64", "data": [[42.0, "Paris", 1234.5], [null, 7, null]] },
        ] }),
        2,
    ));
}

#[test]
fn numbers_as_python_writes_them_are_missing() {
    let body = br#"{"instances": [[42.0, "Paris", 1234.5], [NaN, 7, -Infinity]]}"#;
    check(&records(&headers("request", "2026-03-01T10:00:00Z"), body, 2));
}

#[test]
fn binary_tensors_are_features_too() {
    let tensor = json!({ "inputs": [
        { "name": "age", "shape": [2], "datatype": "FP32", "parameters": { "binary_data_size": 8 } },
        { "name": "city", "shape": [2], "datatype": "BYTES", "parameters": { "binary_data_size": 14 } },
        { "name": "income", "shape": [2], "datatype": "FP64", "parameters": { "binary_data_size": 16 } },
    ] });
    let mut body = tensor.to_string().into_bytes();
    let json_length = body.len();
    for number in [42.0_f32, f32::NAN] {
        body.extend(number.to_le_bytes());
    }
    for text in ["Paris", "7"] {
        body.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        body.extend(text.bytes());
    }
    for number in [1234.5_f64, f64::INFINITY] {
        body.extend(number.to_le_bytes());
    }
    let mut headers = headers("request", "2026-03-01T10:00:00Z");
    check(&records(&headers, &body, 2));
    headers.insert("inference-header-content-length", json_length.into());
    check(&records(&headers, &body, 2));
}

#[test]
fn rows_that_do_not_fit_the_answer_or_the_declaration_have_no_features() {
    let two = json!({ "instances": [[42.0, "Paris", 1.0], [1.0, "Rome", 2.0]] });
    assert!(asked(&two, 3).iter().all(|record| record.features.is_empty() && record.counted_features.is_empty()));
    for body in
        [json!({ "instances": [[1.0, 2.0]] }), json!({ "instances": [5] }), json!({ "inputs": [{ "data": 1 }] })]
    {
        assert!(asked(&body, 1)[0].features.is_empty(), "{body}");
    }
    let pixels = json!({ "instances": [vec![vec![0.5; 100]; 100]] });
    assert!(asked(&pixels, 1)[0].features.is_empty());
}

#[test]
fn the_values_of_a_huge_request_are_bounded() {
    let rows = 9_000;
    let declared = declaration(json!({ "task": "regression", "features": (0..20)
        .map(|i| json!({ "name": format!("f{i}"), "kind": "number" })).collect::<Vec<_>>() }));
    let body = json!({ "instances": vec![vec![1; 20]; rows] }).to_string();
    let parsed = cloudevents::parse(&headers("request", "2026-03-01T10:00:00Z"), body.as_bytes()).unwrap().remove(0);
    let event = parsed.unwrap().with_features(&declared);
    let answer = response(&json!({ "predictions": vec![0.5; rows] }));
    let records = cloudevents::pair(Some(&event), &answer, &declared).unwrap();
    assert_eq!(records.iter().filter(|record| !record.features.is_empty()).count(), 5_000);
}
