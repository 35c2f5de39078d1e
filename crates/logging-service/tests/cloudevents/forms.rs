//! Binary, structured and batched mode; packed or not.

use std::io::Write;

use axum::http::HeaderMap;
use flate2::Compression;
use flate2::write::GzEncoder;
use logging_service::cloudevents::{
    self, CloudEvent, EventError, EventKind, EventStatus, MAX_EVENTS, MAX_UNPACKED_BYTES,
};
use serde_json::{Value, json};

use super::{ID, headers, pair, parse, post, request, response};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn typed(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("content-type".parse().unwrap(), content_type.parse().unwrap())])
}

fn envelope() -> Value {
    json!({
        "specversion": "1.0", "id": ID, "source": "http://localhost:9081/", "time": "2026-03-01T10:00:00.25Z",
        "type": "org.kubeflow.serving.inference.response", "inferenceservicename": "flowers", "namespace": "default",
        "component": "predictor", "endpoint": "canary", "datacontenttype": "application/json",
        "data": { "predictions": [2] },
    })
}

#[test]
fn the_three_modes_say_the_same() {
    let event = response(&json!({ "predictions": [2] }));
    assert_eq!((event.id.as_str(), event.kind, event.status()), (ID, EventKind::Response, EventStatus::WantsRequest));
    assert_eq!(event.inference_service.as_deref(), Some("flowers"));
    let envelope = envelope();
    let structured = parse(&typed("application/cloudevents+json; charset=utf-8"), envelope.to_string().as_bytes());
    assert_eq!(structured.unwrap(), std::slice::from_ref(&event));
    let mut encoded = envelope.clone();
    encoded.as_object_mut().unwrap().remove("data");
    encoded["data_base64"] = json!("eyJwcmVkaWN0aW9ucyI6IFsyXX0=");
    let batch = json!([envelope, encoded]).to_string();
    let batched = parse(&typed("application/cloudevents-batch+json"), batch.as_bytes()).unwrap();
    assert_eq!(batched, [event.clone(), event.clone()]);
    let packed = parse(&typed("application/cloudevents-batch+json"), &gzip(batch.as_bytes()));
    assert_eq!(packed.unwrap(), batched);
}

/// A payload of another type is refused. Taken for an event without a payload, the event would lose it.
#[test]
fn a_payload_of_bytes_is_base64_in_a_string() {
    for wrong in [json!({}), json!([]), json!(7), json!(true)] {
        let mut event = envelope();
        event["data_base64"] = wrong.clone();
        let refused = parse(&typed("application/cloudevents+json"), event.to_string().as_bytes());
        let is_told = matches!(refused, Err(EventError::InvalidAttribute { name: "data_base64", .. }));
        assert!(is_told, "{wrong}: {refused:?}");
    }
    let mut event = envelope();
    event["data_base64"] = Value::Null;
    assert!(parse(&typed("application/cloudevents+json"), event.to_string().as_bytes()).is_ok());
}

#[test]
fn gzip_is_known_by_its_first_bytes() {
    let body = json!({ "predictions": [2] });
    let packed = post("response", "2026-03-01T10:00:00.25Z", &gzip(body.to_string().as_bytes()));
    assert_eq!(packed.unwrap(), response(&body));
    let cut = &gzip(body.to_string().as_bytes())[..15];
    assert!(matches!(post("response", "2026-03-01T10:00:00Z", cut), Err(EventError::Gzip(_))));
}

#[test]
fn a_bomb_is_refused() {
    let bomb = gzip(&vec![b' '; MAX_UNPACKED_BYTES + 1]);
    assert!(bomb.len() < 100_000);
    assert_eq!(post("response", "2026-03-01T10:00:00Z", &bomb), Err(EventError::TooLarge));
    // Many small parts count as one large body.
    let mut event = envelope();
    event.as_object_mut().unwrap().remove("data");
    let part = gzip(&vec![b' '; MAX_UNPACKED_BYTES / 3]);
    use base64::Engine as _;
    event["data_base64"] = json!(base64::engine::general_purpose::STANDARD.encode(part));
    let batch = json!([event, event, event, event, envelope()]).to_string();
    let events = cloudevents::parse(&typed("application/cloudevents-batch+json"), batch.as_bytes()).unwrap();
    let are_taken: Vec<bool> = events.iter().map(Result::is_ok).collect();
    assert_eq!(are_taken, [true, true, false, false, true], "the small event still has room");
}

