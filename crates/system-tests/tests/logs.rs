//! Proves what the logs promise: a stdout that is not read blocks no request and no stop, every line is counted by
//! its level, the format and the filter can be chosen, and a client's trace leads to the log line and to the record.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{
    Launch, Load, LogLine, Pair, Picture, Service, Shot, Signal, alone, assert_is_refusal, count_by, pictures,
    wait_until,
};

/// Far more lines than the pipe (64 KiB) and the queue of lines (8192) hold together.
const FLOOD: usize = 12_000;
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_stdout_that_nobody_reads_blocks_neither_requests_nor_the_stop() {
    let _alone = alone().await;
    let mut service = Launch::inference().unread_stdout().flag("--drain-seconds=", "0").start().await;
    let examples = pictures("surface");
    let load = Load::closed(8).requests(FLOOD);
    let outcomes = load
        // Lines of refusals would be thinned before they reach the queue.
        .run(&service, move |number| Shot::picture("surface", &examples[number % examples.len()]))
        .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.status() == Some(200)).count(), FLOOD);
    let slowest = outcomes.iter().map(|outcome| outcome.seconds).fold(0.0, f64::max);
    assert!(slowest < 5.0, "a request took {slowest} s");

    let metrics = service.metrics().await;
    let (events, dropped) = (metrics.count("log_events_total", &[]), metrics.count("log_lines_dropped_total", &[]));
    eprintln!("{dropped} of {events} lines dropped");
    assert!(dropped > 0 && dropped < events, "{dropped} of {events}");

    let told = Instant::now();
    service.signal(Signal::TERM);
    assert_eq!(service.ends_within(PATIENCE).await.code(), Some(0), "{}", service.stderr());
    assert!(told.elapsed() < Duration::from_secs(5), "stopping took {:?}", told.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_counted_by_its_level() {
    let _alone = alone().await;
    let pair = Pair::start().await;
    predict_well_and_badly(&pair.inference).await;
    assert_is_refusal(&pair.logging.post("/log", "application/json", "{}").await);
    pair.all_delivered().await;
    for service in [&pair.inference, &pair.logging] {
        let lines = service.log_lines().await;
        let metrics = service.metrics().await;
        let by_level = count_by(&lines, "level").into_iter().map(|(level, count)| (level.to_lowercase(), count));
        assert_eq!(metrics.counts_by("log_events_total", &[], "level"), by_level.collect());
        assert!(metrics.count("log_events_total", &[("level", "warn")]) > 0);
        assert!(metrics.count("log_events_total", &[("level", "info")]) > 0);
        assert_eq!(metrics.count("log_events_total", &[("level", "error")]), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pretty_format_is_for_people() {
    let _alone = alone().await;
    let service = Launch::inference().environment("LOG_FORMAT", "pretty").start().await;
    let id = predict_well_and_badly(&service).await;
    wait_until("the line is written", PATIENCE, async || service.log().contains(&id)).await;
    let log = service.log();
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_err() && !line.starts_with('{'), "JSON: {line}");
    }
    let completed = log.lines().find(|line| line.contains("prediction_completed")).expect("prediction_completed");
    assert!(completed.contains(" INFO inference-service ") && completed.contains("label="), "{completed}");
    let failed = log.lines().find(|line| line.contains("prediction_failed")).expect("prediction_failed");
    assert!(failed.contains(" WARN ") && failed.contains(&id), "{failed}");
    assert!(failed.contains("unsupported_media_type"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_silences_the_rest_and_refusals_keep_their_ids() {
    let _alone = alone().await;
    let service = Launch::inference().environment("RUST_LOG", "warn").start().await;
    let id = predict_well_and_badly(&service).await;
    service.get("/no-such-route").await;
    let lines = service.log_lines().await;
    assert_eq!(count_by(&lines, "level").keys().collect::<Vec<_>>(), ["WARN"]);
    assert_eq!(line_of(&lines, &id)["message"], "prediction_failed");
    let refused: Vec<_> = lines.iter().filter(|line| line["message"] == "request_refused").collect();
    assert_eq!(refused.len(), 1);
    assert!(refused[0]["request_id"].is_string() && refused[0]["trace_id"].is_string(), "{}", refused[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_read_is_told_of() {
    let _alone = alone().await;
    let service = Launch::inference().environment("RUST_LOG", "loud=[").start().await;
    let id = predict_well_and_badly(&service).await;
    let lines = service.log_lines().await;
    assert!(lines.iter().any(|line| line["level"] == "WARN" && line["RUST_LOG"] == "loud=["), "{}", service.log());
    line_of(&lines, &id);
    assert!(count_by(&lines, "level").contains_key("INFO"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_trace_leads_to_the_line_and_to_the_record() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let _alone = alone().await;
    let pair = Pair::start().await;
    for shot in [picture_shot(), Shot::new("/predict", "text/plain", "hello")] {
        let request = shot.request().header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"));
        let answer = pair.inference.send(&request).await;
        assert_eq!(answer.header("x-request-id"), Some(shot.request_id.as_str()));
        assert_eq!(answer.json()["request_id"], shot.request_id.as_str());

        pair.all_delivered().await;
        assert_eq!(line_of(&pair.inference.log_lines().await, &shot.request_id)["trace_id"], TRACE);
        let found = pair.logging.get(&format!("/predictions?request_id={}", shot.request_id)).await.json();
        assert_eq!(found["predictions"].as_array().map(Vec::len), Some(1), "{found}");
        assert_eq!(found["predictions"][0]["trace_id"], TRACE);
    }
}

/// One prediction and one refusal, whose id is returned.
async fn predict_well_and_badly(service: &Service) -> String {
    let answer = service.send(&picture_shot().request()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shot = Shot::new("/predict", "text/plain", "hello");
    let answer = service.send(&shot.request()).await;
    assert_is_refusal(&answer);
    shot.request_id
}

fn picture_shot() -> Shot {
    let examples: Vec<Picture> = pictures("cifar10");
    Shot::picture("cifar10", &examples[0])
}

/// The one line of a request.
fn line_of<'a>(lines: &'a [LogLine], request_id: &str) -> &'a LogLine {
    let found: Vec<_> = lines.iter().filter(|line| line["request_id"] == request_id).collect();
    assert_eq!(found.len(), 1, "lines of {request_id}: {found:?}");
    found[0]
}
