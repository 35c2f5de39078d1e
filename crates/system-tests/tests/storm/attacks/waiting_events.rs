//! Events that announce answers which never come.

use std::io;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::aim::{Aim, post};

const EVENTS: usize = 500;

pub(crate) async fn strike(aim: &Aim, random: &mut Rng) -> io::Result<()> {
    let first = random.u32(..);
    let event = |number: usize| {
        json!({
            "specversion": "1.0", "id": format!("never-{first}-{number}"), "source": "junk",
            "type": "org.kubeflow.serving.inference.request", "inferenceservicename": "junk",
            "datacontenttype": "application/json", "data": { "instances": [[0.5]] },
        })
    };
    let body = Value::from((0..EVENTS).map(event).collect::<Vec<_>>()).to_string();
    aim.send(aim.logging, &post("/cloudevents", "application/cloudevents-batch+json", "", body.as_bytes()), random)
        .await
}
