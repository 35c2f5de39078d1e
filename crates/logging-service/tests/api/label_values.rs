//! What a label says, and in which figures it counts: texts for numbers, names that are no class, errors beyond all floats.

use serde_json::{Value, json};

use crate::metrics::ScrapedMetrics;
use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    the_best_label_that_can_be_judged_counts_in_any_order,
    a_label_that_is_no_class_is_wrong_and_has_no_probability,
    a_revision_after_retention_knows_the_classes_as_well,
    no_error_of_a_regression_is_an_accuracy,
    labels_that_count_for_nothing_are_told,
}

const EAGER: &[&str] = &["--evaluate-seconds", "0.05"];

async fn send(service: &RunningService, path: &str, body: &Value) -> Value {
    let answer = service.post(path, body).await;
    assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
    answer.json()
}

async fn declare(service: &RunningService, model: &str, declaration: &Value) {
    let answer = service.put(&format!("/models/{model}"), declaration).await;
    assert_eq!(answer.status, 200, "{declaration}: {answer:?}");
}

async fn quality(service: &RunningService, model: &str) -> Value {
    let answer = service.get(&format!("/quality?model={model}&window=7d")).await.json();
    answer["models"][0]["quality"].clone()
}

fn is_labelled(metrics: &ScrapedMetrics, model: &str) -> bool {
    metrics.find(&format!("logging_labelled_predictions{{model=\"{model}\",window=\"1h\"}}")) == Some(1.0)
}

/// All orders of four things.
fn orders() -> Vec<[usize; 4]> {
    let all = (0..256).map(|code| [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6]);
    all.filter(|order| (0..4).all(|one| order.contains(&one))).collect()
}

async fn the_best_label_that_can_be_judged_counts_in_any_order(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    for (number, order) in orders().into_iter().enumerate() {
        let [price, kind] = ["price", "kind"].map(|model| format!("{model}{number}"));
        let label = |label: &str, revision: u32| json!({ "request_id": price, "label": label, "revision": revision });
        let of_price = json!({ "model": price, "task": "regression", "value": 1, "request_id": price });
        let of_kind = json!({ "model": kind, "label": "abc", "request_id": price });
        for step in order {
            match step {
                0 => send(&service, "/log", &json!([of_price, of_kind])).await,
                1 => send(&service, "/feedback", &label("2.0", 1)).await,
                2 => send(&service, "/feedback", &label("abc", 2)).await,
                _ => send(&service, "/feedback", &label("9.0", 0)).await,
            };
        }
        let is_judged = |m: &ScrapedMetrics| is_labelled(m, &price) && is_labelled(m, &kind);
        service.metrics_until("both have a label", is_judged).await;
        let [price, kind] = [quality(&service, &price).await, quality(&service, &kind).await];
        assert_eq!((&price["labelled"], &price["regression"]["mae"]), (&json!(1), &json!(1.0)), "{order:?} {price}");
        assert_eq!((&kind["labelled"], &kind["accuracy"]), (&json!(1), &json!(1.0)), "{order:?} {kind}");
    }
    service.stop().await;
}

/// Classes with their probabilities.
type Top = &'static [(&'static str, f64)];

/// A prediction with its label, and what follows.
struct JudgedCase {
    declared: Value,
    top: Top,
    truth: &'static str,
    /// Log loss and Brier score, as far as there are any.
    expected: [Option<f64>; 2],
    outside: Option<u64>,
}

impl JudgedCase {
    /// A label that takes part in nothing that is about probabilities.
    fn left_out(declared: Value, top: Top, truth: &'static str) -> Self {
        Self { declared, top, truth, expected: [None, None], outside: None }
    }

    /// A label that is none of the declared classes.
    fn outside(declared: Value, top: Top, truth: &'static str) -> Self {
        Self { outside: Some(1), ..Self::left_out(declared, top, truth) }
    }

    /// A true class of this probability.
    fn given(self, probability: f64, brier: Option<f64>) -> Self {
        Self { expected: [Some(-probability.ln()), brier], ..self }
    }
}

