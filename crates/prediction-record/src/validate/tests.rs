#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn field_refused(change: impl FnOnce(&mut Value)) -> Option<String> {
    let mut record = json!({ "model": "cifar10", "label": "cat", "confidence": 0.93 });
    change(&mut record);
    let record: PredictionRecord = serde_json::from_value(record).unwrap();
    record.validate().err().map(|invalid| invalid.field)
}

#[test]
fn the_smallest_records_are_valid() {
    assert_eq!(field_refused(|_| {}), None);
    let failed: PredictionRecord = serde_json::from_value(json!({ "model": "m", "status": "error" })).unwrap();
    assert_eq!(failed.validate(), Ok(()));
}

#[test]
fn a_task_says_what_belongs_to_a_record() {
    let refused = |record: Value| {
        let record: PredictionRecord = serde_json::from_value(record).unwrap();
        record.validate().err().map(|invalid| invalid.field)
    };
    for valid in [
        json!({ "model": "m", "task": "regression", "value": -1.5 }),
        json!({ "model": "m", "task": "raw" }),
        json!({ "model": "m", "task": "regression", "status": "error" }),
        json!({ "model": "m", "label": "cat", "confidence": 0.5, "value": 2.0 }),
    ] {
        assert_eq!(refused(valid.clone()), None, "{valid}");
    }
    for (field, invalid) in [
        ("value", json!({ "model": "m", "task": "regression" })),
        ("label", json!({ "model": "m", "task": "raw", "label": "cat" })),
        ("label", json!({ "model": "m", "task": "raw", "confidence": 0.5 })),
        ("label", json!({ "model": "m", "task": "regression", "value": 1.0, "defect": true })),
        ("label", json!({ "model": "m", "task": "raw", "top": [{ "label": "a", "confidence": 1.0 }] })),
        ("error_type", json!({ "model": "m", "task": "raw", "error_type": "internal" })),
    ] {
        assert_eq!(refused(invalid.clone()).as_deref(), Some(field), "{invalid}");
    }
}

#[test]
fn the_field_at_fault_is_named() {
    let set = |field: &'static str, value: Value| field_refused(move |record| record[field] = value);
    for (field, value) in [
        ("model", json!("")),
        ("model", json!("two words")),
        ("model", json!("m".repeat(MAX_NAME_CHARS + 1))),
        ("version", json!("1/2")),
        ("request_id", json!("line\nend")),
        ("label", json!("l".repeat(MAX_LABEL_CHARS + 1))),
        ("label", Value::Null),
        ("confidence", json!(1.01)),
        ("confidence", json!(-0.01)),
        ("error_type", json!("internal")),
        ("model_sha256", json!("ABC")),
        ("trace_id", json!("0".repeat(31))),
        ("latency_seconds", json!(-1.0)),
        ("variant", json!("")),
        ("variant", json!("can/ary")),
        ("span_id", json!("0".repeat(32))),
        ("input_sha256", json!("A".repeat(64))),
    ] {
        assert_eq!(set(field, value.clone()).as_deref(), Some(field), "{value}");
    }
    let second = json!([{ "label": "a", "confidence": 1.0 }, { "label": "b", "confidence": 2.0 }]);
    assert_eq!(set("top", second).as_deref(), Some("top[1].confidence"));
    assert_eq!(set("mystery", json!("x".repeat(MAX_EXTRA_BYTES))).as_deref(), Some("mystery"));
}

#[test]
fn the_fault_within_an_input_is_named() {
    let with = |field: &str, value: Value| {
        let mut input = json!({
            "width": 32, "height": 32, "brightness": 0.5, "contrast": 0.25, "sharpness": 0.01,
            "mean": [0.5, 0.5, 0.5], "std": [0.1, 0.2, 0.3],
        });
        input[field] = value;
        field_refused(|record| record["input"] = input)
    };
    for (field, value, refused) in [
        ("width", json!(0), Some("input.width")),
        ("height", json!(0), Some("input.height")),
        ("mean", json!([]), Some("input.mean")),
        ("mean", json!([0.5]), Some("input.std")),
        ("std", json!([0.1, 0.2, 0.3, 0.4, 0.5]), Some("input.std")),
        ("std", json!([0.1, -0.2, 0.3]), Some("input.std[1]")),
        ("contrast", json!(-0.1), Some("input.contrast")),
        ("sharpness", json!(-0.1), Some("input.sharpness")),
        // Not a picture, but a tensor may be anything.
        ("brightness", json!(-7.5), None),
        ("mean", json!([-1.0, 2.0, 0.0]), None),
        ("width", json!(1), None),
    ] {
        assert_eq!(with(field, value.clone()).as_deref(), refused, "{field} {value}");
    }
    let endless = InputSummary { width: 1, height: 1, mean: vec![f64::NAN], std: vec![0.0], ..Default::default() };
    assert_eq!(endless.validate().unwrap_err().field, "input.mean[0]");
}

proptest! {
    #[test]
    fn what_is_not_known_comes_back_as_it_was(name in "x_[a-z]{1,8}", value in any::<i32>(), confidence in 0.0..=1.0) {
        let mut sent = json!({ "model": "m", "label": "l", "confidence": confidence });
        sent[&name] = json!(value);
        let record: PredictionRecord = serde_json::from_value(sent).unwrap();
        prop_assert_eq!(record.validate(), Ok(()));
        let back: PredictionRecord = serde_json::from_value(serde_json::to_value(&record).unwrap()).unwrap();
        prop_assert_eq!(&back.extra[&name], &json!(value));
        prop_assert_eq!(back, record);
    }
}
