//! A spool that is full by its own limit: what is lost is what was asked for, and counted.

use testkit::{BooksWatch, LogBooks, Pair, ShotOutcome, Signal, alone, assert_exactly_once};

use crate::{PATIENCE, assert_all_answered, predictions};

/// Room for less than a hundred records.
const LIMIT: &str = "65536";
const PREDICTIONS: usize = 300;

struct OverflowStory {
    outcomes: Vec<ShotOutcome>,
    books: LogBooks,
    pair: Pair,
}

/// More predictions than there is room for while the logging service is away; then it comes back.
async fn overflow(policy: &str) -> OverflowStory {
    let mut pair =
        Pair::start_with(|inference| inference.flag("--spool-full=", policy).flag("--spool-limit-bytes=", LIMIT)).await;
    let watch = BooksWatch::start(&pair.inference);
    pair.logging.signal(Signal::TERM);
    assert_eq!(pair.logging.ends_within(PATIENCE).await.code(), Some(0));
    let outcomes = predictions(&pair, PREDICTIONS).await;
    let full = pair.inference.metrics().await;
    assert!(full.value("prediction_log_spooled_bytes", &[]) <= full.value("prediction_log_limit_bytes", &[]));
    pair.logging = pair.logging_again.start().await;
    let books = pair.all_delivered().await;
    let watched = watch.stop().await;
    assert!(watched.most_spooled < 100 && watched.most_dropped == books.dropped, "{watched:?}");
    assert!(books.dropped > 0 && books.delivered > 0, "{books:?}");
    assert_eq!(pair.database().rows(), books.delivered);
    OverflowStory { outcomes, books, pair }
}

impl OverflowStory {
    async fn dropped(&self, reason: &str) -> u64 {
        self.pair.inference.metrics().await.count("prediction_log_dropped_total", &[("reason", reason)])
    }

    /// Whether each is stored, in the order of asking.
    fn stored(&self) -> Vec<bool> {
        let rows = self.pair.database().rows_by_request();
        self.outcomes.iter().map(|outcome| rows.contains_key(&outcome.shot.request_id)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_are_dropped() {
    let _alone = alone().await;
    let story = overflow("drop-newest").await;
    assert_all_answered(&story.outcomes);
    assert_eq!(story.books.recorded, PREDICTIONS as u64);
    assert_eq!(story.dropped("full").await, story.books.dropped);
    let stored = story.stored();
    assert!(stored[..40].iter().all(|stored| *stored), "one of the oldest is missing");
    assert_eq!(stored.iter().filter(|stored| !**stored).count() as u64, story.books.dropped);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_are_dropped() {
    let _alone = alone().await;
    let story = overflow("drop-oldest").await;
    assert_all_answered(&story.outcomes);
    assert_eq!(story.books.recorded, PREDICTIONS as u64);
    assert_eq!(story.dropped("evicted").await, story.books.dropped);
    let stored = story.stored();
    let missing = usize::try_from(story.books.dropped).unwrap();
    assert!(stored[..missing].iter().all(|stored| !stored), "others than the oldest are missing");
    assert!(stored[missing..].iter().all(|stored| *stored), "others than the oldest are missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_are_refused_where_none_may_go_unrecorded() {
    let _alone = alone().await;
    let story = overflow("refuse").await;
    let (answered, refused): (Vec<_>, Vec<_>) =
        story.outcomes.iter().cloned().partition(|outcome| outcome.status() == Some(200));
    assert_exactly_once(&answered, &story.pair.database());
    assert!(refused.iter().all(|outcome| outcome.status() == Some(503)), "{:?}", refused[0].answer);
    assert!(!answered.is_empty() && !refused.is_empty());
    // A refused prediction has a record too, as long as the share of such records has room.
    assert_eq!(story.dropped("refusals").await, story.books.dropped);
    assert_eq!(story.stored().iter().filter(|stored| !**stored).count() as u64, story.books.dropped);
    // Once there is room, they are answered again.
    assert_all_answered(&predictions(&story.pair, 10).await);
}
