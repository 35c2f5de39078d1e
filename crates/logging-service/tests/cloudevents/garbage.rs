//! No body makes the service panic, and every record that is made is valid.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use logging_service::cloudevents;
use prediction_record::ModelDeclaration;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{declaration, headers, response};

fn json_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("predictions"),
        Just("outputs"),
        Just("shape"),
        Just("data"),
        Just("datatype"),
        Just("label"),
        Just("class"),
        Just("score"),
        Just("probabilities"),
        Just("instances"),
        Just("inputs"),
        Just("parameters"),
        Just("binary_data_size"),
        Just("BYTES"),
        Just("FP32"),
        Just("error"),
        Just("data_base64"),
        Just("specversion"),
        Just("1.0"),
        Just("id"),
        Just("type"),
        Just("source"),
        Just(""),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..4_u64).prop_map(Value::from),
        word.clone().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((word.clone(), inner), 0..6)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// What may be declared of the model: nothing, or each task.
fn declarations() -> Vec<ModelDeclaration> {
    let features = json!([{ "name": "a", "kind": "number" }, { "name": "b", "kind": "category", "keep": false }]);
    ["classification", "regression", "raw"]
        .into_iter()
        .map(|task| declaration(json!({ "task": task, "labels": ["no", "yes"], "features": features })))
        .chain([ModelDeclaration::default()])
        .collect()
}

fn nothing_panics(headers: &HeaderMap, body: &[u8]) {
    for event in cloudevents::parse(headers, body).unwrap_or_default().into_iter().flatten() {
        for declared in declarations() {
            let event = event.clone().with_features(&declared);
            for record in cloudevents::pair(None, &event, &declared).unwrap_or_default() {
                record.validate().unwrap();
            }
        }
    }
}

proptest! {
    #[test]
    fn bytes_never_panic(body in vec(any::<u8>(), 0..200), gzip in any::<bool>(), form in 0..4) {
        let body = if gzip { [&[0x1f, 0x8b, 8][..], &body].concat() } else { body };
        let mut headers = headers(if form == 3 { "request" } else { "response" }, "2026-03-01T10:00:00Z");
        let json = ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"];
        headers.insert("content-type", HeaderValue::from_static(json[form as usize % 3]));
        nothing_panics(&headers, &body);
    }

    #[test]
    fn attributes_never_panic(name in "ce-(id|source|time|type|specversion|endpoint)", value in vec(32..=255_u8, 0..40)) {
        let mut headers = headers("response", "2026-03-01T10:00:00Z");
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.insert(HeaderName::try_from(name).unwrap(), value);
        }
        nothing_panics(&headers, br#"{"predictions": [1]}"#);
    }

    #[test]
    fn any_json_is_an_answer_or_an_error(value in json_value(), kind in 0..4) {
        let body = match kind {
            0 => json!({ "predictions": value }),
            1 => json!({ "predictions": [value] }),
            2 => json!({ "outputs": [{ "name": "y", "shape": [1, 2], "datatype": "FP32", "data": value }] }),
            _ => value,
        };
        for declared in declarations() {
            for record in cloudevents::pair(None, &response(&body), &declared).unwrap_or_default() {
                prop_assert_eq!(record.validate(), Ok(()));
            }
        }
        let headers = HeaderMap::from_iter([(
            "content-type".parse().unwrap(),
            "application/cloudevents+json".parse().unwrap(),
        )]);
        nothing_panics(&headers, body.to_string().as_bytes());
    }
}
