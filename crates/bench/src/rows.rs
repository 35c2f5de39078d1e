//! Rows to be stored, as the inference service sends them.
//!
//! Rule of thumb: nothing is left out that a real record carries; the same number gives the same rows.

use anyhow::Result;
use fastrand::Rng;
use jiff::Timestamp;
use prediction_record::{FeatureValue, FeatureValues, InputSummary, PredictionRecord, SCHEMA_VERSION, Score, Status};
use uuid::{Builder, Uuid};

const CLASSES: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
/// One of so many predictions fails, and one names a defect.
const RARE: u64 = 100;
/// One of so many records is of the other model.
const OTHER_MODEL: u64 = 50;
/// The part of the rows, at the beginning, that an older version of the model answered.
const OLD_VERSION: f64 = 0.05;
/// When the first prediction was answered, in microseconds since 1970, and how far they lie apart.
const BEGINNING: i64 = 1_790_000_000_000_000;
const APART: i64 = 5_000;

/// How request ids come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestIds {
    /// Any order, as callers that make UUIDv4 send them.
    Random,
    /// Rising with time, as UUIDv7 do.
    Ordered,
}

/// So many rows out of `total`, from the row `first` on: predictions of pictures.
pub(super) fn records(first: usize, count: usize, total: usize, ids: RequestIds) -> Vec<PredictionRecord> {
    let mut rng = Rng::with_seed(first as u64);
    (first..first + count).map(|row| record(row, total, ids, &mut rng)).collect()
}

/// Gives the rows so many declared features, in place of what their pictures looked like.
pub(super) fn with_features(mut records: Vec<PredictionRecord>, features: usize) -> Vec<PredictionRecord> {
    let mut rng = Rng::with_seed(features as u64);
    for record in records.iter_mut().filter(|record| record.status == Status::Success) {
        record.input = None;
        record.features = feature_values(features, &mut rng);
    }
    records
}

/// Gives the rows times of the six hours before theirs, in no order, as spools send them that drain after an outage.
pub(super) fn scattered(mut records: Vec<PredictionRecord>) -> Vec<PredictionRecord> {
    let mut rng = Rng::with_seed(6);
    for record in &mut records {
        let microseconds = BEGINNING - rng.i64(0..6 * 3_600 * 1_000_000);
        let mut random = [0; 10];
        rng.fill(&mut random);
        let id = Builder::from_unix_timestamp_millis(microseconds.unsigned_abs() / 1000, &random).into_uuid();
        record.event_id = Some(id);
        record.occurred_at = Timestamp::from_microsecond(microseconds).ok();
    }
    records
}

