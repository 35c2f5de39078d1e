//! Proves what the spool promises where its disk does not do its duty, or the logging service stays away: predictions go
//! on, and every answered one is stored exactly once, except for as many as the books count as dropped. The books balance at
//! every scrape.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod damage;
mod disks;
mod policies;

use std::time::Duration;

use testkit::{Load, Pair, RunningLoad, Shot, ShotOutcome, pictures, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// Predictions from several clients, until told to stop.
fn steady_load(pair: &Pair) -> RunningLoad {
    let examples = pictures("surface");
    let load = Load::open(3, 300.0);
    load.start(&pair.inference, move |number| Shot::picture("surface", &examples[number % examples.len()]))
}

/// That many predictions, one after the other.
async fn predictions(pair: &Pair, requests: usize) -> Vec<ShotOutcome> {
    let examples = pictures("surface");
    let load = Load::closed(1).requests(requests);
    load.run(&pair.inference, move |number| Shot::picture("surface", &examples[number % examples.len()])).await
}

/// Waits until that many more are answered.
async fn answered(load: &RunningLoad, more: usize) {
    let enough = load.answered() + more;
    wait_until("predictions are answered", PATIENCE, async || load.answered() >= enough).await;
}

/// Waits until the disk takes records as asked, or does not.
async fn spool_becomes(pair: &Pair, available: bool) {
    let what = if available { "the spool works again" } else { "the spool is found not to work" };
    wait_until(what, PATIENCE, async || is_available(pair).await == available).await;
}

async fn is_available(pair: &Pair) -> bool {
    pair.inference.metrics().await.count("prediction_log_spool_available", &[]) == 1
}

fn assert_all_answered(outcomes: &[ShotOutcome]) {
    let failed = outcomes.iter().find(|outcome| outcome.status() != Some(200));
    assert!(failed.is_none(), "a prediction failed: {:?}", failed.map(|outcome| &outcome.answer));
}