fn judged_cases() -> Vec<JudgedCase> {
    const NO: Top = &[("no", 0.75)];
    const BOTH: Top = &[("no", 0.75), ("yes", 0.25)];
    const THREE: Top = &[("no", 0.5), ("yes", 0.25), ("1", 0.25)];
    let two = || json!({ "labels": ["no", "yes"] });
    let three = || json!({ "labels": ["no", "yes", "1.0"] });
    let positive = || json!({ "positive": "yes" });
    let (outside, left_out) = (JudgedCase::outside, JudgedCase::left_out);
    vec![
        left_out(two(), NO, "no").given(0.75, Some(0.0625)),
        left_out(two(), NO, "yes").given(0.25, Some(0.5625)),
        outside(two(), NO, "Yes"),
        outside(two(), BOTH, "x"),
        outside(two(), BOTH, "7"),
        left_out(two(), BOTH, "1").given(0.25, Some(0.5625)),
        outside(two(), &[("maybe", 0.75)], "maybe"),
        left_out(three(), NO, "yes").given(0.125, None),
        left_out(three(), NO, "1").given(0.125, None),
        outside(three(), NO, "x"),
        outside(three(), BOTH, "3.5"),
        outside(positive(), NO, "x"),
        outside(positive(), BOTH, "x"),
        left_out(positive(), &[("yes", 0.75)], "no").given(0.25, Some(0.5625)),
        left_out(json!({}), BOTH, "yes").given(0.25, Some(0.5625)),
        left_out(json!({}), BOTH, "x"),
        left_out(json!({}), THREE, "x"),
    ]
}

async fn a_label_that_is_no_class_is_wrong_and_has_no_probability(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    for (number, JudgedCase { declared, top, truth, expected, outside }) in judged_cases().into_iter().enumerate() {
        let model = format!("m{number}");
        declare(&service, &model, &declared).await;
        let top: Vec<Value> =
            top.iter().map(|(label, confidence)| json!({ "label": label, "confidence": confidence })).collect();
        let (label, confidence) = (&top[0]["label"], &top[0]["confidence"]);
        let record =
            json!({ "model": model, "label": label, "confidence": confidence, "top": top, "request_id": model });
        send(&service, "/log", &record).await;
        send(&service, "/feedback", &json!({ "request_id": model, "label": truth })).await;
        let quality = quality(&service, &model).await;
        let case = format!("{declared} {top:?} {truth}: {quality}");
        let right = f64::from(u8::from(label == truth));
        assert_eq!((&quality["labelled"], &quality["accuracy"]), (&json!(1), &json!(right)), "{case}");
        assert_eq!(quality["top_k_accuracy"][0]["accuracy"], json!(right), "{case}");
        assert_eq!(quality["calibration_samples"], json!(1), "{case}");
        let found = [&quality["log_loss"], &quality["binary"]["brier"]].map(Value::as_f64);
        for (found, expected) in found.into_iter().zip(expected) {
            assert_eq!(found.is_some(), expected.is_some(), "{case}");
            assert!((found.unwrap_or_default() - expected.unwrap_or_default()).abs() < 1e-12, "{case}");
        }
        assert_eq!(quality["labelled_outside_classes"].as_u64(), outside, "{case}");
    }
    let outside = "logging_labels_outside_classes{model=\"m2\",window=\"1h\"}";
    service.metrics_until("the metrics tell of it", |m| m.find(outside) == Some(1.0)).await;
    assert_eq!(service.metrics().await.find(&outside.replace("m2", "m0")), Some(0.0));
    service.stop().await;
}

async fn a_revision_after_retention_knows_the_classes_as_well(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let old = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(48);
    declare(&service, "two", &json!({ "labels": ["no", "yes"] })).await;
    declare(&service, "three", &json!({ "labels": ["no", "yes", "maybe"] })).await;
    for model in ["two", "three"] {
        let record = json!({
            "model": model, "label": "no", "confidence": 0.75, "request_id": "r", "occurred_at": old.to_string(),
        });
        send(&service, "/log", &record).await;
    }
    // The newest row always stays.
    send(&service, "/log", &json!({ "model": "newest", "label": "no" })).await;
    send(&service, "/feedback", &json!({ "request_id": "r", "label": "x" })).await;
    service.stop().await;
    let service = RunningService::start(&fixture, &["--evaluate-seconds", "0.05", "--retention-days", "1"]).await;
    let are_deleted = |m: &ScrapedMetrics| m.get("logging_retention_deleted_total{reason=\"age\"}") == 2.0;
    service.metrics_until("the predictions are deleted", are_deleted).await;
    let loss = |probability: f64| Some(-probability.ln());
    let steps = [
        ("yes", [loss(0.25), None], [Some(0.5625), None], None),
        ("No", [None, None], [None, None], Some(1)),
        ("no", [loss(0.75), loss(0.75)], [Some(0.0625), None], None),
    ];
    for (revision, (truth, losses, briers, outside)) in steps.into_iter().enumerate() {
        let label = json!({ "request_id": "r", "label": truth, "revision": revision + 1 });
        send(&service, "/feedback", &label).await;
        for ((model, loss), brier) in ["two", "three"].into_iter().zip(losses).zip(briers) {
            let quality = quality(&service, model).await;
            let case = format!("{model} {truth}: {quality}");
            assert_eq!(quality["log_loss"].as_f64().is_some(), loss.is_some(), "{case}");
            let found = quality["log_loss"].as_f64().unwrap_or_default();
            assert!((found - loss.unwrap_or_default()).abs() < 1e-12, "{case}");
            assert_eq!(quality["binary"]["brier"].as_f64(), brier, "{case}");
            assert_eq!(quality["labelled_outside_classes"].as_u64(), outside, "{case}");
        }
    }
    service.stop().await;
}