/// A row: four of five features are numbers of all sizes, the others are names; one value of fifty is missing.
pub(super) fn feature_values(features: usize, rng: &mut Rng) -> FeatureValues {
    let value = |feature: usize, rng: &mut Rng| match feature % 5 {
        _ if rng.u32(..50) == 0 => FeatureValue::Missing,
        0 => FeatureValue::Category(["red", "green", "blue", "white"][rng.usize(..4)].to_owned()),
        _ => {
            // The sum of twelve is nearly normal, with a deviation of 1.
            let normal = (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
            let scale = 10_f64.powi(i32::try_from(feature % 7).unwrap_or_default() - 2);
            FeatureValue::Number((normal * scale * 1e4).round() / 1e4 + scale)
        }
    };
    (0..features).map(|feature| (format!("feature_{feature:02}"), value(feature, rng))).collect()
}

/// The records as NDJSON.
///
/// # Errors
/// None that a record can cause.
pub(super) fn ndjson(records: &[PredictionRecord]) -> Result<Vec<u8>> {
    let mut lines = Vec::with_capacity(records.len() * 1300);
    for record in records {
        serde_json::to_writer(&mut lines, record)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// When the row `row` was answered, in microseconds since 1970.
pub(super) fn occurred_at(row: usize) -> i64 {
    BEGINNING + APART * i64::try_from(row).unwrap_or_default()
}

/// The request of the row `row`, where requests are in any order.
pub(super) fn random_request_id(row: usize) -> Uuid {
    Builder::from_random_bytes(Rng::with_seed(!(row as u64)).u128(..).to_be_bytes()).into_uuid()
}

fn record(row: usize, total: usize, ids: RequestIds, rng: &mut Rng) -> PredictionRecord {
    let microseconds = occurred_at(row);
    let ordered = |rng: &mut Rng| {
        let mut random = [0; 10];
        rng.fill(&mut random);
        Builder::from_unix_timestamp_millis(microseconds.unsigned_abs() / 1000, &random).into_uuid()
    };
    let request_id = match ids {
        RequestIds::Random => random_request_id(row),
        RequestIds::Ordered => ordered(rng),
    };
    let old = (row as f64) < total as f64 * OLD_VERSION;
    let base = PredictionRecord {
        event_id: Some(ordered(rng)),
        request_id: Some(request_id.to_string()),
        occurred_at: Timestamp::from_microsecond(microseconds).ok(),
        model: if rng.u64(..OTHER_MODEL) == 0 { "surface" } else { "cifar10" }.to_owned(),
        version: Some(if old { "1" } else { "2" }.to_owned()),
        model_sha256: Some(if old { "1f" } else { "2e" }.repeat(32)),
        latency_seconds: Some(0.002 + rng.f64() * 0.004),
        decode_seconds: Some(rng.f64() * 1e-4),
        queue_seconds: Some(rng.f64() * 1e-3),
        inference_seconds: Some(0.002 + rng.f64() * 1e-3),
        trace_id: Some(format!("{:032x}", rng.u128(1..))),
        span_id: Some(format!("{:016x}", rng.u64(1..))),
        input_sha256: Some(format!("{:032x}{:032x}", rng.u128(..), rng.u128(..))),
        schema_version: Some(SCHEMA_VERSION),
        ..PredictionRecord::default()
    };
    if rng.u64(..RARE) == 0 {
        return PredictionRecord { status: Status::Error, error_type: Some("invalid_input".to_owned()), ..base };
    }
    let class = rng.usize(..CLASSES.len());
    let confidence = 1.0 - rng.f64().powi(3) * 0.6;
    let next = |offset: usize, part: f64| Score {
        label: CLASSES[(class + offset) % CLASSES.len()].to_owned(),
        class: u32::try_from((class + offset) % CLASSES.len()).ok(),
        confidence: if offset == 0 { confidence } else { (1.0 - confidence) * part },
    };
    PredictionRecord {
        label: Some(CLASSES[class].to_owned()),
        class: u32::try_from(class).ok(),
        confidence: Some(confidence),
        defect: rng.u64(..RARE) == 0,
        top: vec![next(0, 1.0), next(1, 0.7), next(2, 0.2)],
        input: Some(InputSummary {
            width: 32,
            height: 32,
            brightness: 0.3 + rng.f64() * 0.4,
            contrast: 0.1 + rng.f64() * 0.2,
            sharpness: rng.f64() * 0.1,
            mean: (0..3).map(|_| 0.3 + rng.f64() * 0.4).collect(),
            std: (0..3).map(|_| 0.1 + rng.f64() * 0.2).collect(),
        }),
        ..base
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_row_is_one_that_the_service_takes() {
        for ids in [RequestIds::Random, RequestIds::Ordered] {
            let rows = records(40, 500, 1000, ids);
            assert_eq!(rows, records(40, 500, 1000, ids));
            rows.iter().for_each(|row| row.validate().unwrap());
            let wide = with_features(rows.clone(), 50);
            wide.iter().for_each(|row| row.validate().unwrap());
            assert!(wide.iter().filter(|row| row.features.len() == 50).count() > 450);
            assert!(rows.is_sorted_by_key(|row| row.event_id), "events come in the order of time");
            assert_eq!(rows.is_sorted_by_key(|row| row.request_id.clone()), ids == RequestIds::Ordered);
        }
        assert_eq!(records(7, 1, 1, RequestIds::Random)[0].request_id, Some(random_request_id(7).to_string()));
    }
}
