//! Example bodies for the description; a test sends each of them.

use serde_json::{Value, json};

/// A prediction.
pub(crate) fn record() -> Value {
    json!({
        "event_id": "01a204b7-5bcf-7210-9e53-fceee37a8b25",
        "request_id": "visit-1",
        "occurred_at": "2026-01-22T19:24:15.18334Z",
        "model": "cifar10",
        "version": "1",
        "label": "cat",
        "class": 3,
        "confidence": 0.968,
        "latency_seconds": 0.0032,
    })
}

/// The smallest prediction, and one that failed.
pub(crate) fn record_lines() -> &'static str {
    "{\"model\":\"cifar10\",\"label\":\"cat\",\"confidence\":0.93}\n\
     {\"model\":\"cifar10\",\"status\":\"error\",\"error_type\":\"invalid_input\"}\n"
}

/// One true label.
pub(crate) fn label() -> Value {
    json!({ "request_id": "visit-1", "label": "cat" })
}

/// The true labels of two items of one request.
pub(crate) fn label_lines() -> &'static str {
    "{\"request_id\":\"visit-2\",\"label\":\"ship\"}\n{\"request_id\":\"visit-2\",\"row_index\":1,\"label\":\"frog\"}\n"
}

/// A range that holds all predictions of a model so far.
pub(crate) fn range() -> Value {
    json!({ "model": "cifar10" })
}

/// A response as KServe logs it.
pub(crate) fn event() -> Value {
    json!({
        "specversion": "1.0",
        "id": "0b37b2c9-6bfd-4f3c-8ba5-28f41ee2a7a1",
        "source": "http://localhost:9081/",
        "type": "org.kubeflow.serving.inference.response",
        "time": "2026-01-22T19:24:15.2Z",
        "inferenceservicename": "flowers",
        "datacontenttype": "application/json",
        "data": { "predictions": [2] },
    })
}

/// A batch of one event.
pub(crate) fn events() -> Value {
    json!([event()])
}

/// What is declared about a model that is served elsewhere.
pub(crate) fn declaration() -> Value {
    json!({
        "task": "classification",
        "owner": "credit-risk",
        "labels": ["repaid", "default"],
        "positive": "default",
        "features": [
            { "name": "age", "kind": "number", "range": [18, 120] },
            { "name": "city", "kind": "category", "optional": true },
        ],
        "tags": { "region": ["eu", "us"] },
        "thresholds": { "psi_drift": 0.3 },
    })
}

/// A reference profile.
pub(crate) fn profile() -> Value {
    json!({
        "schema_version": 1,
        "model": "cifar10",
        "created_at": "2025-11-25T04:51:09Z",
        "counts": {
            "g": 1,
            "n": 500,
            "e": 0,
            "c": { "n": { "cat": 260, "ship": 240 } },
            "f": { "brightness": [0, 57, 200, 300] },
        },
    })
}
