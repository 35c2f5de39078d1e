//! KServe's payload logger.

use serde_json::{Value, json};
use testkit::Pair;

use crate::{get, post};

pub(crate) async fn a_pair_of_events_is_a_prediction(pair: &Pair) {
    let asked = event("request", "09:00:00Z", &json!({ "instances": [[6.8, 2.8, 4.8, 1.4], [5.1, 3.5, 1.4, 0.2]] }));
    let answered = event("response", "09:00:00.25Z", &json!({ "predictions": ["versicolor", "setosa"] }));
    // The response may well come first, and a replay changes nothing.
    for (first, second, predictions) in [(&answered, &asked, 2), (&asked, &answered, 0)] {
        assert_eq!(send(pair, first).await, 0);
        assert_eq!(send(pair, second).await, predictions);
        let found = get(&pair.logging, "/predictions?model=iris").await;
        let rows = found["predictions"].as_array().unwrap();
        let mut labels: Vec<&str> = rows.iter().map(|row| row["label"].as_str().unwrap()).collect();
        labels.sort_unstable();
        assert_eq!(labels, ["setosa", "versicolor"], "{found}");
        assert!(rows.iter().all(|row| row["request_id"] == "call-1" && row["latency_seconds"] == 0.25), "{found}");
    }
    let outcomes = pair.logging.metrics().await.counts_by("logging_cloudevents_total", &[], "outcome");
    assert_eq!((outcomes["waiting"], outcomes["stored"], outcomes["duplicate"]), (2, 1, 1), "{outcomes:?}");
}

fn event(kind: &str, time: &str, data: &Value) -> String {
    json!({
        "specversion": "1.0",
        "type": format!("org.kubeflow.serving.inference.{kind}"),
        "source": "http://localhost:9081/",
        "id": "call-1",
        "time": format!("2026-03-01T{time}"),
        "inferenceservicename": "iris",
        "namespace": "flowers",
        "endpoint": "default",
        "datacontenttype": "application/json",
        "data": data,
    })
    .to_string()
}

/// How many predictions the event has completed.
async fn send(pair: &Pair, event: &str) -> u64 {
    let answer = post(&pair.logging, "/cloudevents", "application/cloudevents+json", event).await;
    assert_eq!(answer["events"], 1, "{answer}");
    answer["predictions"].as_u64().unwrap()
}
