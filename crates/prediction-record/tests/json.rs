//! A record's JSON, read and written: nothing is lost, and what cannot be read says which field it is.
#![allow(clippy::unwrap_used)]

use prediction_record::{FeatureValue, InputSummary, PredictionRecord, Score, Status, Task};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

fn refusal(json: &str) -> String {
    serde_json::from_str::<PredictionRecord>(json).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_read_says_why() {
    for (json, says) in [
        (r#"{"label":"cat"}"#, "missing field `model`"),
        (r#"{"model":"a","label":"x","label":"y"}"#, "duplicate field `label`"),
        (r#"{"model":7}"#, "invalid type: integer `7`, expected a string"),
        (r#"{"model":"a","class":1.5}"#, "invalid value: floating point `1.5`, expected a whole number"),
        (r#"{"model":"a","status":"fine"}"#, "unknown variant `fine`, expected `success` or `error`"),
        (r#"{"model":"a","input":{"width":1}}"#, "missing field `height`"),
        (r#"{"model":"a","top":[{"label":"x"}]}"#, "missing field `confidence`"),
        ("[]", "invalid type: sequence, expected an object"),
        ("7", "invalid type: integer `7`, expected an object"),
    ] {
        assert!(refusal(json).starts_with(says), "{json}: {}", refusal(json));
    }
}

#[test]
fn null_is_absent_and_absent_is_left_out() {
    let json = r#"{"model":"a","class":null,"input":null,"variant":null,"mystery":null}"#;
    let record: PredictionRecord = serde_json::from_str(json).unwrap();
    assert_eq!(
        serde_json::to_string(&record).unwrap(),
        r#"{"row_index":0,"model":"a","status":"success","defect":false,"mystery":null}"#
    );
}

#[test]
fn a_record_lies_flat_within_another_struct() {
    #[derive(Serialize, Deserialize)]
    struct Stored {
        #[serde(flatten)]
        record: PredictionRecord,
        recorded_at: String,
    }
    let record: PredictionRecord = serde_json::from_str(r#"{"model":"a","label":"cat","mystery":1}"#).unwrap();
    let text = serde_json::to_string(&Stored { record: record.clone(), recorded_at: "now".to_owned() }).unwrap();
    let back: Stored = serde_json::from_str(&text).unwrap();
    assert_eq!((back.record, back.recorded_at.as_str()), (record, "now"));
}

fn summaries() -> impl Strategy<Value = InputSummary> {
    let channels = vec(any::<f32>().prop_filter("finite", |number| number.is_finite()).prop_map(f64::from), 1..4);
    (any::<u32>(), any::<u32>(), channels).prop_map(|(width, height, mean)| InputSummary {
        width,
        height,
        brightness: mean[0],
        contrast: 0.25,
        sharpness: 0.5,
        std: vec![0.5; mean.len()],
        mean,
    })
}

fn scores() -> impl Strategy<Value = Score> {
    (".{0,8}", of(any::<u32>()), 0.0..=1.0).prop_map(|(label, class, confidence)| Score { label, class, confidence })
}

fn features() -> impl Strategy<Value = FeatureValue> {
    prop_oneof![
        (-1e9..1e9).prop_map(FeatureValue::Number),
        ".{0,8}".prop_map(FeatureValue::Category),
        Just(FeatureValue::Missing),
    ]
}

prop_compose! {
    fn records()(
        (event_id, request_id, occurred_at) in (of(any::<u128>()), of(".{0,8}"), of(-1_000_000_000_i64..4_000_000_000)),
        (model, version, variant) in ("[a-z]{1,8}", of("[0-9]{1,3}"), of("[a-z]{1,8}")),
        (failed, label, class, confidence) in (any::<bool>(), of(".{0,8}"), of(any::<u32>()), of(0.0..=1.0)),
        (row_index, defect, top) in (any::<u32>(), any::<bool>(), vec(scores(), 0..4)),
        (latency_seconds, queue_seconds) in (of(0.0..100.0), of(0.0..1e-3)),
        (span_id, input_sha256, input) in (of("[0-9a-f]{16}"), of("[0-9a-f]{64}"), of(summaries())),
        features in btree_map(".{0,8}", features(), 0..4),
        extra in vec(("x_[a-z]{1,4}", any::<i32>()), 0..4),
    ) -> PredictionRecord {
        PredictionRecord {
            event_id: event_id.map(Uuid::from_u128),
            request_id,
            row_index,
            items: class,
            occurred_at: occurred_at.map(|second| jiff::Timestamp::from_second(second).unwrap()),
            model,
            version,
            model_sha256: input_sha256.clone(),
            variant,
            status: if failed { Status::Error } else { Status::Success },
            error_type: failed.then(|| "internal".to_owned()),
            label,
            class,
            confidence,
            task: if defect { Task::Raw } else { Task::Classification },
            value: latency_seconds,
            defect,
            top,
            latency_seconds,
            decode_seconds: None,
            queue_seconds,
            inference_seconds: latency_seconds,
            trace_id: span_id.clone(),
            span_id,
            input_sha256,
            input,
            schema_version: class,
            counted_features: features.clone().into_iter().collect(),
            tags: features.keys().map(|name| (name.clone(), name.clone())).collect(),
            features: features.into_iter().collect(),
            extra: extra.into_iter().map(|(name, value)| (name, json!({ "nested": [value, null] }))).collect(),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(record in records()) {
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(&serde_json::from_str::<PredictionRecord>(&text).unwrap(), &record);
        prop_assert_eq!(&serde_json::from_slice::<PredictionRecord>(text.as_bytes()).unwrap(), &record);
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&serde_json::from_value::<PredictionRecord>(value).unwrap(), &record);
    }
}
