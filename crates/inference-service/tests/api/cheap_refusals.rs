//! What a refused request costs: one record, whatever it has brought, and a small share of the spool.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pictures::cat;
use crate::repository::shipped;
use crate::sent::Sent;
use crate::service::serve_logging_to;

/// Nobody listens there.
const AWAY: &str = "http://127.0.0.1:1";

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_of_many_items_is_one_record() {
    let folder = TempDir::new().unwrap();
    let running = serve_logging_to(AWAY, &shipped(), &["--spool", folder.path().to_str().unwrap()]).await;
    let empty = |count: usize| json!({ "model": "cifar10", "images": vec![""; count] });
    let parts = vec![("image", &b"?"[..]); 64];
    let predict = [Sent::json(&empty(64)), Sent::form(&parts).query("?model=cifar10")];
    for sent in &predict {
        assert_eq!(running.predict(sent).await.status, 422);
    }
    let input = json!({ "name": "input", "shape": [64, 1], "datatype": "BYTES", "data": vec!["AAAA"; 64] });
    let oip = running.post("/v2/models/cifar10/infer", &Sent::json(&json!({ "inputs": [input] }))).await;
    assert!((400..500).contains(&oip.status), "{oip:?}");
    let instances: Vec<Value> = vec![json!({ "b64": "" }); 64];
    let v1 = running.post("/v1/models/cifar10:predict", &Sent::json(&json!({ "instances": instances }))).await;
    assert!((400..500).contains(&v1.status), "{v1:?}");
    let metrics = running.metrics().await;
    assert_eq!(metrics.get("prediction_log_recorded_total"), 4.0);
    let attempted: f64 = metrics.of("predictions_total").map(|(_, count)| count).sum();
    assert!(attempted >= 129.0, "{attempted}");
    assert_eq!(metrics.get("prediction_log_predictions_total"), attempted);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_leave_the_room_to_predictions_and_are_counted() {
    let folder = TempDir::new().unwrap();
    let flags = ["--spool", folder.path().to_str().unwrap(), "--spool-limit-bytes", "65536"];
    let running = serve_logging_to(AWAY, &shipped(), &flags).await;
    let mut refused = 0.0;
    let metrics = loop {
        assert_eq!(running.predict(&Sent::new("image/png", "no picture")).await.status, 422);
        refused += 1.0;
        let metrics = running.metrics().await;
        if dropped(&metrics, "refusals") >= 3.0 {
            break metrics;
        }
        assert!(refused < 200.0, "nothing is dropped");
    };
    assert!(metrics.get("prediction_log_spooled_bytes") < 65_536.0 / 10.0);
    assert_eq!(metrics.get("prediction_log_spooled_records") + dropped(&metrics, "refusals"), refused);
    for _ in 0..10 {
        assert_eq!(running.predict(&Sent::new("image/jpeg", cat())).await.status, 200);
    }
    let after = running.metrics().await;
    assert_eq!(after.get("prediction_log_spooled_records"), metrics.get("prediction_log_spooled_records") + 10.0);
    assert_eq!(dropped(&after, "full"), 0.0);
}

fn dropped(metrics: &crate::metrics::Metrics, reason: &str) -> f64 {
    metrics.get(&format!("prediction_log_dropped_total{{reason=\"{reason}\"}}"))
}
