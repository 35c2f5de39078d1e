//! Proves that an acknowledgement is a promise: the logging service is killed twenty times under load from several
//! clients; every record that it has acknowledged is in the database exactly once, the database is sound, and the
//! books of the inference service, which was delivering all the while, balance.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use system_tests::{Failure, Load, Outcome, Pair, Shot, Signal, alone, pictures, wait_until};
use uuid::Uuid;

const KILLS: usize = 20;
/// At least 1 and less than these requests are answered between a delivery and the next kill.
const ANSWERS_BETWEEN_KILLS: std::ops::Range<usize> = 1..80;
const PATIENCE: Duration = Duration::from_secs(30);
/// The model that the direct clients name.
const MODEL: &str = "direct";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_twenty_kills() {
    let _alone = alone().await;
    let mut pair = Pair::start().await;
    let predicting = predictions(&pair);
    let posting =
        Load { connections: 4, every: Duration::from_millis(3), requests: None }.start(&pair.logging, records);

    for kill in 0..KILLS {
        let delivered = pair.books().await.delivered;
        wait_until("something is delivered", PATIENCE, async || pair.books().await.delivered > delivered).await;
        // A number by chance, so that the kill comes at any point of the next delivery.
        let enough = posting.answered() + fastrand::usize(ANSWERS_BETWEEN_KILLS);
        wait_until("the other clients are served", PATIENCE, async || posting.answered() >= enough).await;
        pair.logging.crash();
        pair.logging = pair.logging_again.start().await;
        let books = pair.books().await;
        assert!(books.balance() && books.dropped == 0, "after kill {kill}: {books:?}");
    }

    let (posted, predicted) = (posting.stop().await, predicting.stop().await);
    let books = pair.all_delivered().await;
    let metrics = pair.inference.metrics().await;
    assert!(metrics.count("prediction_log_delivery_errors_total", &[]) > 0, "no delivery was ever interrupted");
    pair.logging.signal(Signal::TERM);
    assert_eq!(pair.logging.ends_within(Duration::from_secs(10)).await.code(), Some(0));

    let database = pair.database();
    assert_eq!(database.integrity(), "ok");
    acknowledged_once(&posted, &database.event_ids_of(MODEL));
    let answered = predicted.iter().filter(|outcome| outcome.status() == Some(200)).count();
    assert_eq!(answered, predicted.len(), "a prediction failed");
    assert_eq!((books.recorded, books.delivered, books.dropped), (answered as u64, answered as u64, 0));
    assert_eq!(database.rows() - database.rows_of(MODEL), books.recorded);
}

fn predictions(pair: &Pair) -> system_tests::RunningLoad {
    let examples = pictures("surface");
    let load = Load { connections: 1, every: Duration::from_millis(5), requests: None };
    load.start(&pair.inference, move |number| Shot::picture("surface", &examples[number % examples.len()]))
}

/// One record, or a batch of them in either form.
fn records(number: usize) -> Shot {
    let batch: Vec<Value> = (0..number % 40).map(|_| record()).collect();
    match number % 3 {
        0 => Shot::new("/log", "application/json", record().to_string()),
        1 => Shot::new("/log", "application/json", Value::from(batch).to_string()),
        _ => {
            let lines: Vec<String> = batch.iter().map(Value::to_string).collect();
            Shot::new("/log", "application/x-ndjson", lines.join("\n"))
        }
    }
}

fn record() -> Value {
    json!({ "event_id": Uuid::now_v7(), "model": MODEL, "label": "cat", "confidence": 0.5 })
}

/// The event ids of a request's body, whichever form it has.
fn event_ids(shot: &Shot) -> Vec<Uuid> {
    let text = std::str::from_utf8(&shot.body).unwrap();
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>().map(Result::unwrap);
    let records = values.flat_map(|value| match value {
        Value::Array(records) => records,
        record => vec![record],
    });
    records.map(|record| record["event_id"].as_str().unwrap().parse().unwrap()).collect()
}

fn acknowledged_once(posted: &[Outcome], stored: &HashMap<Uuid, u64>) {
    let (mut acknowledged, mut interrupted) = (0, 0);
    for outcome in posted {
        let ids = event_ids(&outcome.shot);
        match &outcome.answer {
            Ok(answer) => {
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert_eq!(answer.json()["accepted"], ids.len(), "{}", answer.text());
                acknowledged += ids.len();
                for id in ids {
                    assert_eq!(stored.get(&id), Some(&1), "{id} was acknowledged");
                }
            }
            Err(failure) => {
                // All of a request is stored, or nothing.
                let present = ids.iter().filter(|id| stored.contains_key(id)).count();
                assert!(present == 0 || present == ids.len(), "{present} of {} records are there", ids.len());
                interrupted += usize::from(*failure != Failure::Refused);
            }
        }
    }
    eprintln!("{acknowledged} records acknowledged, {interrupted} requests interrupted");
    assert!(stored.values().all(|count| *count == 1));
    assert!(interrupted > 0, "no request was under way when the service was killed");
    assert!(acknowledged >= KILLS * ANSWERS_BETWEEN_KILLS.start);
}
