//! Where an object belongs, an array of its values is refused with a sentence, in every body and at every depth.

use serde_json::{Value, json};

use crate::service::{JSON, NDJSON, RunningService, ServiceAnswer, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    an_array_is_no_object_in_any_body,
}

const EVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// A body that a route takes, with an object wherever it takes one.
struct TakenBody {
    method: &'static str,
    route: &'static str,
    content_type: &'static str,
    body: Value,
}

fn bodies() -> Vec<TakenBody> {
    let record = json!({
        "model": "m", "label": "cat", "confidence": 0.5, "top": [{ "label": "cat", "class": 0, "confidence": 0.5 }],
        "input": {
            "width": 32, "height": 32, "channels": 1, "brightness": 0.5, "contrast": 0.1, "sharpness": 0.01, "mean": [0.5],
            "std": [0.1],
        },
        "features": { "age": 42, "city": "Paris" }, "counted_features": { "income": 1.5 }, "tags": { "region": "eu" },
    });
    let label = json!({ "request_id": "r", "label": "cat", "row_index": 0 });
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "s", "type": "org.kubeflow.serving.inference.request",
        "data": { "instances": [1] },
    });
    let declaration = json!({
        "task": "classification", "labels": ["no", "yes"],
        "features": [{ "name": "age", "kind": "number", "range": [0, 120] }], "tags": { "region": ["eu"] },
        "thresholds": { "psi_warning": 0.2 }, "mute": { "until": "2999-01-01T00:00:00Z", "reason": "new" },
    });
    let profile = json!({
        "schema_version": 1, "model": "m", "created_at": "2025-11-25T04:51:09Z",
        "counts": { "g": 1, "n": 500, "e": 0, "c": { "n": { "cat": 260, "ship": 240 } }, "f": { "brightness": [0, 57, 500] } },
    });
    let taken = |method, route, content_type, body| TakenBody { method, route, content_type, body };
    vec![
        taken("POST", "/log", JSON, record.clone()),
        taken("POST", "/log", JSON, json!([record])),
        taken("POST", "/log", NDJSON, record),
        taken("POST", "/feedback", JSON, label.clone()),
        taken("POST", "/feedback", JSON, json!([label])),
        taken("POST", "/feedback", NDJSON, label),
        taken("POST", "/cloudevents", EVENT, event.clone()),
        taken("POST", "/cloudevents", BATCH, json!([event])),
        taken("PUT", "/models/m", JSON, declaration),
        taken("PUT", "/drift/reference", JSON, profile),
        taken("POST", "/drift/reference", JSON, json!({ "model": "m" })),
    ]
}

/// The pointers of all objects in a value.
fn objects(value: &Value, place: &str) -> Vec<String> {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), member)).collect(),
        Value::Array(elements) => elements.iter().enumerate().map(|(index, it)| (index.to_string(), it)).collect(),
        _ => Vec::new(),
    };
    let within = members.into_iter().flat_map(|(name, member)| objects(member, &format!("{place}/{name}")));
    value.is_object().then(|| place.to_owned()).into_iter().chain(within).collect()
}

async fn send(service: &RunningService, taken: &TakenBody, body: &Value) -> ServiceAnswer {
    let headers = [("content-type", taken.content_type)];
    service.exchange(taken.method, taken.route, &headers, body.to_string()).await
}

async fn an_array_is_no_object_in_any_body(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    // A reference that is taken of the log needs enough of it.
    let rows: Vec<Value> =
        (0..400).map(|row| json!({ "model": "m", "label": if row % 2 == 0 { "a" } else { "b" } })).collect();
    service.store(&rows).await;
    let mut tried = 0;
    for taken in bodies() {
        let name = format!("{} {} as {}", taken.method, taken.route, taken.content_type);
        // What a request asked may have any form; only the event around it is an object.
        let is_payload = |place: &String| taken.route == "/cloudevents" && place.ends_with("/data");
        for place in objects(&taken.body, "").into_iter().filter(|place| !is_payload(place)) {
            let mut changed = taken.body.clone();
            let object = changed.pointer_mut(&place).unwrap();
            let values = object.as_object().unwrap().values().cloned().collect::<Vec<_>>();
            *object = values.into();
            // An array as a whole is a list of records.
            let is_list =
                taken.content_type == JSON && ["/log", "/feedback"].contains(&taken.route) && place.is_empty();
            let changed = if is_list { json!([changed]) } else { changed };
            let answer = send(&service, &taken, &changed).await;
            let sentence = answer.json()["error"].as_str().unwrap().to_owned();
            assert_eq!(answer.status, 422, "{name} at {place:?}: {answer:?}");
            let is_told = ["expected an object", "expected a map", "is a JSON object", "expected features"];
            assert!(is_told.iter().any(|told| sentence.contains(told)), "{name} at {place:?}: {sentence}");
            tried += 1;
        }
        let answer = send(&service, &taken, &taken.body).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
    assert!(tried > 30, "{tried}");
}
