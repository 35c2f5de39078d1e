//! A spool that was damaged between two runs: what can be read is delivered, what cannot is counted and kept.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::{BooksWatch, Pair, ShotOutcome, Watched, alone, assert_exactly_once};

use crate::{assert_all_answered, predictions};

const PREDICTIONS: usize = 300;
/// Of the one in the middle.
const MIDDLE: usize = PREDICTIONS / 2;
/// Bytes of a page of the database.
const PAGE: usize = 4096;

/// What became of predictions whose records were in a spool when it was damaged.
struct DamageStory {
    outcomes: Vec<ShotOutcome>,
    pair: Pair,
    watched: Watched,
}

/// Predicts while the logging service is away, kills the inference service, damages the spool, and lets both go on. In
/// the `database`, or else in its log.
async fn damaged(database: bool, damage: impl FnOnce(&Path, &[ShotOutcome])) -> DamageStory {
    let mut pair = Pair::start().await;
    pair.logging.crash();
    let watch = BooksWatch::start(&pair.inference);
    let outcomes = predictions(&pair, PREDICTIONS).await;
    assert_all_answered(&outcomes);
    pair.inference.crash();
    if database {
        // A start brings what is in the log into the database.
        pair.inference = pair.inference_again.start().await;
        pair.inference.crash();
    }
    damage(&pair.places.spool, &outcomes);
    pair.inference = pair.inference_again.start().await;
    pair.logging = pair.logging_again.start().await;
    pair.all_delivered().await;
    let watched = watch.stop().await;
    DamageStory { outcomes, pair, watched }
}

/// Outcomes whose records are in the database, and outcomes whose records are not.
struct OutcomesByStorage {
    stored: Vec<ShotOutcome>,
    missing: Vec<ShotOutcome>,
}

impl DamageStory {
    async fn count(&self, name: &str) -> u64 {
        self.pair.inference.metrics().await.count(name, &[])
    }

    /// The outcomes, by whether their records are stored.
    fn by_storage(&self) -> OutcomesByStorage {
        let rows = self.pair.database().rows_by_request();
        let is_stored = |outcome: &ShotOutcome| rows.contains_key(&outcome.shot.request_id);
        let (stored, missing) = self.outcomes.iter().cloned().partition(is_stored);
        OutcomesByStorage { stored, missing }
    }

    /// Exactly the records that are counted as corrupt are missing, and the service serves as before.
    async fn missing_are_counted(&self, missing: usize) {
        let metrics = self.pair.inference.metrics().await;
        let corrupt = metrics.count("prediction_log_dropped_total", &[("reason", "corrupt")]);
        assert_eq!((corrupt, metrics.count("prediction_log_dropped_total", &[])), (missing as u64, missing as u64));
        assert_eq!(metrics.count("prediction_log_recorded_total", &[]), PREDICTIONS as u64);
        assert_eq!(self.watched.most_dropped, missing as u64);
        self.goes_on().await;
    }

    async fn goes_on(&self) {
        let more = predictions(&self.pair, 50).await;
        assert_all_answered(&more);
        self.pair.all_delivered().await;
        assert_exactly_once(&more, &self.pair.database());
    }

    fn set_aside(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.pair.places.spool).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.to_str().unwrap().contains(".corrupt-")).collect()
    }
}

/// Where the record of a request stands in a file.
fn place(bytes: &[u8], outcome: &ShotOutcome) -> usize {
    let id = outcome.shot.request_id.as_bytes();
    bytes.windows(id.len()).position(|window| window == id).expect("the record is in the file")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_costs_one_record() {
    let _alone = alone().await;
    let story = damaged(true, |spool, outcomes| {
        let file = spool.join("spool.db");
        let mut bytes = fs::read(&file).unwrap();
        let at = place(&bytes, &outcomes[MIDDLE]);
        bytes[at] ^= 1;
        fs::write(file, bytes).unwrap();
    })
    .await;
    let OutcomesByStorage { stored, missing } = story.by_storage();
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].shot.request_id, story.outcomes[MIDDLE].shot.request_id);
    assert_exactly_once(&stored, &story.pair.database());
    story.missing_are_counted(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_costs_its_records_and_no_others() {
    let _alone = alone().await;
    let story = damaged(true, |spool, outcomes| {
        let file = spool.join("spool.db");
        let mut bytes = fs::read(&file).unwrap();
        let page = place(&bytes, &outcomes[MIDDLE]) / PAGE * PAGE;
        bytes[page..page + PAGE].fill(0xa5);
        fs::write(file, bytes).unwrap();
    })
    .await;
    let OutcomesByStorage { stored, missing } = story.by_storage();
    eprintln!("{} records were on the damaged page", missing.len());
    assert!((1..20).contains(&missing.len()), "{} are missing", missing.len());
    assert_exactly_once(&stored, &story.pair.database());
    assert_eq!(story.count("prediction_log_quarantined_total").await, 1);
    assert!(!story.set_aside().is_empty(), "the damaged spool is not kept");
    story.missing_are_counted(missing.len()).await;
}

/// SQLite ends at the damage; how many records stood behind it is not known, so that they are in no count.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_costs_what_stands_behind_the_damage() {
    let _alone = alone().await;
    let story = damaged(false, |spool, _| {
        let file = spool.join("spool.db-wal");
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    })
    .await;
    let OutcomesByStorage { stored, missing } = story.by_storage();
    eprintln!("{} records stood behind the damage", missing.len());
    assert!(!stored.is_empty() && !missing.is_empty());
    let oldest = &story.outcomes[..stored.len()];
    let ids = |outcomes: &[ShotOutcome]| outcomes.iter().map(|o| o.shot.request_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&stored), ids(oldest), "others are missing than those behind the damage");
    assert_exactly_once(&stored, &story.pair.database());
    assert_eq!(story.count("prediction_log_quarantined_total").await, 1);
    assert_eq!(story.count("prediction_log_recovered_total").await, stored.len() as u64);
    assert_eq!(story.set_aside().len(), 1, "the damaged log is not kept");
    story.goes_on().await;
}
