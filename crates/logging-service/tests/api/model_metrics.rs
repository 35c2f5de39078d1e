//! What the metrics say about each model, and which models they leave out.

use serde_json::{Value, json};

use crate::service::fresh;
use crate::store_support::{Fixture, on_each_engine};

const OFTEN: &[&str] = &["--evaluate-seconds", "0.05"];

on_each_engine! {
    thresholds_owner_and_mute_are_metrics,
    failures_and_single_predictions_of_other_files_hide_no_numbers,
    junk_names_do_not_displace_a_real_model,
    a_gross_change_is_seen_at_once_and_no_change_is_none,
    the_detector_sees_known_drifts_and_stores_nothing,
    a_column_that_is_missing_is_a_fault,
}

async fn thresholds_owner_and_mute_are_metrics(fixture: Fixture) {
    let service = fresh(&fixture, OFTEN).await;
    let muted = json!({
        "owner": "risk", "task": "regression", "thresholds": { "psi_drift": 0.4, "mae": 12 },
        "mute": { "until": "2999-01-01T00:00:00Z" },
    });
    assert_eq!(service.put("/models/house", &muted).await.status, 200);
    service.store(&[json!({ "model": "bare", "label": "a", "confidence": 0.5 })]).await;
    service
        .metrics_until("the declared model and the other are known", |metrics| {
            let value = |series: &str| metrics.find(series);
            value("logging_model_info{model=\"house\",owner=\"risk\",task=\"regression\"}") == Some(1.0)
                && value("logging_model_muted{model=\"house\"}") == Some(1.0)
                && value("logging_model_threshold{model=\"house\",threshold=\"psi_drift\"}") == Some(0.4)
                && value("logging_model_threshold{model=\"house\",threshold=\"psi_warning\"}") == Some(0.1)
                && value("logging_model_threshold{model=\"house\",threshold=\"mae\"}") == Some(12.0)
                && value("logging_model_info{model=\"bare\",owner=\"\",task=\"\"}") == Some(1.0)
                && value("logging_model_threshold{model=\"bare\",threshold=\"psi_drift\"}") == Some(0.25)
                && value("logging_model_threshold{model=\"bare\",threshold=\"mae\"}").is_none()
                && value("logging_model_muted{model=\"bare\"}") == Some(0.0)
        })
        .await;
    // A mute that is over may still stand in a file.
    let over = json!({ "mute": { "until": "2001-01-01T00:00:00Z" } });
    assert_eq!(service.put("/models/house?source=file", &over).await.status, 200);
    assert_eq!(service.put("/models/house", &json!({ "owner": "lab" })).await.status, 200);
    service
        .metrics_until("the new owner hears of it", |metrics| {
            metrics.find("logging_model_info{model=\"house\",owner=\"lab\",task=\"\"}") == Some(1.0)
                && metrics.find("logging_model_muted{model=\"house\"}") == Some(0.0)
        })
        .await;
    service.stop().await;
}

async fn failures_and_single_predictions_of_other_files_hide_no_numbers(fixture: Fixture) {
    let service = fresh(&fixture, OFTEN).await;
    let (served, other) = ("b".repeat(64), "a".repeat(64));
    let real = |number: u32| {
        let request_id = format!("r{number}");
        json!({ "model": "m", "label": "cat", "confidence": 0.9, "model_sha256": served, "request_id": request_id })
    };
    service.store(&(0..20).map(real).collect::<Vec<_>>()).await;
    let labels: Vec<Value> =
        (0..10).map(|number| json!({ "request_id": format!("r{number}"), "label": "cat" })).collect();
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
    service
        .store(&[
            // Asked for a version that is not there, so no file is known.
            json!({ "model": "m", "status": "error", "error_type": "model_not_found" }),
            json!({ "model": "m", "label": "cat", "confidence": 0.1, "model_sha256": other }),
        ])
        .await;
    let window = "{model=\"m\",window=\"1h\"}";
    service
        .metrics_until("the file that answers is shown, after everything was counted", |metrics| {
            metrics.find("logging_predictions_total{model=\"m\"}") == Some(22.0)
                && metrics.find(&format!("logging_window_predictions{window}")) == Some(20.0)
                && metrics.find(&format!("logging_labelled_predictions{window}")) == Some(10.0)
                && metrics.find(&format!("logging_accuracy{window}")) == Some(1.0)
        })
        .await;
    let quality = service.get("/quality?model=m").await.json();
    assert_eq!(quality["models"][0]["model_sha256"], json!(served), "{quality}");
    assert_eq!(quality["models"][0]["quality"]["labelled"], 10, "{quality}");
    let reference = service.post("/drift/reference", &json!({ "model": "m" })).await;
    assert_eq!((reference.status, &reference.json()["model_sha256"]), (200, &json!(served)));
    service.stop().await;
}

