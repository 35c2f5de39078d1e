//! Numbers as JSON may write them: the row of a record and of a label, and the label itself.

use serde_json::{Value, json};

use crate::service::{JSON, NDJSON, RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    a_row_is_any_whole_number,
    what_is_no_row_is_refused_with_its_place,
    spellings_of_one_number_are_one_label,
    what_is_another_text_is_another_label,
}

/// Spellings of a row, and the row. pandas writes the whole numbers of a column with gaps as floats.
const ROWS: [(&str, u32); 12] = [
    ("4120", 4120),
    ("4120.0", 4120),
    ("4120.000", 4120),
    ("4.12e3", 4120),
    ("4.12E+3", 4120),
    ("41200e-1", 4120),
    ("0", 0),
    ("0.0", 0),
    ("-0", 0),
    ("-0.0", 0),
    ("null", 0),
    ("4294967295.0", u32::MAX),
];

const NO_ROWS: [&str; 12] = [
    "-1",
    "-1.0",
    "0.5",
    "4120.5",
    "4294967296",
    "4294967296.0",
    "1e300",
    "18446744073709551616",
    "\"4120\"",
    "true",
    "[4120]",
    "{}",
];

async fn sent(service: &RunningService, route: &str, content_type: &str, body: String) -> Value {
    let answer = service.send(route, &[("content-type", content_type)], body).await;
    assert_eq!(answer.status, 200, "{route}: {answer:?}");
    answer.json()
}

/// Of a model, how many predictions have a label, and the share that is right.
async fn labelled(service: &RunningService, model: &str) -> Value {
    let answer = service.get(&format!("/quality?model={model}&window=1h")).await.json();
    let quality = &answer["models"][0]["quality"];
    json!([quality["labelled"], quality["accuracy"]])
}

async fn a_row_is_any_whole_number(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let one = json!({ "accepted": 1, "duplicates": 0 });
    for (number, (written, row)) in ROWS.into_iter().enumerate() {
        let record =
            format!(r#"{{"model":"m","label":"cat","confidence":0.9,"request_id":"r{number}","row_index":{written}}}"#);
        assert_eq!(sent(&service, "/log", JSON, record).await, one, "{written}");
        let stored = service.predictions(&format!("?request_id=r{number}")).await;
        assert_eq!(stored[0]["row_index"], json!(row), "{written}");
        // Every spelling of the label means the row, whichever spelling it came in.
        let content_type = if number % 2 == 0 { JSON } else { NDJSON };
        let label = format!(r#"{{"request_id":"r{number}","label":"cat","row_index":{written}}}"#);
        assert_eq!(sent(&service, "/feedback", content_type, label).await, one, "{written}");
        assert_eq!(labelled(&service, "m").await, json!([number + 1, 1.0]), "{written}");
        for (again, _) in ROWS.into_iter().filter(|(_, other)| *other == row) {
            let label = format!(r#"{{"request_id":"r{number}","label":"cat","row_index":{again}}}"#);
            let duplicate = json!({ "accepted": 0, "duplicates": 1 });
            assert_eq!(sent(&service, "/feedback", JSON, label).await, duplicate, "{written} as {again}");
        }
    }
}

async fn what_is_no_row_is_refused_with_its_place(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for written in NO_ROWS {
        for (route, members) in [
            ("/log", r#""model":"m","label":"cat","confidence":0.9"#),
            ("/feedback", r#""request_id":"r","label":"cat""#),
        ] {
            let body = format!(r#"[{{{members}}},{{{members},"row_index":{written}}}]"#);
            let answer = service.send(route, &[("content-type", JSON)], body).await;
            let told = answer.json();
            assert_eq!((answer.status, &told["code"]), (422, &json!("invalid_input")), "{route} {written}: {told}");
            assert_eq!((&told["index"], &told["field"]), (&json!(1), &json!("row_index")), "{route} {written}: {told}");
            let sentence = told["error"].as_str().unwrap();
            assert!(sentence.contains("a whole number from 0 to 4294967295"), "{route} {written}: {sentence}");
        }
    }
    assert_eq!(service.count().await, 0);
    assert_eq!(service.metrics().await.get("logging_feedback_total{outcome=\"accepted\"}"), 0.0);
}

async fn spellings_of_one_number_are_one_label(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let spellings: [(&str, &[&str]); 9] = [
        ("one", &["1", "1.0", "1e0", "10e-1", "\"1\"", "\"1.0\"", "\"1e0\"", "\"1.00\""]),
        ("zero", &["0", "-0", "0.0", "-0.0", "\"0\"", "\"-0\"", "0e5"]),
        ("minus", &["-3", "-3.0", "\"-3\"", "-30e-1"]),
        ("half", &["0.5", "5e-1", "\"0.5\"", "\"0.50\""]),
        ("tiny", &["1e-9", "0.000000001", "\"1e-9\"", "\"1.0E-09\""]),
        ("large", &["1e15", "1000000000000000", "\"1e15\"", "1000000000000000.0"]),
        ("exact", &["12345678901234567890", "\"12345678901234567890\""]),
        ("true", &["true", "\"true\""]),
        ("word", &["\"cat\""]),
    ];
    for (model, written) in spellings {
        let mut row = 0;
        for predicted in written {
            // A record's label is a text.
            let text = predicted.trim_matches('"');
            for truth in written {
                let named =
                    json!({ "model": model, "label": text, "confidence": 0.9, "request_id": model, "row_index": row });
                sent(&service, "/log", JSON, named.to_string()).await;
                let label = format!(r#"{{"request_id":"{model}","row_index":{row},"label":{truth}}}"#);
                sent(&service, "/feedback", JSON, label).await;
                row += 1;
            }
        }
        assert_eq!(labelled(&service, model).await, json!([row, 1.0]), "{model}: {written:?}");
        let answer = service.get(&format!("/quality?model={model}&window=1h")).await.json();
        let classes = answer["models"][0]["quality"]["classes"].clone();
        assert_eq!(classes.as_array().unwrap().len(), 1, "{model}: {classes}");
    }
}

async fn what_is_another_text_is_another_label(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let pairs = [
        ("1", "\"01\""),
        ("1", "\" 1\""),
        ("1", "\"+1\""),
        ("1", "\"1.\""),
        ("1", "true"),
        ("1", "2"),
        ("1", "-1"),
        ("1000", "\"1_000\""),
        ("1000", "\"1,000\""),
        ("12345678901234567890", "12345678901234567891"),
        ("cat", "\"Cat\""),
        ("nan", "\"NaN\""),
    ];
    for (row, (predicted, truth)) in pairs.into_iter().enumerate() {
        let record =
            json!({ "model": "m", "label": predicted, "confidence": 0.9, "request_id": "r", "row_index": row });
        sent(&service, "/log", JSON, record.to_string()).await;
        let label = format!(r#"{{"request_id":"r","row_index":{row},"label":{truth}}}"#);
        sent(&service, "/feedback", JSON, label).await;
        assert_eq!(labelled(&service, "m").await, json!([row + 1, 0.0]), "{predicted} and {truth}");
    }
}