async fn no_error_of_a_regression_is_an_accuracy(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    let rows = [(1.7e308, -1.7e308), (1e308, -1e308), (-1.7e308, 1.7e308), (1.0, 2.0)];
    for (number, (value, truth)) in rows.into_iter().enumerate() {
        let request = number.to_string();
        for model in ["all", &format!("only{number}")] {
            let record = json!({ "model": model, "task": "regression", "value": value, "request_id": request });
            send(&service, "/log", &record).await;
        }
        send(&service, "/feedback", &json!({ "request_id": request, "label": truth })).await;
    }
    for (model, samples) in [("all", 4), ("only0", 1), ("only1", 1), ("only2", 1), ("only3", 1)] {
        let quality = quality(&service, model).await;
        let regression = &quality["regression"];
        assert_eq!([&quality["labelled"], &regression["samples"]], [&json!(samples); 2], "{quality}");
        assert!(quality.get("accuracy").is_none() && quality["classes"] == json!([]), "{quality}");
        for figure in ["mae", "rmse", "bias"] {
            assert!(regression[figure].as_f64().is_some_and(f64::is_finite), "{figure}: {quality}");
        }
        // The grid of the quantiles ends there.
        let is_beyond = regression["mae"].as_f64().unwrap() >= 2.0_f64.powi(40);
        assert_eq!(regression.get("error_p99").is_none(), is_beyond, "{quality}");
    }
    service.metrics_until("all are evaluated", |m| is_labelled(m, "only2")).await;
    assert_eq!(service.metrics().await.find("logging_accuracy{model=\"only2\",window=\"1h\"}"), None);
    service.stop().await;
}

async fn labels_that_count_for_nothing_are_told(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    let told = |m: &ScrapedMetrics, reason: &str| m.get(&format!("logging_feedback_uncounted{{reason=\"{reason}\"}}"));
    let regression = |request: &str| json!({ "model": "p", "task": "regression", "value": 1, "request_id": request });
    let failed = |request: &str| json!({ "model": "c", "status": "error", "request_id": request });
    let raw = |request: &str| json!({ "model": "r", "task": "raw", "request_id": request });
    let texts = ["NaN", "inf", " 2", "2.", "abc", "1e999", "true"];
    for (number, label) in texts.into_iter().enumerate() {
        let request = format!("text{number}");
        send(&service, "/log", &regression(&request)).await;
        let answer = send(&service, "/feedback", &json!({ "request_id": request, "label": label })).await;
        assert_eq!(answer, json!({ "accepted": 1, "duplicates": 0, "uncounted": 1 }), "{label}");
    }
    send(&service, "/log", &json!([raw("raw"), failed("failed"), failed("early, too")])).await;
    let labels = json!([
        { "request_id": "raw", "label": 1 },
        { "request_id": "failed", "label": "cat" },
        { "request_id": "early", "label": "cat" },
        { "request_id": "never", "label": "cat" },
    ]);
    let answer = send(&service, "/feedback", &labels).await;
    assert_eq!(answer, json!({ "accepted": 4, "duplicates": 0, "uncounted": 2 }));
    let again = send(&service, "/feedback", &labels).await;
    assert_eq!(again, json!({ "accepted": 0, "duplicates": 4 }));
    send(&service, "/log", &failed("early")).await;
    let all_are_told = |m: &ScrapedMetrics| {
        let found = ["no_number", "nothing_to_judge", "failed_prediction"].map(|reason| told(m, reason));
        found == [7.0, 1.0, 2.0] && m.get("logging_feedback_waiting") == 1.0
    };
    service.metrics_until("all are told, and only the one that may come waits", all_are_told).await;

    // The client has tried again, and this time there was an answer.
    send(&service, "/log", &json!({ "model": "c", "label": "cat", "request_id": "failed" })).await;
    service.metrics_until("the label counts now", |m| is_labelled(m, "c")).await;
    service.metrics_until("and is not told of any more", |m| told(m, "failed_prediction") == 1.0).await;
    assert_eq!(quality(&service, "c").await["accuracy"], json!(1.0));
    service.stop().await;
}