async fn junk_names_do_not_displace_a_real_model(fixture: Fixture) {
    let service = fresh(&fixture, OFTEN).await;
    let junk: Vec<Value> = (0..200).map(|number| json!({ "model": format!("-{number:03}"), "label": "x" })).collect();
    service.store(&junk).await;
    service
        .metrics_until("some of the junk is left out", |metrics| {
            metrics.get("logging_models_left_out{reason=\"models\"}") == 100.0
        })
        .await;
    let real: Vec<Value> = (0..50).map(|_| json!({ "model": "busy", "label": "cat", "confidence": 0.9 })).collect();
    service.store(&real).await;
    assert_eq!(service.put("/models/quiet", &json!({ "owner": "lab" })).await.status, 200);
    service
        .metrics_until("both real models have series", |metrics| {
            metrics.find("logging_window_predictions{model=\"busy\",window=\"1h\"}") == Some(50.0)
                && metrics.find("logging_model_info{model=\"quiet\",owner=\"lab\",task=\"\"}") == Some(1.0)
                && metrics.get("logging_models_left_out{reason=\"models\"}") == 102.0
                && metrics.find("logging_predictions_total{model=\"quiet\"}") == Some(0.0)
        })
        .await;
    // From now on they are counted under their own names, although so many names came before them.
    service.store(&[json!({ "model": "quiet", "label": "cat" }), json!({ "model": "busy", "label": "cat" })]).await;
    service
        .metrics_until("they are counted by name", |metrics| {
            metrics.find("logging_predictions_total{model=\"quiet\"}") == Some(1.0)
                && metrics.find("logging_predictions_total{model=\"busy\"}") == Some(1.0)
        })
        .await;
    assert_eq!(service.metrics().await.of("logging_predictions_total{").len(), 101);
    service.stop().await;
}

async fn a_gross_change_is_seen_at_once_and_no_change_is_none(fixture: Fixture) {
    let service = fresh(&fixture, OFTEN).await;
    let pictures = |count: u32, brightness: f64| {
        let picture = |number: u32| {
            let brightness = brightness * (0.5 + f64::from(number % 100) / 200.0);
            let input = json!({
                "width": 32, "height": 32, "channels": 1, "brightness": brightness, "contrast": 0.1, "sharpness": 0.01,
                "mean": [brightness], "std": [0.1],
            });
            json!({ "model": "m", "label": "cat", "confidence": 0.9, "input": input })
        };
        (0..count).map(picture).collect::<Vec<_>>()
    };
    let yesterday = "2020-01-01T00:00:00Z";
    let mut old = pictures(1_000, 0.8);
    old.iter_mut().for_each(|record| record["occurred_at"] = json!(yesterday));
    service.store(&old).await;
    let range = json!({ "model": "m", "since": "2019-12-31T23:00:00Z", "until": "2020-01-01T01:00:00Z" });
    assert_eq!(service.post("/drift/reference", &range).await.status, 200);
    service.store(&pictures(300, 0.8)).await;
    let brightness = "logging_drift_sudden{feature=\"brightness\",model=\"m\"}";
    service.metrics_until("nothing has changed", |metrics| metrics.find(brightness) == Some(0.0)).await;
    service.store(&pictures(600, 0.4)).await;
    service
        .metrics_until("half as bright, and as wide as before", |metrics| {
            metrics.find(brightness) == Some(1.0)
                && metrics.find("logging_drift_sudden_evidence{feature=\"brightness\",model=\"m\"}") >= Some(1.0)
                && metrics.find("logging_drift_sudden{feature=\"width\",model=\"m\"}") == Some(0.0)
        })
        .await;
    service.stop().await;
}

