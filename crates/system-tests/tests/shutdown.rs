//! Proves that stopping a service loses nothing: on SIGTERM under load, readiness turns first while requests are
//! still answered, every accepted request gets a complete answer, every record is stored or stays in the spool, and the
//! exit code is 0.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use testkit::{
    Failure, Launch, Load, LogLine, Pair, RunningLoad, Service, Shot, ShotOutcome, Signal, alone, assert_exactly_once,
    copy_model, pictures, wait_until,
};
use uuid::Uuid;

/// Rounds of each stop under load: what goes wrong here goes wrong seldom.
const ROUNDS: usize = 5;
const HEAVY: Load = Load::open(8, 2000.0);
/// Requests whose records are not delivered before the stop.
const REQUESTS: usize = 200;
const STOP_PATIENCE: Duration = Duration::from_secs(15);
const LOAD_PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn the_inference_service_answers_whatever_it_accepted() {
    let _alone = alone().await;
    for _ in 0..ROUNDS {
        let mut pair = Pair::start_with(|inference| inference.flag("--drain-seconds=", "1")).await;
        let examples = pictures("cifar10");
        let load =
            HEAVY.start(&pair.inference, move |number| Shot::picture("cifar10", &examples[number % examples.len()]));
        let outcomes = stop_under_load(&mut pair.inference, load).await;

        let answered = outcomes.iter().filter(|outcome| outcome.answer.is_ok()).count() as u64;
        assert_eq!(pair.database().rows(), answered, "rows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logging_service_stores_whatever_it_acknowledged() {
    let _alone = alone().await;
    for _ in 0..ROUNDS {
        let mut pair = Pair::start().await;
        let record = || json!({ "event_id": Uuid::now_v7(), "model": "direct", "label": "cat", "confidence": 0.5 });
        let load = HEAVY.start(&pair.logging, move |_| {
            let record = record();
            let shot = Shot::new("/log", "application/json", record.to_string());
            Shot { request_id: record["event_id"].as_str().unwrap().to_owned(), ..shot }
        });
        let outcomes = stop_under_load(&mut pair.logging, load).await;

        let stored = pair.database().event_ids_of("direct");
        let acknowledged = outcomes.iter().filter(|outcome| outcome.answer.is_ok());
        let acknowledged: HashSet<Uuid> =
            acknowledged.map(|outcome| outcome.shot.request_id.parse().unwrap()).collect();
        assert_eq!(stored.keys().copied().collect::<HashSet<_>>(), acknowledged);
        assert_eq!(pair.database().integrity(), "ok");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_is_delivered_by_the_next_start() {
    let _alone = alone().await;
    let mut pair = Pair::start_with(|inference| inference.flag("--drain-seconds=", "0")).await;
    pair.logging.crash();
    let examples = pictures("surface");
    let load = HEAVY.requests(REQUESTS);
    let picture = move |number: usize| Shot::picture("surface", &examples[number % examples.len()]);
    let outcomes = load.run(&pair.inference, picture).await;
    pair.inference.signal(Signal::TERM);
    assert_eq!(pair.inference.ends_within(STOP_PATIENCE).await.code(), Some(0), "{}", pair.inference.output());
    ended_in_order(&pair.inference);
    let lines = testkit::read_log_lines(&pair.inference.log());
    let kept = |line: &&LogLine| line["message"].as_str().unwrap().starts_with("prediction_log_records_kept");
    assert_eq!(lines.iter().find(kept).expect("a line that tells of it")["records"], REQUESTS);

    pair.logging = pair.logging_again.start().await;
    pair.inference = pair.inference_again.start().await;
    assert_eq!(pair.inference.metrics().await.count("prediction_log_recovered_total", &[]), REQUESTS as u64);
    let books = pair.all_delivered().await;
    assert_eq!((books.recorded, books.delivered, books.dropped), (REQUESTS as u64, REQUESTS as u64, 0));
    assert_eq!(assert_exactly_once(&outcomes, &pair.database()), REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_memory_alone_is_told_of_when_it_is_lost() {
    let _alone = alone().await;
    let memory = |inference: Launch| inference.flag("--drain-seconds=", "0").flag("--record=", "memory");
    let mut pair = Pair::start_with(memory).await;
    pair.logging.crash();
    let examples = pictures("surface");
    let load = HEAVY.requests(REQUESTS);
    load.run(&pair.inference, move |number| Shot::picture("surface", &examples[number % examples.len()])).await;
    assert_eq!(pair.books().await.spooled, REQUESTS as u64);
    pair.inference.signal(Signal::TERM);
    assert_eq!(pair.inference.ends_within(STOP_PATIENCE).await.code(), Some(0), "{}", pair.inference.output());
    let lines = testkit::read_log_lines(&pair.inference.log());
    let lost = |line: &&LogLine| line["message"].as_str().unwrap().starts_with("prediction_log_records_lost");
    let line = lines.iter().find(lost).expect("a line that tells of it");
    assert_eq!((&line["level"], &line["records"]), (&json!("ERROR"), &json!(REQUESTS)), "{line}");
    assert!(!pair.places.spool.exists(), "there is a spool, although none was asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_is_a_stop_too() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    let Pair { inference, logging, .. } = pair;
    for mut service in [inference, logging] {
        service.signal(Signal::INT);
        assert_eq!(service.ends_within(STOP_PATIENCE).await.code(), Some(0), "{}", service.output());
        ended_in_order(&service);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_the_models_load_is_a_clean_one() {
    let _alone = alone().await;
    let repository = TempDir::new().unwrap();
    // So many that the stop surely comes before the last one is loaded.
    for copy in 0..60 {
        copy_model("cifar10", repository.path(), &format!("copy-{copy}"));
    }
    let mut service = Launch::inference().models(repository.path()).flag("--drain-seconds=", "0").spawn();
    wait_until("the port answers", LOAD_PATIENCE, async || service.ask("/health/live").await.is_ok()).await;
    let health = service.get("/health/ready").await;
    assert_eq!((health.status, &health.json()["status"]), (503, &json!("starting")), "{}", health.text());
    service.signal(Signal::TERM);
    assert_eq!(service.ends_within(LOAD_PATIENCE).await.code(), Some(0), "{}", service.output());
    ended_in_order(&service);
}

/// Stops the service with SIGTERM while the load goes on, and returns the load's outcomes, none of which is a
/// broken connection or a refusal.
async fn stop_under_load(service: &mut Service, load: RunningLoad) -> Vec<ShotOutcome> {
    wait_until("the load is under way", LOAD_PATIENCE, async || load.answered() > 200).await;
    service.signal(Signal::TERM);
    wait_until("readiness turns", Duration::from_secs(1), async || {
        service.ask("/health/ready").await.is_ok_and(|answer| answer.status == 503)
    })
    .await;
    let draining = Instant::now();
    let exit = service.ends_within(STOP_PATIENCE).await;
    let outcomes = load.stop().await;
    assert_eq!(exit.code(), Some(0), "{}", service.output());
    ended_in_order(service);

    let broken: Vec<_> = outcomes
        .iter()
        .filter(|outcome| !matches!(&outcome.answer, Err(Failure::Refused)) && outcome.status() != Some(200))
        .map(|outcome| &outcome.answer)
        .collect();
    assert!(broken.is_empty(), "{} of {} requests broke: {:?}", broken.len(), outcomes.len(), broken.first());
    let late = outcomes.iter().filter(|outcome| outcome.started > draining && outcome.answer.is_ok()).count();
    assert!(late > 20, "only {late} requests were answered after readiness had turned");
    let refused = outcomes.iter().filter(|outcome| outcome.answer.is_err()).count();
    eprintln!("{} answered, {late} of them while unready; {refused} never accepted", outcomes.len() - refused);
    outcomes
}

/// The last line says that it stopped; nothing went to stderr.
fn ended_in_order(service: &Service) {
    let lines = testkit::read_log_lines(&service.log());
    assert_eq!(lines.last().expect("a log")["message"], "stopped");
    assert_eq!(service.stderr(), "");
}
