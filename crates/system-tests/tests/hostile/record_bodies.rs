//! Bodies for `POST /log`: records alone, in arrays and in lines, nearly all of them spoilt.

use fastrand::Rng;
use serde_json::{Value, json};
use testkit::Shot;
use uuid::Uuid;

use crate::mutation::{choose, random_bytes, spoil, spoil_member};

const TYPES: [&str; 6] = [
    "application/json",
    "application/x-ndjson",
    "application/json; charset=utf-8",
    "text/plain",
    "image/png",
    "application/jsonl",
];

/// The request of this seed, always the same but for its ids.
pub(crate) fn shot(seed: u64) -> Shot {
    let rng = &mut Rng::with_seed(seed);
    let good = || record(&mut Rng::with_seed(seed));
    match rng.u8(..12) {
        0 => Shot::new("/log", "application/json", good().to_string()),
        1..7 => Shot::new("/log", "application/json", spoil_member(rng, good()).to_string()),
        7 => Shot::new("/log", "application/json", json!([good(), spoil_member(rng, good()), good()]).to_string()),
        8 => {
            let lines = [good(), spoil_member(rng, good()), good()].map(|record| record.to_string());
            Shot::new("/log", "application/x-ndjson", lines.join(choose(rng, &["\n", "\r\n", "\n\n", " "])))
        }
        9 => Shot::new("/log", "application/json", spoil(rng, good().to_string().as_bytes())),
        10 => Shot::new("/log", choose(rng, &TYPES), good().to_string()),
        _ => Shot::new("/log", choose(rng, &TYPES), random_bytes(rng, 2000)),
    }
}

/// A valid record with every field.
fn record(rng: &mut Rng) -> Value {
    json!({
        "event_id": Uuid::now_v7(),
        "request_id": format!("{:x}", rng.u64(..)),
        "row_index": 1,
        "occurred_at": "2026-01-02T03:04:05.000006Z",
        "model": "cifar10",
        "version": "1",
        "model_sha256": "a".repeat(64),
        "status": choose(rng, &["success", "error"]),
        "label": "cat",
        "class": 3,
        "confidence": rng.f64(),
        "defect": rng.bool(),
        "top": [{ "label": "cat", "class": 3, "confidence": 0.5 }],
        "latency_seconds": 0.01,
        "decode_seconds": 0.001,
        "queue_seconds": 0.0,
        "inference_seconds": 0.009,
        "trace_id": "b".repeat(32),
        "schema_version": 1,
        "something_else": { "nested": [1, "two"] },
    })
}
