//! Proves that drift is told end to end, with the real services: a gross change fires an alert in a real Prometheus
//! within minutes; rows of features that are sent to `POST /predict` are what `GET /drift` counts; the demo's normal
//! traffic is no drift of any shipped model, and its episode is one of all of them.
//!
//! As a sample, all of it goes faster than it does in life. `DRIFT_PACE=shipped` makes it take as long as it takes, which
//! is twenty minutes.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod demo;
mod demo_run;
mod example_rows;
mod rows;
mod sudden;
mod table_rows;

use std::env;

use serde_json::Value;
use testkit::{Answer, Pair};

/// Whether the shipped intervals are to be kept, and the shipped rates of the demo.
fn is_at_shipped_pace() -> bool {
    env::var("DRIFT_PACE").is_ok_and(|pace| pace == "shipped")
}

/// What the logging service answers, which must be no refusal.
async fn asked(pair: &Pair, path: &str) -> Value {
    succeeded(&pair.logging.get(path).await)
}

fn succeeded(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The PSI of a feature in a model's entry of `GET /drift`.
fn psi(drift: &Value, feature: &str) -> f64 {
    let features = drift["features"].as_array().unwrap();
    let found = features.iter().find(|found| found["feature"] == feature);
    let statistics = found.unwrap_or_else(|| panic!("no {feature} in {drift}"))["statistics"].as_array().unwrap();
    let psi = statistics.iter().find(|statistic| statistic["statistic"] == "psi").unwrap();
    psi["value"].as_f64().unwrap()
}

/// When the newest prediction was that is stored.
async fn newest(pair: &Pair) -> String {
    let answer = asked(pair, "/predictions?limit=1").await;
    answer["predictions"][0]["occurred_at"].as_str().unwrap().to_owned()
}
