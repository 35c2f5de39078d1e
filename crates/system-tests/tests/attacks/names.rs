//! Names that nobody uses, each of which has counts of its own.

use std::net::SocketAddr;

use serde_json::{Value, json};
use testkit::{HttpRequest, Service, alone};

use super::besieged::Besieged;

/// Records of one request.
const RECORDS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn models_that_nobody_has() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log of models that nobody has").await else { return };
    let named = |number| json!({ "model": format!("-{number}"), "label": "a", "confidence": 0.5 });
    besieged.withstands(async |service| fill(service, named).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_nobody_has() {
    let _alone = alone().await;
    let Some(besieged) = Besieged::logging("a log of files that nobody has").await else { return };
    let named = |number| {
        let digest = format!("{number:064x}");
        json!({ "model": "m", "model_sha256": digest, "label": "a", "confidence": 0.5 })
    };
    besieged.withstands(async |service| fill(service, named).await).await;
}

/// Stores records that have each a name of its own, and asks about all of them, for ever.
async fn fill(service: &Service, named: impl Fn(usize) -> Value) {
    let asked =
        ["/quality?window=24h", "/drift?window=24h", "/stats?window=24h"].map(|path| ask(service.address, path));
    for first in (0..).step_by(RECORDS) {
        let records: Vec<Value> = (first..first + RECORDS).map(&named).collect();
        let request = HttpRequest::post("/log", Value::from(records).to_string());
        // Refused or not, the next ones are sent.
        let _ = request.header("content-type", "application/json").send(service.address).await;
        if asked.iter().all(tokio::task::JoinHandle::is_finished) {
            break;
        }
    }
}

fn ask(address: SocketAddr, path: &'static str) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let _ = HttpRequest::get(path).send(address).await;
        }
    })
}
