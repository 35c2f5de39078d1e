//! Proves that the log answers the questions people have about a model, end to end: the real services and the shipped
//! models predict, labels come early, late and revised, the input becomes brighter, everything is exported, events of
//! KServe are taken in, and the database is copied and checked while it is written.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod copies;
mod drift;
mod events;
mod exports;
mod labels;
mod synthetic;

use std::time::Duration;

use serde_json::Value;
use testkit::{Answer, Load, Pair, Picture, Service, Shot, ShotOutcome, alone, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn the_log_answers() {
    let _alone = alone().await;
    // The test would wait half a minute for the next evaluation of the windows.
    let pair = Pair::start_at(
        |places| places,
        |inference, logging| {
            let hourly = logging.flag("--backup-dir=", "backups").flag("--backup-hours=", "0.0005");
            (inference, hourly.flag("--backup-keep=", "2").flag("--evaluate-seconds=", "0.2"))
        },
    )
    .await;
    pair.store_an_old_prediction().await;
    labels::early_late_and_revised(&pair).await;
    drift::brighter_pictures_are_noticed(&pair).await;
    events::a_pair_of_events_is_a_prediction(&pair).await;
    exports::every_row_in_every_format(&pair).await;
    copies::while_it_is_written(&pair).await;
    assert_eq!(pair.logging.stderr(), "");
    let log = testkit::read_log_lines(&pair.logging.log());
    let problems: Vec<_> = log.iter().filter(|line| line["level"] == "ERROR" || line["level"] == "WARN").collect();
    assert!(problems.is_empty(), "{problems:?}");
}

/// Predicts for each picture, from several clients; every one is answered, and stored.
async fn predict(pair: &Pair, model: &'static str, pictures: Vec<Picture>) -> Vec<ShotOutcome> {
    let load = Load::closed(3).requests(pictures.len());
    let outcomes = load.run(&pair.inference, move |number| Shot::picture(model, &pictures[number])).await;
    let failed = outcomes.iter().find(|outcome| outcome.status() != Some(200));
    assert!(failed.is_none(), "a prediction failed: {:?}", failed.map(|outcome| &outcome.answer));
    pair.all_delivered().await;
    outcomes
}

/// A body that must be taken.
async fn post(service: &Service, path: &str, content_type: &str, body: impl Into<String>) -> Value {
    succeeded(service.post(path, content_type, body.into()).await)
}

async fn get(service: &Service, path: &str) -> Value {
    succeeded(service.get(path).await)
}

fn succeeded(answer: Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Waits until a series of the logging service has this value.
async fn metric_becomes(pair: &Pair, name: &str, labels: &[(&str, &str)], value: f64) {
    let mut last = None;
    wait_until(&format!("{name}{labels:?} becomes {value}"), PATIENCE, async || {
        last = pair.logging.metrics().await.find(name, labels);
        last.is_some_and(|found| (found - value).abs() < 1e-9)
    })
    .await;
}
