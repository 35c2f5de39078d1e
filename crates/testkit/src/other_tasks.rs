//! Predictions of what the shipped models are not: a regression, and a classifier of two classes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{HttpRequest, Pair, wait_until};

/// Predictions of the classifier.
const MANY: i32 = 2000;
/// How long the next evaluation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Declared about the two models, of which another service is said to be the server.
const DECLARATIONS: [(&str, &str); 2] = [
    (
        "price",
        r#"{"task": "regression", "owner": "sales", "tolerance": 1.0, "thresholds": {"mae": 20, "missing": 0.9}}"#,
    ),
    (
        "churn",
        r#"{"task": "classification", "labels": ["stays", "leaves"], "tags": {"region": ["eu", "us"]},
            "thresholds": {"accuracy": 0.1, "auc": 0.1}}"#,
    ),
];

impl Pair {
    /// Stores predictions of a regression and of a classifier of two classes with their true labels, and waits until
    /// the logging service has judged them.
    ///
    /// # Panics
    /// If it does not.
    pub async fn other_tasks_are_judged(&self) {
        for (model, declaration) in DECLARATIONS {
            let put = HttpRequest::put(&format!("/models/{model}"), declaration);
            let put = put.header("content-type", "application/json");
            assert_eq!(self.logging.send(&put).await.status, 200);
        }
        let price = |row: i32| json!({ "model": "price", "task": "regression", "value": f64::from(row), "request_id": format!("price-{row}") });
        let churn = |row: i32| {
            let (score, region) = (0.5 + f64::from(row % 8) / 20.0, ["eu", "us"][usize::from(row % 2 == 0)]);
            let request = format!("churn-{row}");
            json!({
                "model": "churn", "label": "leaves", "confidence": score, "request_id": request,
                "tags": { "region": region }, "features": { "months": row % 40 },
            })
        };
        // So many that a drift would be seen.
        let records: Vec<Value> = (0..8).map(price).chain((0..MANY).map(churn)).collect();
        self.takes("/log", &records).await;
        let reference = json!({ "model": "churn" }).to_string();
        let answer = self.logging.post("/drift/reference", "application/json", reference).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let labels = |row: i32| {
            let left = if row % 3 == 0 { "stays" } else { "leaves" };
            [
                json!({ "request_id": format!("price-{row}"), "label": f64::from(row * row) / 4.0 }),
                json!({ "request_id": format!("churn-{row}"), "label": left }),
            ]
        };
        self.takes("/feedback", &(0..8).flat_map(labels).collect::<Vec<_>>()).await;
        wait_until("a regression and two classes are judged", PATIENCE, async || {
            let metrics = self.logging.metrics().await;
            let is_there = |name: &&str| metrics.find(name, &[("window", "24h")]).is_some();
            let judged = ["logging_within_tolerance", "logging_r2", "logging_auc", "logging_segment_accuracy"];
            let drifts = ["logging_segment_drift_verdict"];
            judged.iter().chain(&drifts).all(is_there)
                && metrics.find("logging_detector_smallest_drift", &[("model", "churn")]).is_some()
        })
        .await;
    }

    async fn takes(&self, path: &str, items: &[Value]) {
        let answer = self.logging.post(path, "application/json", json!(items).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
