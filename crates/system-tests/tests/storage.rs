//! Proves that the logging service's disk may fill up, or turn read-only, for a while: what was acknowledged is stored,
//! the rest waits in the spool of the inference service, and afterwards nothing is missing and nothing is there twice.
//! The books balance at every scrape.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use testkit::{
    BooksWatch, Disk, Frozen, Load, Pair, Places, RunningLoad, Shot, ShotOutcome, alone, assert_exactly_once,
    assert_is_refusal, pictures, wait_until,
};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// Clients of both services.
struct Clients {
    predicting: RunningLoad,
    posting: RunningLoad,
}

impl Clients {
    fn start(pair: &Pair) -> Self {
        let load = Load::open(2, 150.0);
        let examples = pictures("surface");
        let predicting =
            load.start(&pair.inference, move |number| Shot::picture("surface", &examples[number % examples.len()]));
        let posting = load.start(&pair.logging, |_| {
            let shot = Shot::new("/log", "application/json", "");
            // By the request's id, the record can be found again.
            let record = json!({
                "event_id": Uuid::now_v7(), "request_id": shot.request_id,
                "model": "direct", "label": "cat", "confidence": 0.5,
            });
            Shot { body: record.to_string().into(), ..shot }
        });
        Self { predicting, posting }
    }

    async fn predictions(&self, more: usize) {
        let enough = self.predicting.answered() + more;
        wait_until("predictions are answered", PATIENCE, async || self.predicting.answered() >= enough).await;
    }

    /// Ends both, and holds what they saw against what is stored.
    async fn nothing_is_missing(self, pair: &Pair, watch: BooksWatch) {
        let (predicted, posted) = (self.predicting.stop().await, self.posting.stop().await);
        let books = pair.all_delivered().await;
        let failed = predicted.iter().find(|outcome| outcome.status() != Some(200));
        assert!(failed.is_none(), "a prediction failed: {:?}", failed.map(|outcome| &outcome.answer));
        assert_eq!((books.recorded, books.dropped), (predicted.len() as u64, 0));
        let watched = watch.stop().await;
        assert!(watched.most_spooled >= 200, "{watched:?}");
        let database = pair.database();
        assert_exactly_once(&predicted, &database);
        let refused = count_refused(&posted);
        let acknowledged: Vec<_> = posted.into_iter().filter(|outcome| outcome.status() == Some(200)).collect();
        assert!(!acknowledged.is_empty() && refused > 0, "{} acknowledged, {refused} refused", acknowledged.len());
        eprintln!("{} predictions, {} posts acknowledged, {refused} refused", predicted.len(), acknowledged.len());
        assert_exactly_once(&acknowledged, &database);
        pair.assert_checked();
    }
}

/// How many posts were refused, each with 503.
fn count_refused(posted: &[ShotOutcome]) -> usize {
    let answers = posted.iter().filter_map(|outcome| outcome.answer.as_ref().ok());
    let refusals: Vec<_> = answers.filter(|answer| answer.status != 200).collect();
    for answer in &refusals {
        assert_is_refusal(answer);
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    refusals.len()
}

async fn pair_with_database_in(folder: &Path) -> Pair {
    let database = folder.join("predictions.db");
    let pair = Pair::start_at(|places| Places { database, ..places }, |inference, logging| (inference, logging)).await;
    pair.store_an_old_prediction().await;
    pair
}

async fn database_becomes(pair: &Pair, writable: bool) {
    let what = if writable { "the database works again" } else { "the database is found not to work" };
    wait_until(what, PATIENCE, async || {
        pair.logging.metrics().await.count("logging_db_initialized", &[]) == u64::from(writable)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk() {
    let _alone = alone().await;
    let Some(disk) = Disk::small("64m", "a full disk under the database") else { return };
    let pair = pair_with_database_in(disk.path()).await;
    let watch = BooksWatch::start(&pair.inference);
    let clients = Clients::start(&pair);
    clients.predictions(100).await;
    disk.fill();
    database_becomes(&pair, false).await;
    clients.predictions(400).await;
    assert!(pair.logging.metrics().await.count("logging_write_errors_total", &[]) > 0);
    assert_eq!(pair.logging.get("/health/ready").await.status, 503);
    disk.make_room();
    database_becomes(&pair, true).await;
    clients.predictions(100).await;
    clients.nothing_is_missing(&pair, watch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_the_disk_is_full() {
    let _alone = alone().await;
    let Some(disk) = Disk::small("64m", "a kill while the database's disk is full") else { return };
    let mut pair = pair_with_database_in(disk.path()).await;
    let watch = BooksWatch::start(&pair.inference);
    let clients = Clients::start(&pair);
    clients.predictions(100).await;
    disk.fill();
    database_becomes(&pair, false).await;
    clients.predictions(100).await;
    pair.logging.crash();
    let mut logging = pair.logging_again.spawn();
    wait_until("the port answers", PATIENCE, async || logging.ask("/health/live").await.is_ok()).await;
    clients.predictions(200).await;
    disk.make_room();
    assert!(logging.becomes_ready().await, "{}", logging.output());
    pair.logging = logging;
    clients.predictions(100).await;
    clients.nothing_is_missing(&pair, watch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_at_the_start() {
    let _alone = alone().await;
    let Some(disk) = Disk::small("64m", "a read-only disk under the database") else { return };
    let mut pair = pair_with_database_in(disk.path()).await;
    let watch = BooksWatch::start(&pair.inference);
    let clients = Clients::start(&pair);
    clients.predictions(100).await;
    pair.logging.crash();
    disk.make_read_only();
    let mut logging = pair.logging_again.spawn();
    wait_until("the port answers", PATIENCE, async || logging.ask("/health/live").await.is_ok()).await;
    clients.predictions(300).await;
    assert_eq!(logging.get("/health/ready").await.status, 503);
    disk.make_writable();
    assert!(logging.becomes_ready().await, "{}", logging.output());
    pair.logging = logging;
    clients.predictions(100).await;
    clients.nothing_is_missing(&pair, watch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    pair.store_an_old_prediction().await;
    let watch = BooksWatch::start(&pair.inference);
    let clients = Clients::start(&pair);
    clients.predictions(100).await;
    let files = ["predictions.db", "predictions.db-wal"];
    let what = "a disk that turns read-only under the database";
    let Some(frozen) = Frozen::files(pair.places.database.parent().unwrap(), &files, what) else {
        clients.predicting.stop().await;
        clients.posting.stop().await;
        watch.stop().await;
        return;
    };
    database_becomes(&pair, false).await;
    clients.predictions(300).await;
    drop(frozen);
    database_becomes(&pair, true).await;
    clients.predictions(100).await;
    clients.nothing_is_missing(&pair, watch).await;
}
