//! Partitions: a row lies in the one of its id's week, and a question asks few of them.

use jiff::{Timestamp, ToSpan};
use logging_service::store::PredictionFilter;
use prediction_record::PredictionRecord;
use uuid::{NoContext, Uuid};

use super::{ask, database, execute, server_url};
use crate::store_support::{apart, record, records, start};

/// The partitions of predictions, without the parent.
const PARTITIONS: &str = "SELECT relid::regclass FROM pg_partition_tree('predictions') WHERE isleaf ORDER BY 1::text";

fn made_at(time: Timestamp) -> Uuid {
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, time.as_second().unsigned_abs(), 0))
}

fn with_id(event_id: Uuid) -> PredictionRecord {
    PredictionRecord { event_id: Some(event_id), ..record("m") }
}

fn partition_of(url: &str, event_id: Uuid) -> String {
    ask(url, &format!("SELECT tableoid::regclass FROM predictions WHERE event_id = '{event_id}'")).concat()
}

/// `predictions_from_YYYYMMDD`, by the Monday.
fn week(time: Timestamp) -> String {
    let days = time.as_second().div_euclid(86_400);
    let monday = Timestamp::from_second((days - (days + 3).rem_euclid(7)) * 86_400).unwrap();
    format!("predictions_from_{}", monday.strftime("%Y%m%d"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_lie_in_the_partition_of_their_ids_week_also_those_of_the_past() {
    let Some(url) = database() else { return };
    let store = start(server_url(&url)).store;
    let now = Timestamp::now();
    assert!(ask(&url, PARTITIONS).contains(&week(now + 168.hours())), "the next week's is there");
    let random = Uuid::from_u128(0xffff_ffff_ffff_4fff_8fff_ffff_ffff_ffff);
    let (long_ago, far) = (now - 2400.hours(), now + 2400.hours());
    for (time, expected) in [
        (made_at(now), week(now)),
        (made_at(now + 168.hours()), week(now + 168.hours())),
        (made_at(long_ago), week(long_ago)),
        (made_at(far), "predictions_default".to_owned()),
        (Uuid::nil(), "predictions_default".to_owned()),
        (random, "predictions_random".to_owned()),
    ] {
        assert_eq!(store.submit(vec![with_id(time)]).await.unwrap().accepted, 1);
        assert_eq!(store.submit(vec![with_id(time)]).await.unwrap().duplicates, 1);
        // The past's is made after its first row.
        while partition_of(&url, time) != expected {
            store.submit(records(1)).await.unwrap();
        }
    }
    // Whatever their ids say, all rows were made now, and the question of the last hour has them all.
    let lately =
        PredictionFilter { since: Some(now - 1.hours()), model: Some("m".into()), ..PredictionFilter::default() };
    assert_eq!(store.list(&lately, 100, None).await.unwrap().predictions.len(), 6);
    assert_eq!(store.stats_of(lately).await.unwrap().total.predictions, 6);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_asks_the_partitions_of_its_range_alone() {
    let Some(url) = database() else { return };
    let store = start(server_url(&url)).store;
    let now = Timestamp::now();
    for weeks in 0..60 {
        let time = now - (weeks * 168).hours();
        let one = PredictionRecord { occurred_at: Some(time), event_id: None, ..record("m") };
        store.submit(vec![one]).await.unwrap();
    }
    let past = "SELECT count(*) FROM pg_partition_tree('predictions') WHERE isleaf";
    while ask(&url, past) != ["63"] {
        store.submit(records(1)).await.unwrap();
    }
    // Nobody may look into a table that is locked, so a question that is answered has not.
    let (first, last) = (week(now - 3360.hours()), week(now - 3528.hours()));
    let blocker = url.clone();
    let locked = apart(move || {
        let mut client = postgres::Client::connect(&blocker, postgres::NoTls).unwrap();
        client.batch_execute(&format!("BEGIN; LOCK TABLE {first}, {last} IN ACCESS EXCLUSIVE MODE")).unwrap();
        client
    });
    let filter = |from: i64, until: i64| PredictionFilter {
        since: Some(now - from.hours()),
        until: Some(now - until.hours()),
        model: Some("m".into()),
        ..PredictionFilter::default()
    };
    for (from, until) in [(3000, -1), (9000, 4000)] {
        let page = store.list(&filter(from, until), 100, None).await.unwrap();
        assert!(page.predictions.len() > 15, "{from} to {until}: {}", page.predictions.len());
        assert!(store.stats_of(filter(from, until)).await.unwrap().total.predictions > 15);
    }
    let newest = PredictionFilter { model: Some("m".into()), ..PredictionFilter::default() };
    let page = store.list(&newest, 10, None).await.unwrap();
    assert_eq!(page.predictions.len(), 10, "a page without a range begins with the newest weeks");
    let next = store.list(&newest, 3, page.next_cursor.as_deref()).await.unwrap();
    assert_eq!(next.predictions.len(), 3);
    apart(move || drop(locked));
    let mut cursor = None;
    let mut all = Vec::new();
    loop {
        let page = store.list(&newest, 7, cursor.as_deref()).await.unwrap();
        all.extend(page.predictions.into_iter().map(|one| one.record.occurred_at.unwrap()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(all.is_sorted_by(|a, b| a > b) && all.len() == 60, "{all:?}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_week_without_a_partition_move_into_it() {
    let Some(url) = database() else { return };
    let store = start(server_url(&url)).store;
    let next = Timestamp::now() + 168.hours();
    store.submit(vec![with_id(made_at(next))]).await.unwrap();
    store.close().await;
    // As after a stop of weeks, or with a role that could not make it.
    let lost = week(next);
    execute(
        &url,
        &format!(
            "BEGIN; ALTER TABLE predictions DETACH PARTITION {lost};
             INSERT INTO predictions OVERRIDING SYSTEM VALUE SELECT * FROM {lost}; DROP TABLE {lost};
             DELETE FROM prediction_partitions WHERE name = '{lost}'; COMMIT"
        ),
    );
    let store = start(server_url(&url)).store;
    assert_eq!(ask(&url, &format!("SELECT count(*) FROM {lost}")), ["1"], "the row moved");
    assert_eq!(store.count().await.unwrap(), 1);
    let readable = "SELECT count(*) FROM predictions_readable WHERE occurred_at > now() - interval '1 hour'";
    assert_eq!(ask(&url, readable), ["1"]);
    store.close().await;
}
