//! References, and the verdict on windows that lie beside them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    a_drift_of_the_input_is_found_and_no_drift_is_not,
    a_reference_outlives_the_service_and_belongs_to_its_file,
    an_older_reference_does_not_replace_a_newer_one,
    what_can_be_no_reference_is_refused,
}

const EAGER: &[&str] = &["--evaluate-seconds", "0.05"];
const SHA256: &str = "3cea1e0c4d3b12355368948ad03bf3acbe2da83adaece1526c4641c2f7bb58c0";

/// Predictions whose pictures have about this brightness.
fn pictures(count: u32, brightness: f64) -> Vec<Value> {
    let one = |i: u32| {
        let spread = f64::from(i % 20) / 100.0;
        let value = brightness + spread;
        json!({
            "model": "m", "model_sha256": SHA256, "label": if i.is_multiple_of(3) { "cat" } else { "dog" }, "confidence": 0.6 + spread,
            "input": {
                "width": 32, "height": 32, "brightness": value, "contrast": 0.2 + spread, "sharpness": 0.01,
                "mean": [value], "std": [0.2 + spread]
            }
        })
    };
    (0..count).map(one).collect()
}

/// The verdicts by feature.
async fn verdicts(service: &RunningService) -> Vec<(String, String)> {
    let body = service.get("/drift?model=m&window=1h").await.json();
    let features = body["models"][0]["drift"]["features"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    features.iter().map(|feature| (text(&feature["feature"]), text(&feature["verdict"]))).collect()
}

async fn a_drift_of_the_input_is_found_and_no_drift_is_not(fixture: Fixture) {
    let service = fresh(&fixture, EAGER).await;
    service.store(&pictures(400, 0.3)).await;
    assert_eq!(service.get("/drift?model=m").await.json()["models"][0]["drift"], json!(null), "there is no reference");
    let reference = service.post("/drift/reference", &json!({ "model": "m" })).await;
    assert_eq!(reference.status, 200, "{reference:?}");
    assert_eq!(reference.json()["model_sha256"], json!(SHA256));
    assert!(verdicts(&service).await.iter().all(|(_, verdict)| verdict == "none"));

    service.store(&pictures(800, 0.6)).await;
    let found = verdicts(&service).await;
    let of = |name: &str| found.iter().find(|(feature, _)| feature == name).unwrap().1.clone();
    assert_eq!((of("brightness"), of("mean_0")), ("drift".to_owned(), "drift".to_owned()));
    assert_eq!((of("contrast"), of("predicted_class"), of("width")), ("none".into(), "none".into(), "none".into()));

    // The longest window is the last to be summed again.
    let series = "logging_drift_verdict{feature=\"brightness\",model=\"m\",window=\"7d\"}";
    service.metrics_until("the verdict is a metric", |m| m.find(series) == Some(2.0)).await;
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("logging_drift_samples{model=\"m\",window=\"1h\"}"), 1200.0);
    assert_eq!(metrics.get("logging_reference_samples{model=\"m\"}"), 400.0);
    let labels = "{feature=\"brightness\",model=\"m\",statistic=\"psi\",window=\"7d\"}";
    let (psi, floor) =
        (metrics.get(&format!("logging_drift{labels}")), metrics.get(&format!("logging_drift_noise_floor{labels}")));
    assert!(psi > 0.25 && psi > floor && floor > 0.0, "{psi} {floor}");
}

async fn a_reference_outlives_the_service_and_belongs_to_its_file(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&pictures(100, 0.3)).await;
    let profile = service.post("/drift/reference", &json!({ "model": "m", "model_sha256": SHA256 })).await.json();
    service.stop().await;

    let service = RunningService::start(&fixture, &[]).await;
    let kept = service.get("/drift/reference?model=m").await.json();
    assert_eq!(kept["references"], json!([profile]));
    let mut other = profile.clone();
    other["model_sha256"] = json!("0".repeat(64));
    for _ in 0..2 {
        let answer = service.put("/drift/reference", &other).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(service.get("/drift/reference").await.json()["references"].as_array().unwrap().len(), 2);
    assert_eq!(service.get("/drift/reference?model=none").await.json()["references"], json!([]));
}

async fn an_older_reference_does_not_replace_a_newer_one(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&pictures(100, 0.3)).await;
    let taken = service.post("/drift/reference", &json!({ "model": "m", "model_sha256": SHA256 })).await.json();
    let put = async |created_at: String| {
        let mut profile = taken.clone();
        profile["created_at"] = json!(created_at);
        (service.put("/drift/reference", &profile).await, profile)
    };
    let kept = async || service.get("/drift/reference").await.json()["references"].clone();
    let (answer, _) = put("2020-01-01T00:00:00Z".to_owned()).await;
    assert_eq!((answer.status, &answer.json()["stored"]), (200, &json!(false)));
    let (answer, _) = put("2120-01-01T00:00:00Z".to_owned()).await;
    assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("invalid_input")));
    assert_eq!(kept().await, json!([taken]));
    let a_minute_ahead = (Timestamp::now() + SignedDuration::from_mins(1)).to_string();
    let (answer, newer) = put(a_minute_ahead).await;
    assert_eq!((answer.status, &answer.json()["stored"]), (200, &json!(true)));
    assert_eq!(kept().await, json!([newer]));
    // It says so where it could not take one.
    let taken_again = service.post("/drift/reference", &json!({ "model": "m" })).await;
    assert_eq!((taken_again.status, kept().await), (422, json!([newer])));
}

async fn what_can_be_no_reference_is_refused(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let nothing = service.post("/drift/reference", &json!({ "model": "m" })).await;
    assert_eq!((nothing.status, &nothing.json()["code"]), (422, &json!("invalid_input")));
    service.store(&pictures(10, 0.3)).await;
    let profile = service.post("/drift/reference", &json!({ "model": "m" })).await.json();
    for (field, value) in [("schema_version", json!(99)), ("model", json!("")), ("model_sha256", json!("x"))] {
        let mut broken = profile.clone();
        broken[field] = value;
        let answer = service.put("/drift/reference", &broken).await;
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("invalid_input")), "{field}");
    }
    assert_eq!(service.send("/drift/reference", &[("content-type", "text/plain")], "x").await.status, 415);
    for query in ["window=2h", "window=1h&since=2026-01-01T00:00:00Z", "modle=m"] {
        assert_eq!(service.get(&format!("/drift?{query}")).await.status, 400, "{query}");
    }
}
