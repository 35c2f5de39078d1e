//! Partitions: a row lies in the one of its id's day.

use jiff::{Timestamp, ToSpan};
use prediction_record::PredictionRecord;
use uuid::{NoContext, Uuid};

use super::{ask, database, execute, server_url};
use crate::store_support::{record, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_lie_in_the_partition_of_their_ids_day_and_empty_past_ones_go() {
    let Some(url) = database() else { return };
    let store = start(server_url(&url)).store;
    let now = Timestamp::now();
    let partition = |time: Timestamp| format!("predictions_p{}", time.strftime("%Y%m%d"));
    let with_id = |event_id: Uuid| PredictionRecord { event_id: Some(event_id), ..record("m") };
    let made_at =
        |time: Timestamp| Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, time.as_second().unsigned_abs(), 0));
    let (tomorrow, long_ago, far) = (now + 24.hours(), now - 2400.hours(), now + 2400.hours());
    let random = Uuid::from_u128(0xffff_ffff_ffff_4fff_8fff_ffff_ffff_ffff);
    for (event_id, expected) in [
        (Uuid::now_v7(), partition(now)),
        (made_at(tomorrow), partition(tomorrow)),
        (made_at(long_ago), "predictions_default".to_owned()),
        (made_at(far), "predictions_default".to_owned()),
        (random, "predictions_default".to_owned()),
    ] {
        assert_eq!(store.submit(vec![with_id(event_id)]).await.unwrap().accepted, 1);
        assert_eq!(store.submit(vec![with_id(event_id)]).await.unwrap().duplicates, 1);
        let found = ask(&url, &format!("SELECT tableoid::regclass FROM predictions WHERE event_id = '{event_id}'"));
        assert_eq!(found, [expected]);
    }
    store.close().await;

    // Tomorrow's partition is missing and its row lies in the default one, as after a stop of a day; and a past day's is empty.
    let (lost, past) = (partition(tomorrow), "predictions_p20200101");
    execute(
        &url,
        &format!(
            "BEGIN; ALTER TABLE predictions DETACH PARTITION {lost};
             INSERT INTO predictions OVERRIDING SYSTEM VALUE SELECT * FROM {lost}; DROP TABLE {lost};
             CREATE TABLE {past} PARTITION OF predictions
                 FOR VALUES FROM ('016f5e66-e800-0000-0000-000000000000') TO ('016f638d-4400-0000-0000-000000000000');
             COMMIT"
        ),
    );
    let partitions = "SELECT relid::regclass FROM pg_partition_tree('predictions') WHERE isleaf";
    assert!(ask(&url, partitions).contains(&past.to_owned()));
    let store = start(server_url(&url)).store;
    assert_eq!(ask(&url, &format!("SELECT count(*) FROM {lost}")), ["1"], "the row moved");
    assert!(!ask(&url, partitions).contains(&past.to_owned()));
    assert_eq!(store.count().await.unwrap(), 5);
    assert_eq!(
        ask(&url, "SELECT count(*) FROM predictions_readable WHERE occurred_at > now() - interval '1 hour'"),
        ["5"]
    );
}
