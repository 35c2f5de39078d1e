//! The example rows of each shipped model for rows are no drift from its reference, sent once or several times.

use std::time::Duration;

use serde_json::json;
use testkit::{HttpRequest, Pair, alone, wait_until};

use crate::table_rows::TableRows;
use crate::{asked, succeeded};

const MODELS: [&str; 2] = ["tumour", "diabetes"];
const AT_ONCE: usize = 50;
/// The second look has all rows twice, and the third four times.
const LOOKS: [usize; 3] = [1, 1, 2];

#[tokio::test(flavor = "multi_thread")]
async fn example_rows_are_normal_traffic() {
    let _alone = alone().await;
    let pair = Pair::start_eager(|inference| inference).await;
    for times in LOOKS {
        for model in MODELS {
            for _ in 0..times {
                send_all(&pair, model).await;
            }
        }
        pair.all_delivered().await;
        for model in MODELS {
            assert_is_normal(&pair, model).await;
        }
    }
}

/// Sends each row once.
async fn send_all(pair: &Pair, model: &str) {
    for rows in TableRows::of(model).rows.chunks(AT_ONCE) {
        let body = json!({ "model": model, "rows": rows }).to_string();
        let request = HttpRequest::post("/predict", body).header("content-type", "application/json");
        succeeded(&pair.inference.send(&request).await);
    }
}

/// No feature drifts, none has a fault, and the sequential test, which has seen them all, alarms for none.
async fn assert_is_normal(pair: &Pair, model: &str) {
    let rows = TableRows::of(model);
    let answer = asked(pair, &format!("/drift?model={model}&window=1h")).await;
    let drift = &answer["models"][0]["drift"];
    assert_eq!(drift["samples"].as_u64().unwrap() as usize % rows.rows.len(), 0, "{drift}");
    for feature in drift["features"].as_array().unwrap() {
        assert_eq!(feature["verdict"], "none", "{model}: {feature}");
        let faults = feature["faults"].as_array().unwrap();
        assert!(faults.iter().all(|fault| fault["is_fault"] == false), "{model}: {feature}");
    }
    wait_until("the sequential test has judged every column", Duration::from_secs(30), async || {
        let metrics = pair.logging.metrics().await;
        let judged = |column: &String| {
            metrics.find("logging_drift_sudden_evidence", &[("model", model), ("feature", column)]).is_some()
        };
        rows.columns.iter().all(judged)
    })
    .await;
    let told = pair.logging.metrics().await.counts_by("logging_drift_sudden", &[("model", model)], "feature");
    assert!(told.is_empty(), "{model}: the model's own rows are told as a sudden change: {told:?}");
}
