//! A thousand revisions of one label, or labels of thousands of requests that nobody made.

use std::io;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::aim::{Aim, post};

const LABELS: usize = 1_000;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let (kind, first) = (random.u8(..3), random.u32(..1_000_000));
    let label = |number: usize| match kind {
        0 => json!({ "request_id": "hot", "label": "x", "revision": first as usize + number }),
        1 => json!({ "request_id": "hot", "row_index": number, "label": "x", "revision": first }),
        _ => json!({ "request_id": format!("never-{first}-{number}"), "label": "x" }),
    };
    let prediction = json!({ "model": "junk", "label": "x", "confidence": 0.5, "request_id": "hot" }).to_string();
    aim.send(aim.logging, &post("/log", "application/json", "", prediction.as_bytes()), random).await?;
    let body = Value::from((0..LABELS).map(label).collect::<Vec<_>>()).to_string();
    aim.send(aim.logging, &post("/feedback", "application/json", "", body.as_bytes()), random).await
}