#[test]
fn what_is_wrong_is_named() {
    let changed = |name: &str, value: Option<&str>| {
        let mut headers = headers("response", "2026-03-01T10:00:00Z");
        headers.remove(name);
        if let Some(value) = value {
            headers.insert(axum::http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        parse(&headers, b"{}").unwrap_err()
    };
    assert_eq!(changed("ce-specversion", None), EventError::NotACloudEvent);
    assert_eq!(changed("ce-specversion", Some("0.3")), EventError::UnsupportedVersion("0.3".to_owned()));
    assert_eq!(changed("ce-type", Some("order.placed")), EventError::UnknownType("order.placed".to_owned()));
    assert_eq!(changed("ce-id", None), EventError::MissingAttribute("id"));
    let named = |error| match error {
        EventError::InvalidAttribute { name, .. } => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(changed("ce-id", Some(&"x".repeat(129)))), "id");
    assert_eq!(named(changed("ce-id", Some("line%0Aend"))), "id");
    assert_eq!(named(changed("ce-time", Some("yesterday"))), "time");
    let many = json!(vec![envelope(); MAX_EVENTS + 1]).to_string();
    let refused = parse(&typed("application/cloudevents-batch+json"), many.as_bytes());
    assert_eq!(refused, Err(EventError::TooManyEvents));
}

/// Each element is good or bad by itself.
#[test]
fn every_kind_of_bad_event_keeps_no_other_out() {
    let without = |name: &str| {
        let mut event = envelope();
        event.as_object_mut().unwrap().remove(name);
        event.to_string()
    };
    let with = |name: &str, value: Value| {
        let mut event = envelope();
        event[name] = value;
        event.to_string()
    };
    let with_base64 = |value: Value| {
        let mut event = envelope();
        event.as_object_mut().unwrap().remove("data");
        event["data_base64"] = value;
        event.to_string()
    };
    let bomb = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(gzip(&vec![b' '; MAX_UNPACKED_BYTES + 1]))
    };
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let bad = [
        ("unknown_type", with("type", json!("com.example.other"))),
        ("invalid_attribute", with("type", json!(7))),
        ("missing_attribute", without("type")),
        ("missing_attribute", without("id")),
        ("missing_attribute", with("id", json!(""))),
        ("missing_attribute", without("source")),
        ("missing_attribute", without("specversion")),
        ("unknown_version", with("specversion", json!("0.3"))),
        ("invalid_attribute", with("specversion", json!(1.0))),
        ("not_an_event", "\"text\"".to_owned()),
        ("not_an_event", "null".to_owned()),
        ("not_an_event", "[{}]".to_owned()),
        ("invalid_json", String::new()),
        ("invalid_json", "{\"specversion\": 1.0.0}".to_owned()),
        ("invalid_json", "{'specversion': '1.0'}".to_owned()),
        ("invalid_json", format!("{{\"data\": {deep}}}")),
        ("invalid_packing", with_base64(json!("not base64!"))),
        ("invalid_attribute", with_base64(json!(7))),
        ("too_large", with_base64(json!(bomb))),
        ("invalid_packing", with_base64(json!("H4sIAAAAAAAA"))),
        ("invalid_attribute", with("time", json!("yesterday"))),
        ("invalid_attribute", with("id", json!("x".repeat(129)))),
        ("invalid_attribute", with("inferenceservicename", json!("x".repeat(129)))),
        ("invalid_attribute", with("namespace", json!("a\nb"))),
    ];
    let good = envelope().to_string();
    let elements: Vec<&str> = bad.iter().flat_map(|(_, event)| [event.as_str(), good.as_str()]).collect();
    let batch = format!("\u{feff}[{}]", elements.join(","));
    let events = cloudevents::parse(&typed("application/cloudevents-batch+json"), batch.as_bytes()).unwrap();
    assert_eq!(events.len(), 2 * bad.len());
    for ((reason, event), outcomes) in bad.iter().zip(events.chunks(2)) {
        use monitoring::LabelEnum as _;
        let refused = outcomes[0].as_ref().map(|_| ()).map_err(|error| error.refusal().as_str());
        assert_eq!(refused, Err(*reason), "{}", &event[..event.len().min(200)]);
        assert!(outcomes[1].is_ok(), "the one after {event}");
    }
}

#[test]
fn an_orphan_is_kept_as_text_without_its_pixels() {
    let pixels = vec![vec![vec![0.5; 3]; 224]; 224];
    for body in [
        json!({ "instances": [pixels] }),
        json!({ "inputs": [{ "name": "x", "shape": [1, 224, 224, 3], "datatype": "FP32", "data": pixels }] }),
    ] {
        let event = request(&body);
        let text = event.to_json().unwrap();
        assert!(text.len() < 600, "{text}");
        let back = CloudEvent::from_json(&text).unwrap();
        assert_eq!(back, event);
        let answer = response(&json!({ "predictions": ["rose"] }));
        let answer = CloudEvent::from_json(&answer.to_json().unwrap()).unwrap();
        let records = pair(Some(&back), &answer).unwrap();
        assert_eq!(records[0].extra["input_shape"], json!([1, 224, 224, 3]));
    }
}
