//! The spans of requests, as a collector gets them, and what a collector that is no good does to the service: nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::collector::{Collector, Manner, Span};
use crate::logged::FakeLog;
use crate::metrics::Metrics;
use crate::pictures::cat;
use crate::process::Process;
use crate::repository::{shipped, with_troublemakers};
use crate::sent::Sent;
use crate::service::{Answer, Service};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
/// The exporter's own patience with a collector, which is not to become anybody else's.
const EXPORT_PATIENCE: Duration = Duration::from_secs(10);

/// Requests are children of spans elsewhere.
fn traced(sent: Sent, trace: &str, flags: &str) -> Sent {
    sent.header("traceparent", &format!("00-{trace}-{CALLER}-{flags}"))
}

fn picture() -> Sent {
    Sent::new("image/jpeg", cat())
}

fn of(spans: &[Span], trace: &str) -> Vec<Span> {
    spans.iter().filter(|span| span.trace_id == trace).cloned().collect()
}

fn start(environment: &[(&str, String)]) -> Process {
    Process::start_in(environment, "", &shipped(), &["--drain-seconds", "0"])
}

async fn scrape(service: &Service) -> String {
    service.get_as("/metrics", "application/openmetrics-text").await.text
}

fn counted(metrics: &Metrics, outcome: &str) -> f64 {
    metrics.get(&format!("trace_spans_total{{outcome=\"{outcome}\"}}"))
}

