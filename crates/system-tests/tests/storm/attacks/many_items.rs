//! Tiny requests of many items, each of which is refused.

use std::io;

use fastrand::Rng;

use crate::aim::{Aim, post};

const REQUESTS: usize = 50;
const ITEMS: usize = 64;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let empty = vec![""; ITEMS];
    let bodies = [
        serde_json::json!({ "images": empty }),
        serde_json::json!({ "images": empty, "model": "surface" }),
        serde_json::json!({ "rows": vec![serde_json::json!({}); ITEMS], "model": "tumour" }),
        serde_json::json!({ "inputs": vec![serde_json::json!([]); ITEMS] }),
    ];
    let body = bodies[random.usize(..bodies.len())].to_string();
    for _ in 0..random.usize(1..=REQUESTS) {
        aim.send(aim.inference, &post("/predict", "application/json", "", body.as_bytes()), random).await?;
    }
    Ok(())
}
