//! Every route that takes a body takes it packed, within the same bounds, and with a byte order mark.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::service::{JSON, NDJSON, RunningService, ServiceAnswer, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    every_body_may_be_packed_and_may_have_a_mark,
    a_packed_body_has_the_bounds_of_any_other,
}

const EVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// A body for each route and content type.
fn bodies() -> Vec<(&'static str, &'static str, &'static str, String)> {
    let record = json!({ "model": "m", "label": "cat", "confidence": 0.5 });
    let label = json!({ "request_id": "r", "label": "cat" });
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "s", "type": "org.kubeflow.serving.inference.request",
        "data": { "instances": [1] },
    });
    let profile = json!({
        "schema_version": 1, "model": "m", "created_at": "2025-11-25T04:51:09Z",
        "counts": { "g": 1, "n": 500, "e": 0, "c": { "n": { "cat": 260, "ship": 240 } }, "f": { "brightness": [0, 57, 500] } },
    });
    vec![
        ("POST", "/log", JSON, record.to_string()),
        ("POST", "/log", JSON, json!([record]).to_string()),
        ("POST", "/log", NDJSON, format!("{record}\n{record}\n")),
        ("POST", "/feedback", JSON, label.to_string()),
        ("POST", "/feedback", NDJSON, format!("{label}\n")),
        ("POST", "/cloudevents", EVENT, event.to_string()),
        ("POST", "/cloudevents", BATCH, json!([event]).to_string()),
        ("POST", "/cloudevents", JSON, json!({ "predictions": ["rose"] }).to_string()),
        ("POST", "/drift/reference", JSON, json!({ "model": "m" }).to_string()),
        ("PUT", "/models/m", JSON, json!({ "task": "raw" }).to_string()),
        ("PUT", "/drift/reference", JSON, profile.to_string()),
    ]
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn send(service: &RunningService, method: &str, route: &str, coded: [&str; 2], body: Vec<u8>) -> ServiceAnswer {
    let headers = [("content-type", coded[0]), ("content-encoding", coded[1])];
    let attributes = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "s"),
        ("ce-type", "org.kubeflow.serving.inference.response"),
        ("ce-inferenceservicename", "flowers"),
    ];
    let is_binary_event = route == "/cloudevents" && coded[0] == JSON;
    let headers = [&headers[..], if is_binary_event { &attributes } else { &[] }].concat();
    service.exchange(method, route, &headers, body).await
}

async fn every_body_may_be_packed_and_may_have_a_mark(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    // A reference that is taken of the log needs enough of it.
    let rows: Vec<Value> =
        (0..400).map(|row| json!({ "model": "m", "label": if row % 2 == 0 { "a" } else { "b" } })).collect();
    service.store(&rows).await;
    for (method, route, content_type, body) in bodies() {
        let marked = format!("\u{feff}{body}").into_bytes();
        for (coding, bytes) in [
            ("identity", marked.clone()),
            ("gzip", gzip(body.as_bytes())),
            ("gzip", gzip(&marked)),
            ("x-gzip", gzip(body.as_bytes())),
        ] {
            let answer = send(&service, method, route, [content_type, coding], bytes).await;
            assert_eq!(answer.status, 200, "{route} as {content_type} in {coding}: {answer:?}");
        }
        let answer = send(&service, method, route, [content_type, "br"], body.into_bytes()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (415, &json!("unsupported_media_type")),
            "{route}: {answer:?}"
        );
        assert!(answer.json()["error"].as_str().unwrap().contains("gzip"), "{route}: {answer:?}");
    }
}

async fn a_packed_body_has_the_bounds_of_any_other(fixture: Fixture) {
    let service = fresh(&fixture, &["--max-body-bytes", "100000"]).await;
    for (method, route, content_type, body) in bodies() {
        let bomb = gzip(&[body.as_bytes(), &vec![b' '; 100_000]].concat());
        let answer = send(&service, method, route, [content_type, "gzip"], bomb).await;
        assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("too_large")), "{route}: {answer:?}");
        let cut = gzip(body.as_bytes());
        let answer = send(&service, method, route, [content_type, "gzip"], cut[..cut.len() - 9].to_vec()).await;
        assert_eq!(answer.status, 400, "{route}: {answer:?}");
    }
    let none: Value = service.get("/stats").await.json()["total"]["predictions"].clone();
    assert_eq!(none, json!(0));
}
