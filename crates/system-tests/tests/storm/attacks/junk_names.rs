//! Records that want to fill every set of names with names that nobody uses: models, versions, files, labels, types of errors, tags.

use std::io;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::aim::{Aim, post};

const RECORDS: usize = 200;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let kind = random.u8(..6);
    let record = |_| {
        let name = format!("-{:06x}", random.u32(..0x0100_0000));
        match kind {
            0 => json!({ "model": name, "label": "x", "confidence": 0.5 }),
            1 => json!({ "model": "junk", "version": name, "label": "x", "confidence": 0.5 }),
            2 => json!({ "model": "junk", "label": name, "confidence": 0.5 }),
            3 => json!({ "model": "junk", "status": "error", "error_type": name }),
            4 => json!({ "model": "junk", "model_sha256": format!("{name:0>64}").replace('-', "f"), "label": "x" }),
            _ => json!({ "model": "junk", "label": "x", "features": { &name: 1.0 }, "tags": { &name: name } }),
        }
    };
    let records: Vec<Value> = (0..RECORDS).map(record).collect();
    let body = Value::from(records).to_string();
    aim.send(aim.logging, &post("/log", "application/json", "", body.as_bytes()), random).await
}
