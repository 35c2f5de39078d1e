//! A database whose partitions are days, as earlier versions made them.

use jiff::{Timestamp, ToSpan};
use logging_service::store::PredictionFilter;

use super::{ask, database, execute, server_url};
use crate::store_support::{id, record, start};

/// Twelve days from the first of March 2026, of which the sixth was missed; each has a row, and there are a row of the ninth
/// day whose id says so and whose time is of the third, and one with a random id.
const DAYS: &str = r"
DO $$
DECLARE
    day BIGINT;
BEGIN
    FOR number IN 0..11 LOOP
        day := 1772323200 + number * 86400;
        IF number <> 5 THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF predictions FOR VALUES FROM (%L) TO (%L)',
                'predictions_p' || to_char(to_timestamp(day) AT TIME ZONE 'UTC', 'YYYYMMDD'),
                lpad(to_hex(day * 1000), 12, '0') || repeat('0', 20), lpad(to_hex((day + 86400) * 1000), 12, '0') || repeat('0', 20));
        END IF;
    END LOOP;
END $$;
INSERT INTO predictions (event_id, request_id, row_index, occurred_at, recorded_at, model, status, label, confidence, defect)
SELECT CAST(lpad(to_hex((1772323200 + number * 86400 + 3600) * 1000), 12, '0') || '70008000000000000001' AS UUID),
    'day-' || number, 0, (1772323200 + number * 86400 + 3600) * 1000000, 1, 'days', 'success', 'cat', 0.9, 0
FROM generate_series(CAST(0 AS BIGINT), 11) AS numbers (number)
UNION ALL
SELECT CAST(lpad(to_hex((CAST(1772323200 AS BIGINT) + 8 * 86400 + 7200) * 1000), 12, '0') || '70008000000000000002' AS UUID),
    'late', 0, (CAST(1772323200 AS BIGINT) + 2 * 86400) * 1000000, 1, 'days', 'success', 'cat', 0.9, 0
UNION ALL
SELECT 'f47ac10b-58cc-4372-a567-0e02b2c3d479', 'random', 0, (CAST(1772323200 AS BIGINT) + 3 * 86400) * 1000000, 1, 'days', 'success', 'cat', 0.9, 0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_of_days_stay_and_every_question_finds_their_rows() {
    let Some(url) = database() else { return };
    execute(&url, include_str!("../../databases/postgres_0_2_0.sql"));
    execute(&url, DAYS);
    let before = ask(&url, "SELECT count(*) FROM predictions");
    let store = start(server_url(&url)).store;
    assert_eq!(ask(&url, "SELECT count(*) FROM predictions"), before);
    let asked = |since: Timestamp, until: Timestamp| PredictionFilter {
        model: Some("days".into()),
        since: Some(since),
        until: Some(until),
        ..PredictionFilter::default()
    };
    let first: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    for (day, expected) in
        [(0, vec!["day-0"]), (2, vec!["day-2", "late"]), (3, vec!["day-3", "random"]), (5, vec!["day-5"])]
    {
        let filter = asked(first + (24 * day).hours(), first + (24 * day + 24).hours());
        let page = store.list(&filter, 10, None).await.unwrap().predictions;
        let found: Vec<String> = page.into_iter().filter_map(|one| one.record.request_id).collect();
        assert_eq!(found, expected);
        assert_eq!(store.stats_of(filter).await.unwrap().total.predictions, expected.len() as u64);
    }
    let all = asked(first, first + (24 * 12).hours());
    assert_eq!(store.list(&all, 100, None).await.unwrap().predictions.len(), 14);

    // The day that was missed gets what is free of its week, the day itself, when another row of it comes.
    let mut missed = record("days");
    let time = first + (24 * 5 + 2).hours();
    missed.event_id = None;
    missed.occurred_at = Some(time);
    store.submit(vec![missed]).await.unwrap();
    let of_the_day = "SELECT count(*) FROM predictions_from_20260306";
    while ask(&url, "SELECT to_regclass('predictions_from_20260306') IS NULL") == ["t"] {
        store.submit(vec![record("m")]).await.unwrap();
    }
    assert_eq!(ask(&url, of_the_day), ["2"]);
    let again = record("m");
    store.submit(vec![again.clone()]).await.unwrap();
    assert!(store.get(id(&again)).await.unwrap().is_some());
    store.close().await;
}
