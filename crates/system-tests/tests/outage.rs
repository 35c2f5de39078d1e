//! Proves that predictions do not depend on the logging service: it is stopped for a minute, or hangs, under steady
//! load; no prediction fails or becomes slow, the books balance in every scrape meanwhile, and afterwards every
//! record is in the database.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::ops::Range;
use std::time::{Duration, Instant};

use testkit::{Load, LogBooks, Pair, RunningLoad, Shot, ShotOutcome, Signal, alone, percentile, pictures, wait_until};
use tokio::time::interval;

const BEFORE: Duration = Duration::from_secs(10);
const STOPPED: Duration = Duration::from_secs(60);
/// Longer than the inference service waits for an answer to one delivery.
const HANGING: Duration = Duration::from_secs(15);
const SCRAPE_EVERY: Duration = Duration::from_millis(200);
const STEADY: Load = Load::open(4, 100.0);

#[tokio::test(flavor = "multi_thread")]
async fn the_logging_service_is_stopped_for_a_minute() {
    let _alone = alone().await;
    let mut pair = Pair::start().await;
    let load = steady_load(&pair);
    let before = watch(&pair, BEFORE).await;

    pair.logging.signal(Signal::TERM);
    assert_eq!(pair.logging.ends_within(Duration::from_secs(10)).await.code(), Some(0));
    let began = Instant::now();
    let during = watch(&pair, STOPPED).await;
    let outage = began..Instant::now();
    pair.logging = pair.logging_again.start().await;

    assert!(before.most_spooled < during.most_spooled, "{before:?} {during:?}");
    assert_eq!(during.last.delivered, during.first.delivered, "records were delivered while the service was away");
    nothing_is_lost(&pair, load, outage).await;
    assert_eq!(pair.logging.metrics().await.count("logging_duplicates_total", &[]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logging_service_hangs() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    let load = steady_load(&pair);
    watch(&pair, BEFORE).await;

    pair.logging.signal(Signal::STOP);
    let began = Instant::now();
    let during = watch(&pair, HANGING).await;
    let outage = began..Instant::now();
    pair.logging.signal(Signal::CONT);

    assert!(during.most_spooled > 0, "{during:?}");
    let timeouts = [("reason", "timeout")];
    assert!(pair.inference.metrics().await.count("prediction_log_delivery_errors_total", &timeouts) > 0);
    nothing_is_lost(&pair, load, outage).await;
}

fn steady_load(pair: &Pair) -> RunningLoad {
    let examples = ["cifar10", "surface"].map(|model| (model, pictures(model)));
    STEADY.start(&pair.inference, move |number| {
        let (model, examples) = &examples[number % 2];
        Shot::picture(model, &examples[number / 2 % examples.len()])
    })
}

/// What the scrapes of a while have shown.
#[derive(Debug)]
struct WatchedBooks {
    first: LogBooks,
    last: LogBooks,
    most_spooled: u64,
}

/// Scrapes for a while: each time the books balance, nothing is dropped, and the service is healthy.
async fn watch(pair: &Pair, time: Duration) -> WatchedBooks {
    let started = Instant::now();
    let first = pair.books().await;
    let mut watched = WatchedBooks { first, last: first, most_spooled: 0 };
    let mut pace = interval(SCRAPE_EVERY);
    while started.elapsed() < time {
        pace.tick().await;
        let before = pair.books().await;
        let health = pair.inference.get("/health").await;
        let after = pair.books().await;
        for books in [before, after] {
            assert!(books.balance() && books.dropped == 0, "{books:?}");
        }
        assert_eq!(health.status, 200, "{}", health.text());
        let spooled = health.json()["prediction_log"]["spooled_records"].as_u64().expect("the spool in /health");
        if before.delivered == after.delivered {
            assert!((before.spooled..=after.spooled).contains(&spooled), "{before:?} {spooled} {after:?}");
        }
        watched.most_spooled = watched.most_spooled.max(spooled);
        watched.last = after;
    }
    watched
}

/// Waits until delivery has caught up, ends the load, and compares what clients saw with what was stored.
async fn nothing_is_lost(pair: &Pair, load: RunningLoad, outage: Range<Instant>) {
    wait_until("delivery catches up", Duration::from_secs(30), async || {
        let books = pair.books().await;
        assert!(books.balance(), "{books:?}");
        books.spooled < 100
    })
    .await;
    let outcomes = load.stop().await;
    for outcome in &outcomes {
        assert_eq!(outcome.status(), Some(200), "{:?}", outcome.answer);
    }
    let books = pair.all_delivered().await;
    assert_eq!((books.recorded, books.dropped), (outcomes.len() as u64, 0), "{books:?}");
    assert_eq!(pair.database().rows(), books.recorded);
    assert_eq!(pair.database().integrity(), "ok");

    let during = outcomes.iter().filter(|outcome| outage.contains(&outcome.started));
    let before = outcomes.iter().filter(|outcome| outcome.started < outage.start);
    compare_latencies(&before.collect::<Vec<_>>(), &during.collect::<Vec<_>>());
}

/// A wide margin, because other programs may take the processor meanwhile; a wait for the log takes seconds.
fn compare_latencies(before: &[&ShotOutcome], during: &[&ShotOutcome]) {
    assert!(before.len() > 200 && during.len() > 200, "{} before, {} during", before.len(), during.len());
    for quantile in [0.5, 0.99] {
        let of = |outcomes: &[&ShotOutcome]| percentile(outcomes.iter().map(|outcome| outcome.seconds), quantile);
        let (before, during) = (of(before), of(during));
        eprintln!("latency at {quantile}: {:.2} ms before the outage, {:.2} ms during it", before * 1e3, during * 1e3);
        assert!(during < 3.0 * before + 0.020, "{before} s became {during} s");
    }
}
