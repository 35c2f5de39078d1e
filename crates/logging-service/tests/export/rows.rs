//! Rows to export, and rows made again from the cells of a table.

use std::ops::Range;

use jiff::Timestamp;
use logging_service::store::StoredPrediction;
use prediction_record::{FeatureValue, FeatureValues, InputSummary, PredictionRecord, Score, Status, Tags, Task};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const JSON: [&str; 6] = ["top", "features", "tags", "extra", "input_mean", "input_std"];
const PLAIN: [&str; 16] = [
    "value",
    "items",
    "row_index",
    "class",
    "confidence",
    "defect",
    "latency_seconds",
    "decode_seconds",
    "queue_seconds",
    "inference_seconds",
    "schema_version",
    "input_width",
    "input_height",
    "input_brightness",
    "input_contrast",
    "input_sharpness",
];

/// The JSON value of a cell's text.
pub(crate) fn typed(name: &str, cell: &str) -> Value {
    if PLAIN.contains(&name) { serde_json::from_str(cell).unwrap() } else { json!(cell) }
}

/// Makes a row of its cells, in which lists and objects are JSON text.
pub(crate) fn from_cells(mut cells: Map<String, Value>) -> StoredPrediction {
    cells.retain(|_, value| !value.is_null());
    for name in JSON {
        if let Some(cell) = cells.get_mut(name) {
            *cell = serde_json::from_str(cell.as_str().unwrap()).unwrap();
        }
    }
    let recorded_at = serde_json::from_value(cells.remove("recorded_at").unwrap()).unwrap();
    let mut input = Map::new();
    for part in ["width", "height", "brightness", "contrast", "sharpness", "mean", "std"] {
        input.extend(cells.remove(&format!("input_{part}")).map(|value| (part.to_owned(), value)));
    }
    if !input.is_empty() {
        cells.insert("input".to_owned(), input.into());
    }
    if let Some(Value::Object(extra)) = cells.remove("extra") {
        cells.extend(extra);
    }
    StoredPrediction { record: serde_json::from_value(cells.into()).unwrap(), recorded_at, true_label: None }
}

/// A row in which every field has a value; `error_type` and `label` exclude each other only where a record comes in.
pub(crate) fn full() -> StoredPrediction {
    let record = PredictionRecord {
        event_id: Some(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
        request_id: Some("request".to_owned()),
        row_index: 3,
        items: Some(2),
        occurred_at: Some("2026-01-02T03:04:05.678901Z".parse().unwrap()),
        model: "m".to_owned(),
        version: Some("1".to_owned()),
        model_sha256: Some("a".repeat(64)),
        variant: Some("canary".to_owned()),
        status: Status::Error,
        error_type: Some("internal".to_owned()),
        label: Some("Grüße, \"cat\"\r\n=1+1".to_owned()),
        class: Some(u32::MAX),
        confidence: Some(0.1),
        defect: true,
        top: vec![Score { label: "cat".to_owned(), class: Some(1), confidence: 0.1 }],
        latency_seconds: Some(1e-7),
        decode_seconds: Some(0.0),
        queue_seconds: Some(1e20),
        inference_seconds: Some(0.003),
        trace_id: Some("b".repeat(32)),
        span_id: Some("c".repeat(16)),
        input_sha256: Some("d".repeat(64)),
        input: Some(InputSummary {
            width: 640,
            height: 480,
            brightness: 0.5,
            contrast: 0.25,
            sharpness: 0.01,
            mean: vec![0.1, 0.2, 0.3],
            std: vec![0.1, 0.2, 0.3],
        }),
        task: Task::Regression,
        value: Some(-1.5e-3),
        schema_version: Some(2),
        features: features(),
        counted_features: FeatureValues::new(),
        tags: Tags::from([("region".to_owned(), "eu".to_owned())]),
        extra: Map::from_iter([("note".to_owned(), json!({ "a": [1, null, "x"] }))]),
    };
    StoredPrediction { record, recorded_at: "2026-01-02T03:04:06Z".parse().unwrap(), true_label: None }
}

/// Rows of any shape, in which every optional field may be missing.
pub(crate) fn rows(count: Range<usize>) -> impl Strategy<Value = Vec<StoredPrediction>> {
    vec(row(), count)
}

fn row() -> impl Strategy<Value = StoredPrediction> {
    let ids = (option::of(any::<u128>()), option::of(text()), any::<u32>(), option::of(time()));
    let model = (text(), option::of(text()), option::of(text()), option::of(text()), any::<bool>());
    let said = (option::of(text()), option::of(any::<u32>()), option::of(number()), any::<bool>(), vec(score(), 0..3));
    let rest = (vec(option::of(number()), 5), vec(option::of(text()), 4), option::of(input()), option::of(0..9_u32));
    (ids, model, said, rest, vec(("x_[a-z]{1,4}", text()), 0..3), time()).prop_map(
        |(ids, model, said, (seconds, texts, input, schema_version), extra, recorded_at)| {
            let record = PredictionRecord {
                event_id: ids.0.map(Uuid::from_u128),
                request_id: ids.1,
                row_index: ids.2,
                items: said.1.filter(|items| *items > 1),
                occurred_at: ids.3,
                model: model.0,
                version: model.1,
                model_sha256: model.2,
                variant: model.3,
                status: if model.4 { Status::Success } else { Status::Error },
                label: said.0,
                class: said.1,
                confidence: said.2,
                defect: said.3,
                top: said.4,
                latency_seconds: seconds[0],
                decode_seconds: seconds[1],
                queue_seconds: seconds[2],
                inference_seconds: seconds[3],
                task: if model.4 == said.3 { Task::Classification } else { Task::Raw },
                value: seconds[4],
                error_type: texts[0].clone(),
                trace_id: texts[1].clone(),
                span_id: texts[2].clone(),
                input_sha256: texts[3].clone(),
                input,
                schema_version,
                features: if said.3 { features() } else { FeatureValues::new() },
                counted_features: FeatureValues::new(),
                tags: extra.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                extra: extra.into_iter().map(|(name, value)| (name, json!(value))).collect(),
            };
            StoredPrediction { record, recorded_at, true_label: None }
        },
    )
}

fn features() -> FeatureValues {
    FeatureValues::from([
        ("age".to_owned(), FeatureValue::Number(42.5)),
        ("city, of birth".to_owned(), FeatureValue::Category("\"Paris\"".to_owned())),
        ("income".to_owned(), FeatureValue::Missing),
    ])
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z,;\"'\r\n\t =]{1,12}", "\\PC{1,8}"]
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_000_000_i64).prop_map(|micros| Timestamp::from_microsecond(micros).unwrap())
}

/// A number with so few digits that every JSON parser reads the same number.
fn number() -> impl Strategy<Value = f64> {
    (0..=1_000_000_u32).prop_map(|millionths| f64::from(millionths) / 1e6)
}

fn score() -> impl Strategy<Value = Score> {
    (text(), option::of(any::<u32>()), number()).prop_map(|(label, class, confidence)| Score {
        label,
        class,
        confidence,
    })
}

fn input() -> impl Strategy<Value = InputSummary> {
    (1..5000_u32, 1..5000_u32, vec(number(), 3), vec((number(), number()), 1..4)).prop_map(
        |(width, height, numbers, channels)| {
            let (mean, std) = channels.into_iter().unzip();
            let [brightness, contrast, sharpness] = numbers[..] else { unreachable!("three numbers") };
            InputSummary { width, height, brightness, contrast, sharpness, mean, std }
        },
    )
}