fn nanoseconds(answer: &Answer, phase: &str) -> f64 {
    answer.json()["timings_ms"][phase].as_f64().unwrap() * 1e6
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prediction_is_a_span_with_its_phases_inside() {
    let mut collector = Collector::start(Manner::Takes).await;
    let mut environment = collector.environment();
    environment
        .push(("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.version=of the image".into()));
    let process = start(&environment);
    process.service.ready().await;
    let sent = traced(picture(), TRACE, "01").query("?model=cifar10").header("x-request-id", "visit-1");
    let answer = process.service.predict(&sent).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let spans = collector.spans_until("five spans", |spans| of(spans, TRACE).len() >= 5).await;
    let spans = of(&spans, TRACE);

    let request = spans.iter().find(|span| span.name == "POST /predict").expect("the request's span");
    assert_eq!((request.parent.as_str(), request.kind, request.status), (CALLER, 2, 0));
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/predict"),
        ("http.response.status_code", "200"),
        ("url.path", "/predict"),
        ("request_id", "visit-1"),
        ("model", "cifar10"),
        ("model_version", "1"),
        ("items", "1"),
    ] {
        assert_eq!(request.attributes.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!request.attributes.contains_key("error.type"));
    for (name, value) in [
        ("service.name", "inference-service"),
        ("service.version", "of the image"),
        ("deployment.environment.name", "test"),
        ("telemetry.sdk.language", "rust"),
    ] {
        assert_eq!(request.resource.get(name).map(String::as_str), Some(value), "{name}");
    }

    let mut phases: Vec<&Span> = spans.iter().filter(|span| span.name != request.name).collect();
    phases.sort_by_key(|span| span.started);
    assert_eq!(
        phases.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(),
        ["decode", "queue", "inference", "record"]
    );
    let mut before = request.started;
    for phase in &phases {
        assert_eq!((phase.parent.as_str(), phase.kind), (request.id.as_str(), 1));
        assert!(before <= phase.started && phase.started <= phase.ended && phase.ended <= request.ended, "{spans:?}");
        before = phase.ended;
    }
    // The answer is rounded to microseconds.
    for phase in &phases[..3] {
        let took = (phase.ended - phase.started) as f64;
        assert!((took - nanoseconds(&answer, &phase.name)).abs() <= 600.0, "{phase:?} {answer:?}");
    }

    assert_linked(&process, request).await;
}

/// The log line, and the exemplars of all three histograms, are of the same trace and span as the request.
async fn assert_linked(process: &Process, request: &Span) {
    let line = process.log.wait_for("the line", |line| line["message"] == "prediction_completed");
    assert_eq!(line["trace_id"], TRACE);
    let exemplar = format!(" # {{trace_id=\"{TRACE}\",span_id=\"{}\"}} ", request.id);
    let metrics = scrape(&process.service).await;
    let named = |start: &str| metrics.lines().any(|line| line.starts_with(start) && line.contains(&exemplar));
    assert!(named("prediction_latency_seconds_bucket{model=\"cifar10\",status=\"success\""), "{metrics}");
    assert!(named("prediction_phase_seconds_bucket{model=\"cifar10\",phase=\"inference\""), "{metrics}");
    assert!(named("http_request_duration_seconds_bucket{method=\"POST\",route=\"/predict\""), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_says_what_went_wrong_and_whose_fault_it_is() {
    let models = with_troublemakers();
    let mut collector = Collector::start(Manner::Takes).await;
    let process = Process::start_in(&collector.environment(), "", models.path(), &[]);
    process.service.ready().await;
    let trace = |number: usize| format!("{number:032x}");
    let hopeless = serde_json::json!({"model": "never", "input": [1.0]});
    let refused = [
        ("/predict", Sent::new("text/plain", "hello"), 415, "unsupported_media_type", "POST /predict"),
        ("/predict", picture().query("?model=nobody"), 404, "model_not_found", "POST /predict"),
        ("/nowhere", picture(), 404, "not_found", "POST"),
        ("/predict", Sent::json(&hopeless), 500, "internal", "POST /predict"),
    ];
    for (number, (path, sent, status, ..)) in refused.iter().enumerate() {
        let answer = process.service.post(path, &traced(sent.clone(), &trace(number + 1), "01")).await;
        assert_eq!(answer.status, *status, "{answer:?}");
    }
    let last = trace(refused.len());
    let spans = collector.spans_until("the last", |spans| spans.iter().any(|span| span.trace_id == last)).await;
    for (number, (_, _, status, code, name)) in refused.iter().enumerate() {
        let spans = of(&spans, &trace(number + 1));
        let request = spans.iter().find(|span| span.kind == 2).expect("the request's span");
        assert_eq!((request.name.as_str(), request.status == 2), (*name, *status >= 500), "{request:?}");
        assert_eq!(request.attributes["error.type"], *code);
        assert_eq!(request.attributes["http.response.status_code"], status.to_string());
        assert!(!spans.iter().any(|span| span.name == "inference" || span.name == "record"), "{spans:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sampled_is_not_exported_and_no_exemplar() {
    let mut collector = Collector::start(Manner::Takes).await;
    let mut environment = collector.environment();
    // A trace that begins here is not sampled, and a caller's decision stands.
    environment.push(("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".into()));
    environment.push(("OTEL_TRACES_SAMPLER_ARG", "0".into()));
    let process = start(&environment);
    process.service.ready().await;
    let (dropped, kept) = ("1".repeat(32), "2".repeat(32));
    assert_eq!(process.service.predict(&picture().query("?model=cifar10")).await.status, 200);
    for (trace, flags) in [(&dropped, "00"), (&kept, "01")] {
        let sent = traced(picture().query("?model=cifar10"), trace, flags);
        assert_eq!(process.service.predict(&sent).await.status, 200);
    }
    // The queue is first in, first out.
    let spans = collector.spans_until("the sampled spans", |spans| of(spans, &kept).len() >= 5).await;
    assert_eq!(spans.len(), 5, "{spans:?}");
    let metrics = scrape(&process.service).await;
    assert!(metrics.contains(&kept) && !metrics.contains(&dropped), "{metrics}");
    let exemplars = metrics.lines().filter(|line| line.contains("trace_id")).count();
    assert_eq!(metrics.matches(&kept).count(), exemplars, "{metrics}");
    process.service.metrics_until("the spans are counted", |metrics| counted(metrics, "exported") == 5.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_to_the_log_is_a_span_of_its_own() {
    let mut log = FakeLog::start(&[]).await;
    let mut collector = Collector::start(Manner::Takes).await;
    let process = Process::start_in(&collector.environment(), &log.url, &shipped(), &["--record", "memory"]);
    process.service.ready().await;
    let sent = traced(picture().query("?model=cifar10"), TRACE, "01");
    assert_eq!(process.service.predict(&sent).await.status, 200);
    let record = log.record().await;
    let is_delivery = |span: &&Span| span.name == "POST /log";
    let spans = collector
        .spans_until("both", |spans| of(spans, TRACE).len() >= 5 && spans.iter().any(|span| is_delivery(&span)));
    let spans = spans.await;
    let delivery = spans.iter().find(is_delivery).unwrap();
    assert_eq!((delivery.parent.as_str(), delivery.kind, delivery.status), ("", 3, 0));
    // The record names the span of its request, not that of its delivery.
    let request = of(&spans, TRACE).into_iter().find(|span| span.kind == 2).unwrap();
    assert_eq!((&record["trace_id"], &record["span_id"]), (&Value::from(TRACE), &Value::from(request.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_slows_neither_answers_nor_the_stop() {
    let collector = Collector::start(Manner::Hangs).await;
    let mut environment = collector.environment();
    environment.push(("OTEL_BSP_MAX_QUEUE_SIZE", "32".into()));
    let process = start(&environment);
    process.service.ready().await;
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(process.service.predict(&picture().query("?model=cifar10")).await.status, 200);
    }
    assert!(began.elapsed() < EXPORT_PATIENCE, "the answers waited for the collector");
    let metrics = process.service.metrics().await;
    assert_eq!((counted(&metrics, "exported"), counted(&metrics, "failed")), (0.0, 0.0));
    // 20 predictions have a hundred spans, of which 32 wait at most and as many are on their way.
    assert!(counted(&metrics, "dropped") >= 36.0, "{metrics:?}");

    let (log, stopping) = (process.log.clone(), Instant::now());
    assert!(process.stop().success());
    assert!(stopping.elapsed() < EXPORT_PATIENCE, "the stop waited for the collector");
    log.wait_for("what was lost", |line| line["message"] == "traces_abandoned");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_are_refused_are_counted_and_told_of_once() {
    let collector = Collector::start(Manner::Refuses).await;
    let process = start(&collector.environment());
    process.service.ready().await;
    for number in 1..=3 {
        assert_eq!(process.service.predict(&picture().query("?model=cifar10")).await.status, 200);
        let least = f64::from(number) * 5.0;
        process.service.metrics_until("spans have failed", |metrics| counted(metrics, "failed") >= least).await;
    }
    assert_eq!(process.log.count(|line| line["message"] == "trace_export_failing"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_wait_are_sent_at_the_stop() {
    let mut collector = Collector::start(Manner::Takes).await;
    let mut environment = collector.environment();
    environment.push(("OTEL_BSP_SCHEDULE_DELAY", "3600000".into()));
    let process = start(&environment);
    process.service.ready().await;
    let sent = traced(picture().query("?model=cifar10"), TRACE, "01");
    assert_eq!(process.service.predict(&sent).await.status, 200);
    assert!(process.stop().success());
    let spans = collector.spans_until("the spans", |spans| !spans.is_empty()).await;
    assert_eq!(of(&spans, TRACE).len(), 5, "{spans:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_there_is_no_thread_for_it() {
    let collector = Collector::start(Manner::Takes).await;
    for (environment, expected) in [(collector.environment(), true), (Vec::new(), false)] {
        let process = start(&environment);
        let metrics = process.service.metrics().await;
        assert_eq!(["dropped", "failed"].map(|outcome| counted(&metrics, outcome)), [0.0, 0.0]);
        let threads = process.threads();
        assert_eq!(threads.iter().any(|name| name.starts_with("OpenTelemetry")), expected, "{threads:?}");
    }
}

#[test]
fn what_the_environment_asks_for_and_cannot_be_done_is_told_at_the_start() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    for wrong in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inference-service"));
        command.args(["--listen", "127.0.0.1:0", "--grpc-listen", "", "--log-url", "", "--models"]).arg(shipped());
        let output = command.env_clear().envs([endpoint, wrong]).output().unwrap();
        assert!(!output.status.success(), "{wrong:?}");
        let line: Value = serde_json::from_slice(output.stdout.trim_ascii()).unwrap();
        let error = line["error"].as_str().unwrap();
        assert!(error.contains(wrong.0) && error.contains(wrong.1), "{error}");
    }
}
