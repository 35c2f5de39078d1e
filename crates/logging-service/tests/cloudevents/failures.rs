//! Responses of calls that have failed are records of status `error`.

use logging_service::cloudevents::CloudEvent;
use prediction_record::Status;
use serde_json::json;

use super::{headers, pair, parse, request};

/// What a response with this status and this body becomes.
fn failed(status: &str, body: &[u8]) -> (String, Option<String>) {
    let mut headers = headers("response", "2026-03-01T10:00:00.25Z");
    if !status.is_empty() {
        headers.insert("ce-statuscode", status.parse().unwrap());
    }
    let event = parse(&headers, body).unwrap().remove(0);
    let stored = CloudEvent::from_json(&event.to_json().unwrap()).unwrap();
    assert_eq!(stored, event);
    let mut records = pair(Some(&request(&json!({ "instances": [1] }))), &stored).unwrap();
    assert_eq!(records.len(), 1);
    let record = records.remove(0);
    assert_eq!((record.status, record.latency_seconds, record.label), (Status::Error, Some(0.25), None));
    let message = record.extra.get("error").map(|message| message.as_str().unwrap().to_owned());
    (record.error_type.unwrap(), message)
}

#[test]
fn every_kind_of_failure_is_told_apart() {
    let openai = br#"{"error": {"message": "no such\nmodel", "type": "invalid_request_error", "code": null}}"#;
    let vllm = br#"{"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}"#;
    for (status, body, error_type, message) in [
        ("500", &b"Internal Server Error"[..], "http_500", Some("Internal Server Error")),
        ("503", b"", "http_503", None),
        ("502", b"<html><body>Bad Gateway</body></html>", "http_502", Some("<html><body>Bad Gateway</body></html>")),
        ("404", br#"{"error": "no model"}"#, "http_404", Some("no model")),
        (
            "422",
            br#"{"detail": [{"loc": ["body"], "msg": "bad"}]}"#,
            "http_422",
            Some(r#"[{"loc":["body"],"msg":"bad"}]"#),
        ),
        ("500", br#"{"predictions": [1]}"#, "http_500", Some(r#"{"predictions":[1]}"#)),
        ("999", b"?", "http_error", Some("?")),
        ("", b"upstream connect error", "text_response", Some("upstream connect error")),
        ("", b"<!doctype html><title>502</title>", "html_response", Some("<!doctype html><title>502</title>")),
        ("200", b"  ", "empty_response", None),
        ("", b"\x80\x00\x01", "binary_response", None),
        ("", br#""out of memory""#, "model_error", Some("out of memory")),
        ("", br#"{"error": "no such\nmodel"}"#, "model_error", Some("no such model")),
        ("", br#"{"error": "late", "predictions": null}"#, "model_error", Some("late")),
        ("", openai, "model_error", Some("no such model")),
        ("", vllm, "http_400", Some("too long")),
        ("", br#"{"title": "Gone", "status": 410}"#, "http_410", Some("Gone")),
    ] {
        let expected = (error_type.to_owned(), message.map(str::to_owned));
        assert_eq!(failed(status, body), expected, "{status} {}", String::from_utf8_lossy(body));
    }
    let long = "x".repeat(10_000);
    assert_eq!(failed("500", long.as_bytes()).1.unwrap().len(), 256);
}

#[test]
fn a_status_that_is_good_or_unreadable_says_nothing() {
    for status in ["200", "201", "304", "soon"] {
        let mut headers = headers("response", "2026-03-01T10:00:00Z");
        headers.insert("ce-statuscode", status.parse().unwrap());
        let event = parse(&headers, br#"{"predictions": ["rose"]}"#).unwrap().remove(0);
        assert_eq!(pair(None, &event).unwrap()[0].status, Status::Success, "{status}");
    }
}

/// In an event of JSON, the status may be a number, as the types of CloudEvents have one.
#[test]
fn the_status_may_be_a_number() {
    let headers = axum::http::HeaderMap::from_iter([(
        "content-type".parse().unwrap(),
        "application/cloudevents+json".parse().unwrap(),
    )]);
    for status in [json!(500), json!("500")] {
        let event = json!({
            "specversion": "1.0", "id": "1", "source": "s", "type": "org.kubeflow.serving.inference.response",
            "inferenceservicename": "m", "statuscode": status, "data": "Internal Server Error",
        });
        let event = parse(&headers, event.to_string().as_bytes()).unwrap().remove(0);
        assert_eq!(pair(None, &event).unwrap()[0].error_type.as_deref(), Some("http_500"));
    }
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "s", "type": "org.kubeflow.serving.inference.response",
        "inferenceservicename": "m", "data": null,
    });
    let event = parse(&headers, event.to_string().as_bytes()).unwrap().remove(0);
    assert_eq!(pair(None, &event).unwrap()[0].error_type.as_deref(), Some("empty_response"));
}
