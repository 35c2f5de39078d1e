//! Two predictions under one request id, and what becomes of their counts through labels, revisions and retention.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    every_course_of_labels_and_retention_counts_each_prediction_once,
}

/// Something that happens to the two predictions of one request.
#[derive(Clone, Copy, Debug)]
enum RequestStep {
    /// A label for both.
    Both(&'static str),
    /// A label for the predictions of the model `a` alone.
    OfA(&'static str),
    /// The same label as the last one, sent again.
    Again,
    /// The rows that are older than a day are deleted.
    Retention,
}

use RequestStep::{Again, Both, OfA, Retention};

/// The courses that are tried. The old prediction says `cat` and the young one `dog`; what both models' quality then says
/// is worked out beside it.
const COURSES: [&[RequestStep]; 12] = [
    &[Both("cat"), Retention, Both("dog")],
    &[Both("dog"), Retention, Both("cat"), Both("dog")],
    &[Both("cat"), Retention, Again, Both("cat")],
    &[Retention, Both("cat"), Both("dog")],
    &[Both("cat"), Both("dog"), Retention, Both("eel")],
    &[Both("cat"), Retention, Retention, Both("dog"), Retention, Both("cat")],
    &[OfA("cat"), Retention, Both("dog")],
    &[Both("dog"), OfA("cat"), Retention, OfA("dog")],
    &[Both("cat"), Retention, OfA("dog"), Both("cat")],
    &[Both("cat"), Again, Retention, Again, Both("dog"), Again],
    &[OfA("dog"), Both("cat"), Retention, OfA("dog"), Both("dog")],
    &[Retention, Retention, Both("dog")],
];

/// A prediction as it should be counted.
struct ExpectedCount {
    model: &'static str,
    predicted: &'static str,
    is_old: bool,
    /// The label that counts now.
    truth: Option<&'static str>,
    is_deleted: bool,
}

impl ExpectedCount {
    /// A label counts where the row is, and where an earlier one was counted.
    fn learn(&mut self, truth: &'static str) {
        if !self.is_deleted || self.truth.is_some() {
            self.truth = Some(truth);
        }
    }
}

async fn send_label(service: &RunningService, label: &Value, accepted: u64) {
    let answer = service.post("/feedback", label).await;
    let expected = json!({ "accepted": accepted, "duplicates": 1 - accepted });
    assert_eq!((answer.status, answer.json()), (200, expected), "{label}");
}

/// Starts the service anew with retention, and waits until the old rows are gone.
async fn delete_old(fixture: &Fixture, service: RunningService, rows: u64) -> RunningService {
    service.stop().await;
    let flags = ["--evaluate-seconds", "0.05", "--retention-days", "1"];
    let service = RunningService::start(fixture, &flags).await;
    let deleted = "logging_retention_deleted_total{reason=\"age\"}";
    service.metrics_until("old rows are deleted", |metrics| metrics.get(deleted) == rows as f64).await;
    service.stop().await;
    fresh(fixture, &[]).await
}

/// Of a model, how many predictions there were, how many have a label, and the share that is right.
async fn quality(service: &RunningService, model: &str) -> Value {
    let answer = service.get(&format!("/quality?model={model}&window=7d")).await.json();
    let quality = &answer["models"][0]["quality"];
    json!([quality["predictions"], quality["labelled"], quality["accuracy"]])
}

fn expected_quality(counts: &[ExpectedCount], model: &str) -> Value {
    let of_model: Vec<_> = counts.iter().filter(|count| count.model == model).collect();
    let labelled: Vec<_> = of_model.iter().filter(|count| count.truth.is_some()).collect();
    let right = labelled.iter().filter(|count| count.truth == Some(count.predicted)).count();
    let accuracy = (!labelled.is_empty()).then(|| right as f64 / labelled.len() as f64);
    json!([of_model.len(), labelled.len(), accuracy])
}

/// An old prediction and a young one of each of two models, all of one request.
fn expected_counts() -> Vec<ExpectedCount> {
    let of_model = |model| [(model, "cat", true), (model, "dog", false)];
    let counts = ["a", "b"].into_iter().flat_map(of_model);
    counts
        .map(|(model, predicted, is_old)| ExpectedCount { model, predicted, is_old, truth: None, is_deleted: false })
        .collect()
}

fn record(count: &ExpectedCount) -> Value {
    let time = Timestamp::now() - SignedDuration::from_hours(if count.is_old { 48 } else { 0 });
    json!({
        "model": count.model, "label": count.predicted, "confidence": 0.9, "request_id": "same",
        "occurred_at": time.to_string(),
    })
}

async fn every_course_of_labels_and_retention_counts_each_prediction_once(fixture: Fixture) {
    for course in COURSES {
        let fixture = fixture.another();
        let mut service = fresh(&fixture, &[]).await;
        let mut counts = expected_counts();
        let rows: Vec<Value> = counts.iter().map(record).collect();
        service.store(&rows).await;
        let mut last = None;
        for (revision, step) in course.iter().enumerate() {
            match *step {
                Both(truth) | OfA(truth) => {
                    let is_of_a = matches!(step, OfA(_));
                    let mut label = json!({ "request_id": "same", "label": truth, "revision": revision });
                    if is_of_a {
                        label["model"] = json!("a");
                    }
                    send_label(&service, &label, 1).await;
                    last = Some(label);
                    counts
                        .iter_mut()
                        .filter(|count| !is_of_a || count.model == "a")
                        .for_each(|count| count.learn(truth));
                }
                Again => send_label(&service, last.as_ref().unwrap(), 0).await,
                Retention => {
                    let gone = counts.iter().filter(|count| count.is_old && !count.is_deleted).count() as u64;
                    service = delete_old(&fixture, service, gone).await;
                    counts.iter_mut().filter(|count| count.is_old).for_each(|count| count.is_deleted = true);
                }
            }
            for model in ["a", "b"] {
                let expected = expected_quality(&counts, model);
                assert_eq!(quality(&service, model).await, expected, "{model} after step {revision} of {course:?}");
            }
        }
        service.stop().await;
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_logging-service"));
        let output = program.args(["--database", &fixture.flag(), "check"]).output().unwrap();
        assert!(output.status.success(), "{course:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}