async fn the_detector_sees_known_drifts_and_stores_nothing(fixture: Fixture) {
    let service = fresh(&fixture, &["--evaluate-seconds", "0.05", "--detector-hours", "0.00001"]).await;
    let classes = |count: usize| {
        let label = |number: usize| if number.is_multiple_of(3) { "a" } else { "b" };
        let class = |number: usize| json!({ "model": "m", "label": label(number), "confidence": 0.8 });
        (0..count).map(class).collect::<Vec<_>>()
    };
    service.store(&classes(2_000)).await;
    assert_eq!(service.post("/drift/reference", &json!({ "model": "m" })).await.status, 200);
    service.store(&classes(1_000)).await;
    service
        .metrics_until("every known drift is seen", |metrics| {
            let smallest = metrics.find("logging_detector_smallest_drift{model=\"m\"}");
            metrics.find("logging_detector_seen_ratio{model=\"m\"}") == Some(1.0)
                && smallest.is_some_and(|psi| (0.25..2.0).contains(&psi))
                && metrics.get("logging_detector_timestamp_seconds") > 1e9
        })
        .await;
    // A threshold that no drift reaches makes it blind.
    let deaf = json!({ "thresholds": { "psi_drift": 1000 } });
    assert_eq!(service.put("/models/m", &deaf).await.status, 200);
    service
        .metrics_until("nothing is seen any more", |metrics| {
            metrics.find("logging_detector_seen_ratio{model=\"m\"}") == Some(0.0)
                && metrics.find("logging_detector_smallest_drift{model=\"m\"}").is_none()
        })
        .await;
    assert_eq!(service.get("/drift?model=m&window=24h").await.json()["models"][0]["drift"]["verdict"], "none");
    assert_eq!(service.count().await, 3_000);
    service.stop().await;
}

async fn a_column_that_is_missing_is_a_fault(fixture: Fixture) {
    let service = fresh(&fixture, OFTEN).await;
    let rows = |count: u32, day: &str, income: fn(u32) -> Value| {
        let row = |number: u32| {
            json!({
                "model": "credit", "label": "good", "confidence": 0.9, "occurred_at": day,
                "features": { "age": 20 + number % 50, "income": income(number) },
            })
        };
        (0..count).map(row).collect::<Vec<_>>()
    };
    service.store(&rows(1_000, "2020-01-01T00:00:00Z", |number| json!(1_000 + number))).await;
    let range = json!({ "model": "credit", "since": "2019-12-31T23:00:00Z", "until": "2020-01-01T01:00:00Z" });
    assert_eq!(service.post("/drift/reference", &range).await.status, 200);
    let now = jiff::Timestamp::now().to_string();
    let gap = |number: u32| if number.is_multiple_of(2) { Value::Null } else { json!(1_000 + number) };
    service.store(&rows(400, &now, gap)).await;
    let of = |name: &str, feature: &str, fault: &str| {
        format!("{name}{{fault=\"{fault}\",feature=\"{feature}\",model=\"credit\",window=\"1h\"}}")
    };
    service
        .metrics_until("half of the incomes are missing, and no age", |metrics| {
            metrics.find(&of("logging_feature_fault_ratio", "income", "missing")) == Some(0.5)
                && metrics.find(&of("logging_feature_fault", "income", "missing")) == Some(1.0)
                && metrics.find(&of("logging_feature_fault", "age", "missing")) == Some(0.0)
                && metrics.find(&of("logging_feature_fault", "age", "out_of_range")) == Some(0.0)
        })
        .await;
    let thresholds = json!({ "thresholds": { "psi_drift": 7.5, "missing": 0.6 } });
    assert_eq!(service.put("/models/credit", &thresholds).await.status, 200);
    let answer = service.get("/drift?model=credit&window=1h").await.json();
    let features = answer["models"][0]["drift"]["features"].as_array().unwrap();
    let income = features.iter().find(|feature| feature["feature"] == "income").unwrap();
    assert_eq!(income["statistics"][0]["drift_from"], 7.5);
    assert_eq!(income["verdict"], "warning");
    assert_eq!((&income["faults"][0]["allowed"], &income["faults"][0]["is_fault"]), (&json!(0.6), &json!(false)));
    service.stop().await;
}
