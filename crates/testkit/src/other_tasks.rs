//! Predictions of what the shipped models are not: a regression, and a classifier of two classes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{HttpRequest, Pair, wait_until};

/// How long the next evaluation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Declared about the two models, of which another service is said to be the server.
const DECLARATIONS: [(&str, &str); 2] = [
    ("price", r#"{"task": "regression", "tolerance": 1.0}"#),
    ("churn", r#"{"task": "classification", "labels": ["stays", "leaves"]}"#),
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
            let score = 0.5 + f64::from(row) / 20.0;
            json!({ "model": "churn", "label": "leaves", "confidence": score, "request_id": format!("churn-{row}") })
        };
        let records: Vec<Value> = (0..8).flat_map(|row| [price(row), churn(row)]).collect();
        self.takes("/log", &records).await;
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
            ["logging_within_tolerance", "logging_r2", "logging_auc"]
                .iter()
                .all(|name| metrics.find(name, &[("window", "24h")]).is_some())
        })
        .await;
    }

    async fn takes(&self, path: &str, items: &[Value]) {
        let answer = self.logging.post(path, "application/json", json!(items).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
