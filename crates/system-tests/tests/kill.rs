//! Proves that an answer is a promise: either service is killed, a hundred times in all, at random moments under load.
//! Every prediction that a client saw answered is in the log exactly once, every record that the logging service has
//! acknowledged is in the database exactly once, the database is sound and its counts equal its rows, and the books
//! balance at every scrape.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{
    BooksWatch, Failure, Load, Pair, RunningLoad, Shot, ShotOutcome, Signal, alone, assert_exactly_once, pictures,
    wait_until,
};
use uuid::Uuid;

const KILLS: usize = 100;
/// At least 1 and less than these requests are answered between a start and the next kill.
const ANSWERS_BETWEEN_KILLS: std::ops::Range<usize> = 1..80;
const PATIENCE: Duration = Duration::from_secs(30);
/// The model that the direct clients name.
const MODEL: &str = "direct";

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Inference,
    Logging,
    Both,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_hundred_kills_of_either_service() {
    let _alone = alone().await;
    let mut pair = Pair::start_with(|inference| inference.flag("--record=", "process")).await;
    pair.store_an_old_prediction().await;
    let (started, watch) = (Instant::now(), BooksWatch::start(&pair.inference));
    let predicting = predictions(&pair);
    let posting = Load::open(2, 200.0).start(&pair.logging, records);

    let mut interrupted_deliveries = 0;
    for kill in 0..KILLS {
        let victim = victim(kill);
        // A number by chance, so that the kill comes at any point of a commit, a delivery, or a start.
        let enough = predicting.answered() + fastrand::usize(ANSWERS_BETWEEN_KILLS);
        wait_until("predictions are answered", PATIENCE, async || predicting.answered() >= enough).await;
        if victim != Victim::Inference {
            let delivered = pair.books().await.delivered;
            wait_until("something is delivered", PATIENCE, async || pair.books().await.delivered > delivered).await;
            let enough = posting.answered() + fastrand::usize(ANSWERS_BETWEEN_KILLS) / 2;
            wait_until("the other clients are served", PATIENCE, async || posting.answered() >= enough).await;
        }
        interrupted_deliveries += pair.inference.metrics().await.count("prediction_log_delivery_errors_total", &[]);
        kill_and_start(&mut pair, victim).await;
    }
    eprintln!("{KILLS} kills in {:?}", started.elapsed());

    let (posted, predicted) = (posting.stop().await, predicting.stop().await);
    pair.all_delivered().await;
    assert_eq!(watch.stop().await.most_dropped, 0, "a record was dropped");
    assert!(interrupted_deliveries > 0, "no delivery was ever interrupted");
    pair.logging.signal(Signal::TERM);
    assert_eq!(pair.logging.ends_within(Duration::from_secs(10)).await.code(), Some(0));

    let database = pair.database();
    let answered = assert_exactly_once(&predicted, &database);
    let broken = predicted.iter().filter(|outcome| matches!(outcome.answer, Err(Failure::Broken(_)))).count();
    eprintln!("{answered} predictions answered, {broken} interrupted");
    assert!(answered >= KILLS && broken > 0, "no prediction was under way when the service was killed");
    // While the models load, predictions are refused.
    let strange = predicted.iter().find(|outcome| ![Some(200), Some(503), None].contains(&outcome.status()));
    assert!(strange.is_none(), "{:?}", strange.map(|outcome| &outcome.answer));
    acknowledged_once(&posted, &database.event_ids_of(MODEL));
    pair.assert_checked();
}

/// In turns, so that neither is spared, and sometimes both.
fn victim(kill: usize) -> Victim {
    match kill % 10 {
        9 => Victim::Both,
        even if even % 2 == 0 => Victim::Inference,
        _ => Victim::Logging,
    }
}

async fn kill_and_start(pair: &mut Pair, victim: Victim) {
    match victim {
        Victim::Inference => {
            pair.inference.crash();
            pair.inference = pair.inference_again.start().await;
        }
        Victim::Logging => {
            pair.logging.crash();
            pair.logging = pair.logging_again.start().await;
        }
        Victim::Both => {
            pair.inference.crash();
            pair.logging.crash();
            pair.inference = pair.inference_again.start().await;
            pair.logging = pair.logging_again.start().await;
        }
    }
}

fn predictions(pair: &Pair) -> RunningLoad {
    let examples = pictures("surface");
    let load = Load::open(3, 300.0);
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

fn acknowledged_once(posted: &[ShotOutcome], stored: &HashMap<Uuid, u64>) {
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
    assert!(acknowledged >= KILLS / 2);
}
