//! Proves that no body breaks a service: thousands of random and mutated ones, and some made to exhaust it, get a
//! clear refusal or an answer; never a 5xx, a panic, a restart, or memory without bound.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod bombs;
mod mutation;
mod predict_bodies;
mod record_bodies;

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;
use testkit::{Launch, Load, Service, Shot, ShotOutcome, alone, assert_is_refusal};

use predict_bodies::PredictBodies;

const PREDICT_BODIES: usize = 10_000;
const RECORD_BODIES: usize = 2_000;
const MEGABYTE: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_bodies_do_not_break_predict() {
    let _alone = alone().await;
    let seed = seed();
    let service = Launch::inference().start().await;
    let bodies = PredictBodies::new();
    let outcomes = fire(&service, PREDICT_BODIES, move |number| bodies.shot(seed + number as u64)).await;

    let metrics = service.metrics().await;
    assert_eq!(metrics.count("prediction_latency_seconds_count", &[]), PREDICT_BODIES as u64);
    let lines = service.log_lines().await;
    let told: Vec<&Value> = lines.iter().filter(|line| line["items"].is_number()).collect();
    // Of a flood of refusals not each has its line.
    let left_out = metrics.count("log_lines_left_out_total", &[]);
    assert_eq!(told.len() as u64 + left_out, PREDICT_BODIES as u64);
    let items = told.iter().map(|line| line["items"].as_u64().unwrap()).sum::<u64>();
    assert!(items <= metrics.count("predictions_total", &[]));
    assert_eq!(metrics.count("prediction_queue_depth", &[]), 0, "a place in the queue is lost");
    unharmed(&service, &outcomes);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_bodies_do_not_break_the_log() {
    let _alone = alone().await;
    let seed = seed();
    let folder = TempDir::new().unwrap();
    let service = Launch::logging(&folder.path().join("predictions.db")).start().await;
    let outcomes = fire(&service, RECORD_BODIES, move |number| record_bodies::shot(seed + number as u64)).await;

    let accepted = outcomes.iter().filter(|outcome| outcome.status() == Some(200));
    let accepted: u64 =
        accepted.map(|outcome| outcome.answer.as_ref().unwrap().json()["accepted"].as_u64().unwrap()).sum();
    let stats = service.get("/stats").await;
    assert_eq!((stats.status, &stats.json()["total"]["predictions"]), (200, &accepted.into()));
    assert_eq!(readable_rows(&service).await, accepted, "what was stored can be read");
    unharmed(&service, &outcomes);
}

/// From the environment variable `SEED`, to repeat a run, or by chance.
fn seed() -> u64 {
    let chosen = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = chosen.unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    eprintln!("to repeat this run: SEED={seed}");
    seed
}

/// Sends that many bodies; each gets an answer that is no 5xx, and if it is a refusal, one in the right shape.
async fn fire(
    service: &Service,
    requests: usize,
    shot: impl Fn(usize) -> Shot + Send + Sync + 'static,
) -> Vec<ShotOutcome> {
    let load = Load::closed(4).requests(requests);
    let outcomes = load.run(service, shot).await;
    assert_eq!(outcomes.len(), requests);
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for ShotOutcome { shot, answer, .. } in &outcomes {
        let answer = answer.as_ref().unwrap_or_else(|failure| panic!("{failure:?} to {shot:?}"));
        assert!(answer.status < 500, "{} {} to {shot:?}", answer.status, answer.text());
        if answer.status != 200 {
            assert_is_refusal(answer);
        }
        *statuses.entry(answer.status).or_default() += 1;
    }
    eprintln!("answers by status: {statuses:?}");
    for status in [200, 400, 415, 422] {
        assert!(statuses.contains_key(&status), "the bodies are not as varied as they should be: {statuses:?}");
    }
    outcomes
}

/// The service has neither panicked nor taken much memory.
fn unharmed(service: &Service, outcomes: &[ShotOutcome]) {
    assert_eq!(service.stderr(), "");
    assert!(!service.log().contains("panic"), "it panicked");
    let peak = service.peak_resident_bytes();
    eprintln!("{:.1} MB of memory at most, after {} requests", peak as f64 / MEGABYTE as f64, outcomes.len());
    assert!(peak < 300 * MEGABYTE, "{peak} bytes");
}

/// Pages through everything that is stored.
async fn readable_rows(service: &Service) -> u64 {
    let (mut rows, mut cursor) = (0, String::new());
    loop {
        let page = service.get(&format!("/predictions?limit=1000{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        rows += page["predictions"].as_array().unwrap().len() as u64;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}
