//! Records and labels as pandas and Python write them: whole numbers as floats, `null` in gaps, numbers as labels.

use serde_json::{Value, json};

use crate::service::{JSON, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    whole_numbers_gaps_and_numbers_as_labels_are_taken,
    a_sentence_names_no_type_of_the_program,
}

async fn whole_numbers_gaps_and_numbers_as_labels_are_taken(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let top = |label: Value| json!([{ "label": label, "class": 1.0, "confidence": 0.75 }]);
    let members = [
        (json!({ "label": 1 }), json!({ "label": "1" })),
        (json!({ "label": 1.0 }), json!({ "label": "1" })),
        (json!({ "label": 0.5 }), json!({ "label": "0.5" })),
        (json!({ "label": true }), json!({ "label": "true" })),
        (json!({ "class": 3.0 }), json!({ "class": 3 })),
        (json!({ "top": top(json!(7)) }), json!({ "top": [{ "label": "7", "class": 1, "confidence": 0.75 }] })),
        (json!({ "top": top(json!(7.0)) }), json!({ "top": [{ "label": "7", "class": 1, "confidence": 0.75 }] })),
        (json!({ "schema_version": 4.0 }), json!({ "schema_version": 4 })),
        (json!({ "row_index": 2.0 }), json!({ "row_index": 2 })),
        (json!({ "tags": null, "features": null, "top": null, "counted_features": null }), json!({})),
        (json!({ "status": null, "task": null, "defect": null, "row_index": null, "class": null }), json!({})),
        (json!({ "version": null, "confidence": null, "schema_version": null, "input": null }), json!({})),
    ];
    for (number, (sent, stored)) in members.iter().enumerate() {
        let request = number.to_string();
        let mut record = json!({ "model": "m", "label": "cat", "request_id": request });
        record.as_object_mut().unwrap().extend(sent.as_object().unwrap().clone());
        service.store(&[record]).await;
        let found = service.predictions(&format!("?request_id={request}")).await;
        for (member, value) in stored.as_object().unwrap() {
            assert_eq!(&found[0][member], value, "{sent}: {found:?}");
        }
        let mut least = json!({ "model": "m", "label": "cat", "defect": false, "status": "success", "row_index": 0 });
        least.as_object_mut().unwrap().extend(stored.as_object().unwrap().clone());
        let mut found = found[0].as_object().unwrap().clone();
        found.retain(|member, _| !matches!(member.as_str(), "event_id" | "request_id" | "occurred_at" | "recorded_at"));
        assert_eq!(json!(found), least, "{sent}");
    }
    for (revision, accuracy) in [(json!(null), 0.0), (json!(1.0), 1.0), (json!(2), 0.0), (json!(3.0), 1.0)] {
        let label = if accuracy == 1.0 { json!(1.0) } else { json!(2) };
        let body =
            json!([{ "request_id": "0", "row_index": null, "source": null, "label": label, "revision": revision }]);
        let answer = service.post("/feedback", &body).await;
        assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(1)), "{answer:?}");
        let quality = service.get("/quality?model=m&window=1h").await.json()["models"][0]["quality"].clone();
        assert_eq!(quality["accuracy"], json!(accuracy), "{revision}");
    }
    service.stop().await;
}

async fn a_sentence_names_no_type_of_the_program(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for (path, body, says) in [
        ("/log", json!({ "model": "m", "label": "a", "class": 1.5 }), "expected a whole number from 0"),
        ("/log", json!({ "model": "m", "label": "a", "class": -1 }), "expected a whole number from 0"),
        ("/log", json!({ "model": "m", "label": "a", "schema_version": "4" }), "expected a whole number from 0"),
        ("/log", json!({ "model": "m", "label": [1] }), "expected a text, a number, true or false"),
        ("/log", json!({ "model": 1 }), "expected a string"),
        ("/log", json!({ "model": "m", "label": "a", "tags": 1 }), "expected an object"),
        ("/log", json!({ "model": "m", "label": "a", "top": {} }), "object, expected an array"),
        ("/log", json!({ "model": "m", "label": "a", "confidence": "0.5" }), "expected a number"),
        ("/log", json!({ "model": "m", "label": "a", "defect": 1 }), "expected a boolean"),
        ("/feedback", json!({ "request_id": "r", "label": 1, "revision": 0.5 }), "expected a whole number from 0"),
        ("/feedback", json!({ "request_id": "r", "label": 1, "revision": -1 }), "expected a whole number from 0"),
        ("/models/m", json!({ "mute": 1 }), "expected an object"),
        ("/models/m", json!({ "labels": {} }), "object, expected an array"),
    ] {
        let method = if path.starts_with("/models") { "PUT" } else { "POST" };
        let answer = service.ask(method, path, Some((JSON.to_owned(), body.to_string()))).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert!(answer.text.contains(says), "{body}: {answer:?}");
        for foreign in ["u32", "u64", "f64", "struct", "a map", "sequence"] {
            assert!(!answer.text.contains(foreign), "{body}: {answer:?}");
        }
    }
    service.stop().await;
}
