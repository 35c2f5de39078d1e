//! A disk that is full, or read-only, for a while.

use testkit::{BooksWatch, Disk, Frozen, Pair, Places, alone, assert_exactly_once, wait_until};

use crate::{PATIENCE, answered, assert_all_answered, is_available, predictions, spool_becomes, steady_load};

async fn pair_with_spool_on(disk: &Disk) -> Pair {
    let spool = disk.path().join("spool");
    Pair::start_at(|places| Places { spool, ..places }, |inference, logging| (inference, logging)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_no_prediction_and_loses_none() {
    let _alone = alone().await;
    let Some(disk) = Disk::small("16m", "a full disk under the spool") else { return };
    let mut pair = pair_with_spool_on(&disk).await;
    let watch = BooksWatch::start(&pair.inference);
    let load = steady_load(&pair);
    answered(&load, 100).await;

    pair.logging.crash();
    answered(&load, 100).await;
    disk.fill();
    spool_becomes(&pair, false).await;
    answered(&load, 300).await;
    assert!(!is_available(&pair).await, "the disk is not full");
    pair.logging = pair.logging_again.start().await;
    wait_until("what waits is delivered although the disk is full", PATIENCE, async || pair.books().await.spooled < 50)
        .await;
    answered(&load, 100).await;
    disk.make_room();
    spool_becomes(&pair, true).await;
    answered(&load, 100).await;

    let outcomes = load.stop().await;
    assert_all_answered(&outcomes);
    let books = pair.all_delivered().await;
    assert_eq!((books.recorded, books.dropped), (outcomes.len() as u64, 0));
    assert!(watch.stop().await.most_spooled >= 300);
    assert_exactly_once(&outcomes, &pair.database());
    assert_eq!(pair.database().rows(), books.delivered);

    // It is a spool like any other again.
    let mut more = predictions(&pair, 50).await;
    pair.inference.crash();
    pair.inference = pair.inference_again.start().await;
    pair.all_delivered().await;
    more.extend(outcomes);
    assert_exactly_once(&more, &pair.database());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_from_a_full_disk_is_not_stored_twice_after_a_crash() {
    let _alone = alone().await;
    let Some(disk) = Disk::small("16m", "a crash while the spool's disk is full") else { return };
    let mut pair = pair_with_spool_on(&disk).await;
    let watch = BooksWatch::start(&pair.inference);
    pair.logging.crash();
    let mut outcomes = predictions(&pair, 200).await;
    disk.fill();
    outcomes.extend(predictions(&pair, 100).await);
    pair.logging = pair.logging_again.start().await;
    let books = pair.all_delivered().await;
    assert_eq!((books.recorded, books.dropped), (outcomes.len() as u64, 0));

    // The full disk could not be told what was delivered.
    pair.inference.crash();
    pair.inference = pair.inference_again.start().await;
    disk.make_room();
    spool_becomes(&pair, true).await;
    pair.all_delivered().await;
    assert_all_answered(&outcomes);
    assert_eq!(watch.stop().await.most_dropped, 0);
    assert_exactly_once(&outcomes, &pair.database());
    assert_eq!(pair.database().rows(), outcomes.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_in_memory_while_the_disk_is_read_only() {
    let _alone = alone().await;
    let Some(disk) = Disk::small("16m", "a read-only disk under the spool") else { return };
    let mut pair = pair_with_spool_on(&disk).await;
    let watch = BooksWatch::start(&pair.inference);
    pair.logging.crash();
    let before = predictions(&pair, 150).await;
    pair.inference.crash();
    disk.make_read_only();
    pair.inference = pair.inference_again.start().await;
    assert!(!is_available(&pair).await);
    let during = predictions(&pair, 150).await;
    // What is in memory is delivered all the same; what is on the disk has to wait.
    pair.logging = pair.logging_again.start().await;
    pair.all_delivered().await;
    assert_exactly_once(&during, &pair.database());

    disk.make_writable();
    spool_becomes(&pair, true).await;
    let after = predictions(&pair, 50).await;
    let books = pair.all_delivered().await;
    let outcomes = [before, during, after].concat();
    assert_all_answered(&outcomes);
    assert_eq!((books.recorded, books.dropped), (outcomes.len() as u64, 0));
    assert_eq!(watch.stop().await.most_dropped, 0);
    assert_exactly_once(&outcomes, &pair.database());
    assert_eq!(pair.database().rows(), outcomes.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_may_turn_read_only_under_load() {
    let _alone = alone().await;
    let mut pair = Pair::start().await;
    let watch = BooksWatch::start(&pair.inference);
    let load = steady_load(&pair);
    answered(&load, 100).await;
    let files = ["spool.db", "spool.db-wal"];
    let what = "a disk that turns read-only under the spool";
    let Some(frozen) = Frozen::files(&pair.places.spool, &files, what) else {
        load.stop().await;
        watch.stop().await;
        return;
    };
    spool_becomes(&pair, false).await;
    answered(&load, 200).await;
    pair.logging.crash();
    answered(&load, 200).await;
    drop(frozen);
    spool_becomes(&pair, true).await;
    answered(&load, 100).await;
    pair.logging = pair.logging_again.start().await;
    let outcomes = load.stop().await;
    assert_all_answered(&outcomes);
    let books = pair.all_delivered().await;
    assert_eq!((books.recorded, books.dropped), (outcomes.len() as u64, 0));
    watch.stop().await;
    assert_exactly_once(&outcomes, &pair.database());
    assert_eq!(pair.database().rows(), outcomes.len() as u64);
}
