//! A response and its request make records, and a replay makes the same records.

use logging_service::cloudevents::{self, EventError};
use serde_json::json;

use super::{ID, declaration, headers, pair, parse, post, request, response};

#[test]
fn a_pair_makes_a_record_for_each_row() {
    let request = request(&json!({ "instances": [[1.0, 2.0], [3.0, 4.0]] }));
    let response = response(&json!({ "predictions": [[0.1, 0.9], [0.8, 0.2]] }));
    let declared = declaration(json!({ "task": "classification" }));
    let records = cloudevents::pair(Some(&request), &response, &declared).unwrap();
    assert_eq!(records.len(), 2);
    for (row, (record, label)) in records.iter().zip(["1", "0"]).enumerate() {
        assert_eq!(record.row_index as usize, row);
        assert_eq!(record.request_id.as_deref(), Some(ID));
        assert_eq!(record.model, "flowers");
        assert_eq!((record.version.as_deref(), record.variant.as_deref()), (Some("canary"), Some("canary")));
        assert_eq!(record.label.as_deref(), Some(label));
        assert_eq!(record.latency_seconds, Some(0.25));
        assert_eq!(record.occurred_at, response.time);
        let extra = json!({
            "namespace": "default", "component": "predictor", "input_shape": [2, 2],
            "confidence_source": "probabilities",
        });
        assert_eq!(json!(record.extra), extra);
    }
}

#[test]
fn ids_are_in_order_of_time_and_the_same_in_a_replay() {
    let answer = response(&json!({ "predictions": [1, 2] }));
    let asked = request(&json!({ "instances": [1, 2] }));
    let ids = |records: Vec<prediction_record::PredictionRecord>| -> Vec<uuid::Uuid> {
        records.iter().map(|record| record.event_id.unwrap()).collect()
    };
    let first = ids(pair(Some(&asked), &answer).unwrap());
    assert_eq!(first, ids(pair(None, &answer).unwrap()), "the request does not matter");
    assert_ne!(first[0], first[1]);
    assert_eq!(first[0].get_version_num(), 7);
    let (seconds, nanos) = first[0].get_timestamp().unwrap().to_unix();
    assert_eq!((seconds as i64, nanos), (answer.time.unwrap().as_second(), 250_000_000));
    let mut elsewhere = headers("response", "2026-03-01T10:00:00.25Z");
    elsewhere.insert("ce-namespace", "staging".parse().unwrap());
    let elsewhere = parse(&elsewhere, br#"{"predictions": [1, 2]}"#).unwrap().remove(0);
    assert_ne!(first[0], ids(pair(None, &elsewhere).unwrap())[0], "another service with the same id");
    assert_eq!(pair(Some(&asked), &elsewhere), Err(EventError::Mismatch));
    assert_eq!(pair(Some(&answer), &asked), Err(EventError::Mismatch));
}

#[test]
fn a_response_alone_makes_a_record_without_latency() {
    let records = pair(None, &response(&json!({ "predictions": ["rose"] }))).unwrap();
    assert_eq!((records.len(), records[0].latency_seconds), (1, None));
    assert!(!records[0].extra.contains_key("input_shape"));
}

#[test]
fn a_clock_that_was_set_gives_no_latency() {
    let late = post("request", "2026-03-01T10:00:01Z", br#"{"instances": [1]}"#).unwrap();
    let records = pair(Some(&late), &response(&json!({ "predictions": [1] }))).unwrap();
    assert_eq!(records[0].latency_seconds, None);
}

#[test]
fn the_model_is_named_as_well_as_can_be() {
    let mut headers = headers("response", "2026-03-01T10:00:00Z");
    headers.remove("ce-inferenceservicename");
    headers.remove("ce-endpoint");
    let record = |headers, body: &[u8]| pair(None, &parse(headers, body).unwrap()[0]).unwrap().remove(0);
    let named = br#"{"model_name": "my model", "model_version": "3", "outputs": [{"name": "y", "shape": [1], "datatype": "INT64", "data": [4]}]}"#;
    let from_body = record(&headers, named);
    assert_eq!((from_body.model.as_str(), from_body.version.as_deref()), ("my-model", Some("3")));
    let from_source = record(&headers, br#"{"predictions": [1]}"#);
    assert_eq!((from_source.model.as_str(), from_source.version), ("http---localhost-9081", None));
}

#[test]
fn a_name_of_which_nothing_may_stand_in_a_record_is_refused() {
    let mut headers = headers("response", "2026-03-01T10:00:00Z");
    headers.insert("ce-inferenceservicename", "%E6%97%A5%E6%9C%AC".parse().unwrap());
    let event = parse(&headers, br#"{"predictions": [1]}"#).unwrap().remove(0);
    let refused = pair(None, &event);
    let names_it = matches!(refused, Err(EventError::InvalidAttribute { name: "inferenceservicename", .. }));
    assert!(names_it, "{refused:?}");
}
