//! `POST /cloudevents`: each kind of bad event by itself, between the two halves of a good pair.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::codings::gzip;
use crate::service::{RunningService, ServiceAnswer, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    each_kind_of_bad_event_keeps_no_other_out,
    a_batch_that_cannot_be_taken_apart_is_refused_whole,
}

/// An event that is to be refused, as it stands in a batch.
struct BadEvent {
    code: &'static str,
    event: String,
}

fn event(kind: &str, id: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "s", "type": format!("org.kubeflow.serving.inference.{kind}"),
        "inferenceservicename": "flowers", "data": data,
    })
}

/// A response that differs from a good one in this member; `None` takes it out.
fn but(name: &str, value: Option<Value>) -> String {
    let mut event = event("response", "bad", &json!({ "predictions": ["rose"] }));
    let members = event.as_object_mut().unwrap();
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
    event.to_string()
}

/// A response whose payload is packed into a text.
fn packed(data: Value) -> String {
    let mut event = event("response", "bad", &Value::Null);
    let members = event.as_object_mut().unwrap();
    members.remove("data");
    members.insert("data_base64".to_owned(), data);
    event.to_string()
}

fn answered(data: &Value) -> String {
    event("response", "bad", data).to_string()
}

fn bad_events() -> Vec<BadEvent> {
    let with = |name: &str, value: Value| but(name, Some(value));
    let tensor = |name: &str, rows: usize| json!({ "name": name, "shape": [rows, 2], "datatype": "FP32", "data": vec![0.5; 2 * rows] });
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let bomb = STANDARD.encode(gzip(&vec![b' '; 32 * 1024 * 1024 + 1]));
    let bad = [
        ("unknown_type", with("type", json!("com.example.other"))),
        ("invalid_attribute", with("type", json!(7))),
        ("missing_attribute", but("type", None)),
        ("missing_attribute", but("id", None)),
        ("missing_attribute", with("id", json!(""))),
        ("missing_attribute", but("source", None)),
        ("missing_attribute", but("specversion", None)),
        ("unknown_version", with("specversion", json!("0.3"))),
        ("invalid_attribute", with("specversion", json!(1.0))),
        ("invalid_attribute", with("time", json!("yesterday"))),
        ("invalid_attribute", with("id", json!("x".repeat(129)))),
        ("invalid_attribute", with("namespace", json!("a\nb"))),
        ("not_an_event", "\"text\"".to_owned()),
        ("not_an_event", "null".to_owned()),
        ("not_an_event", "7".to_owned()),
        ("not_an_event", "[{}]".to_owned()),
        ("invalid_json", "{\"specversion\": 1.0.0}".to_owned()),
        ("invalid_json", "{'specversion': '1.0'}".to_owned()),
        ("invalid_json", format!("{{\"data\": {deep}}}")),
        ("invalid_packing", packed(json!("not base64!"))),
        ("invalid_packing", packed(json!("H4sIAAAAAAAA"))),
        ("invalid_attribute", packed(json!(7))),
        ("too_large", packed(json!(bomb))),
        ("no_prediction", answered(&json!({ "nothing": 1 }))),
        ("no_prediction", answered(&json!({ "outputs": [] }))),
        ("no_prediction", answered(&json!(["rose"]))),
        ("no_prediction", answered(&json!(7))),
        ("rows_differ", answered(&json!({ "outputs": [tensor("a", 1), tensor("b", 2)] }))),
        ("too_large", answered(&json!({ "predictions": vec![0; 10_001] }))),
    ];
    bad.into_iter().map(|(code, event)| BadEvent { code, event }).collect()
}

async fn post(service: &RunningService, batch: &str) -> ServiceAnswer {
    service.send("/cloudevents", &[("content-type", "application/cloudevents-batch+json")], batch.to_owned()).await
}

async fn each_kind_of_bad_event_keeps_no_other_out(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let kinds = bad_events();
    for (number, BadEvent { code, event: bad }) in kinds.iter().enumerate() {
        let shown = &bad[..bad.len().min(200)];
        let id = format!("good-{number}");
        let request = event("request", &id, &json!({ "instances": [1, 2] }));
        let response = event("response", &id, &json!({ "predictions": ["rose", "tulip"] }));
        let answer = post(&service, &format!("[{request},{bad},{response}]")).await;
        assert_eq!(answer.status, 200, "{shown}: {answer:?}");
        let body = answer.json();
        let taken = json!([body["events"], body["accepted"], body["predictions"]]);
        assert_eq!(taken, json!([3, 2, 2]), "{shown}: {body}");
        assert_eq!(body["refused"].as_array().unwrap().len(), 1, "{shown}: {body}");
        let refused = &body["refused"][0];
        assert_eq!((&refused["index"], &refused["code"]), (&json!(1), &json!(code)), "{shown}: {body}");
        let sentence = refused["error"].as_str().unwrap();
        assert!(sentence.starts_with("The event is refused: ") && sentence.ends_with('.'), "{shown}: {sentence}");
        assert_eq!(service.predictions(&format!("?request_id={id}")).await.len(), 2, "{shown}");

        let alone = post(&service, &format!("[{bad}]")).await;
        let status = if *code == "too_large" { 413 } else { 422 };
        assert_eq!((alone.status, &alone.json()["accepted"]), (status, &json!(0)), "{shown}: {alone:?}");
        assert_eq!(alone.json()["refused"][0]["code"], json!(code), "{shown}: {alone:?}");
    }
    assert_eq!(service.count().await, 2 * kinds.len() as u64);
    let metrics = service.metrics().await;
    assert_eq!(metrics.get("logging_cloudevents_total{outcome=\"unreadable\"}"), 2.0 * kinds.len() as f64);
    for BadEvent { code, .. } in &kinds {
        let refused = 2.0 * kinds.iter().filter(|other| other.code == *code).count() as f64;
        assert_eq!(metrics.get(&format!("logging_events_refused_total{{reason=\"{code}\"}}")), refused, "{code}");
    }
}

/// Where one event ends and the next begins cannot be told, so none is taken.
async fn a_batch_that_cannot_be_taken_apart_is_refused_whole(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let good = event("response", "good", &json!({ "predictions": ["rose"] }));
    for batch in [
        format!("[{good},"),
        format!("[{good}"),
        format!("{good}]"),
        format!("[{good}}}]"),
        format!("[{good}] {good}"),
        format!("[{good},{{\"id\": \"open]"),
        good.to_string(),
        String::new(),
    ] {
        let answer = post(&service, &batch).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["code"]), (422, &json!("invalid_input")), "{batch}: {answer:?}");
        assert!(body["error"].as_str().unwrap().contains("a batch is an array of events"), "{batch}: {body}");
    }
    assert_eq!(service.metrics().await.get("logging_cloudevents_waiting"), 0.0);
}
