//! What a model declares not to be kept is kept nowhere, whichever way it comes in.

use std::process::Command;

use prediction_record::{number_bin, number_bin_middle};
use serde_json::{Value, json};

use crate::service::{JSON, RunningService, fresh};
use crate::store_support::{Fixture, apart, on_each_engine};

on_each_engine! {
    what_may_not_be_kept_is_counted_and_never_told,
    a_declaration_holds_from_its_answer_on_and_for_references,
    events_that_wait_hold_no_name_that_may_not_be_kept,
    a_check_of_features_that_no_row_has_finds_nothing,
}

const SECRET: &str = "SECRET";
const PAY: f64 = 1234.5678;

fn declaration() -> Value {
    json!({ "task": "classification", "labels": ["a", "b"], "features": [
        { "name": "ssn", "kind": "category", "keep": false },
        { "name": "city", "kind": "category", "categories": ["Rome", "Oslo"], "keep": false },
        { "name": "pay", "kind": "number", "keep": false },
        { "name": "debt", "kind": "number", "keep": false },
        { "name": "age", "kind": "number" },
    ] })
}

async fn declare(service: &RunningService) {
    let answer = service.put("/models/kp", &declaration()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn record(features: &Value, counted: &Value) -> Value {
    json!({ "model": "kp", "label": "a", "confidence": 0.5, "features": features, "counted_features": counted })
}

/// Everything that the service tells of its rows and counts.
async fn told(service: &RunningService) -> String {
    let mut told = String::new();
    for path in ["/predictions", "/export", "/export?format=csv", "/stats", "/drift", "/drift/reference", "/metrics"] {
        let answer = service.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        told += &answer.text;
    }
    told
}

/// The counts of a reference that is made of all rows.
async fn counts(service: &RunningService) -> Value {
    let answer = service.post("/drift/reference", &json!({ "model": "kp" })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["counts"].clone()
}

fn check(fixture: &Fixture) -> String {
    let output = apart(|| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_logging-service"));
        program.args(["--database", &fixture.flag(), "check"]).output().unwrap()
    });
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{text}");
    text
}

async fn what_may_not_be_kept_is_counted_and_never_told(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    declare(&service).await;
    let middle = number_bin_middle(number_bin(PAY).unwrap());
    let numbered = |bin: f64| json!({ "t": [0, number_bin(bin).unwrap(), 1], "lo": middle, "hi": middle });
    let other = json!({ "c": { "o": 1 } });
    let named = |name: &str| json!({ "c": { "n": { name: 1 } } });
    for (feature, value, expected) in [
        ("ssn", json!("SECRET-1"), other.clone()),
        ("ssn", json!(77_123), other.clone()),
        ("ssn", json!(true), other.clone()),
        ("city", json!("Rome"), named("Rome")),
        ("city", json!("SECRET-2"), other.clone()),
        ("pay", json!(PAY), numbered(PAY)),
        ("pay", json!("SECRET-3"), other.clone()),
        ("pay", json!("1234.5678"), other.clone()),
        ("debt", json!(null), json!({ "m": 1 })),
    ] {
        for side in ["features", "counted_features"] {
            let model = format!("kp-{feature}-{}", value.to_string().len());
            let model = model + side;
            let mut row = json!({ "model": model, "label": "a" });
            row[side] = json!({ feature: value.clone() });
            assert_eq!(service.put(&format!("/models/{model}"), &declaration()).await.status, 200);
            service.store(&[row]).await;
            let range = json!({ "model": model });
            let counts = service.post("/drift/reference", &range).await.json()["counts"].clone();
            assert_eq!(counts["u"], json!({ feature: expected.clone() }), "{side} {feature} {value}");
            assert_eq!(counts.get("v"), None, "{side} {feature} {value}");
        }
    }
    // What is not declared is not recorded, and told as a number of values.
    let features = json!({ "ssn": "SECRET-4", "age": 3, "pay": PAY, "undeclared": "SECRET-5" });
    service.store(&[record(&features, &json!({ "unheard_of": "SECRET-6" })), record(&json!({}), &json!({}))]).await;
    let rows = service.predictions("?model=kp").await;
    assert_eq!((&rows[0]["features"], &rows[1]["features"]), (&Value::Null, &json!({ "age": 3.0 })));
    assert_eq!(service.metrics().await.get("logging_undeclared_features_total{model=\"kp\"}"), 2.0);
    let told = told(&service).await;
    for secret in [SECRET, "1234.5678", "77123", "undeclared\":", "unheard_of"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    service.stop().await;
    assert!(check(&fixture).contains(" 0 problems"));
}

async fn a_declaration_holds_from_its_answer_on_and_for_references(fixture: Fixture) {
    let service = fresh(&fixture, &["--evaluate-seconds", "3600"]).await;
    // Before anything is declared, a sender's own word is all there is.
    let features = json!({ "ssn": "SECRET-1", "city": "Rome", "pay": PAY, "age": 3 });
    service.store(&[record(&features, &json!({ "debt": PAY, "note": "SECRET-2" }))]).await;
    let before = counts(&service).await;
    assert_eq!(before["v"]["pay"]["lo"], json!(PAY));
    let middle = json!(number_bin_middle(number_bin(PAY).unwrap()));
    assert_eq!((&before["u"]["debt"]["hi"], &before["u"]["note"]), (&middle, &json!({ "c": { "o": 1 } })));
    declare(&service).await;
    // References that were made before, and those that others make, tell no more than the log does.
    let stored = service.get("/drift/reference?model=kp").await.json();
    let reference = stored["references"][0].clone();
    let mut sent = reference.clone();
    sent["counts"]["v"]["pay"] = before["v"]["pay"].clone();
    sent["created_at"] = json!(jiff::Timestamp::now().to_string());
    for counts in [reference["counts"].clone(), {
        assert_eq!(service.put("/drift/reference", &sent).await.json()["stored"], true);
        service.get("/drift/reference?model=kp").await.json()["references"][0]["counts"].clone()
    }] {
        assert_eq!((&counts["u"]["pay"]["lo"], &counts["u"]["ssn"]["c"]), (&middle, &json!({ "o": 1 })));
        assert_eq!(counts["u"]["city"]["c"], json!({ "n": { "Rome": 1 } }));
        assert!(counts["v"].get("pay").is_none() && counts["v"]["age"]["lo"] == json!(3.0), "{counts}");
    }
    // It holds for the very next record, and after a restart.
    service.store(&[record(&json!({ "pay": PAY }), &json!({}))]).await;
    service.stop().await;
    let service = fresh(&fixture, &[]).await;
    service.store(&[record(&json!({ "pay": PAY }), &json!({}))]).await;
    let kept = service.predictions("?model=kp").await.iter().filter(|row| row.get("features").is_some()).count();
    assert_eq!(kept, 1, "only the row from before the declaration");
    assert_eq!(service.delete("/models/kp").await.status, 200);
    service.store(&[record(&json!({ "pay": PAY }), &json!({}))]).await;
    let newest = service.predictions("?model=kp&limit=1").await;
    assert_eq!(newest[0]["features"], json!({ "pay": PAY }));
}

async fn events_that_wait_hold_no_name_that_may_not_be_kept(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    declare(&service).await;
    let event = async |kind: &str, body: &Value| {
        let kind = format!("org.kubeflow.serving.inference.{kind}");
        let headers = [
            ("content-type", JSON),
            ("ce-specversion", "1.0"),
            ("ce-id", "one"),
            ("ce-source", "http://localhost:9081/"),
            ("ce-type", kind.as_str()),
            ("ce-time", "2026-03-01T10:00:00Z"),
            ("ce-inferenceservicename", "kp"),
        ];
        assert_eq!(service.send("/cloudevents", &headers, body.to_string()).await.status, 200);
    };
    let row = json!({ "ssn": "SECRET-1", "city": "Rome", "pay": "SECRET-2", "debt": PAY, "age": 3 });
    event("request", &json!({ "instances": [row] })).await;
    let waiting = "SELECT count(*) FROM events WHERE event LIKE ";
    assert_eq!(
        [fixture.number(&format!("{waiting} '%SECRET%'")), fixture.number(&format!("{waiting} '%Rome%'"))],
        [0, 1]
    );
    event("response", &json!({ "predictions": ["a"] })).await;
    let counts = counts(&service).await;
    assert_eq!((&counts["u"]["ssn"]["c"], &counts["u"]["pay"]["c"]), (&json!({ "o": 1 }), &json!({ "o": 1 })));
    assert_eq!(service.predictions("?model=kp").await[0]["features"], json!({ "age": 3.0 }));
    let told = told(&service).await;
    assert!(!told.contains(SECRET) && !told.contains("1234.5678"), "{told}");
}

async fn a_check_of_features_that_no_row_has_finds_nothing(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    declare(&service).await;
    let begin = jiff::Timestamp::now().as_second() / 300 * 300 - 600;
    let rows: Vec<Value> = (0..20)
        .map(|i| {
            let mut row = record(&json!({ "age": i, "city": "Rome", "pay": PAY * f64::from(i) }), &json!({}));
            row["occurred_at"] = json!(jiff::Timestamp::from_second(begin + 10 * i64::from(i)).unwrap().to_string());
            row
        })
        .collect();
    // The buckets are compared from the one after the oldest row on.
    let mut old = rows[0].clone();
    old["occurred_at"] = json!(jiff::Timestamp::from_second(begin - 600).unwrap().to_string());
    service.store(&[old]).await;
    service.store(&rows).await;
    service.stop().await;
    let said = check(&fixture);
    assert!(said.contains(" 0 problems"), "{said}");
    // What can be compared still is.
    fixture.execute("DELETE FROM predictions WHERE id = (SELECT max(id) FROM predictions)");
    let output = apart(|| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_logging-service"));
        program.args(["--database", &fixture.flag(), "check"]).output().unwrap()
    });
    assert!(!output.status.success(), "{output:?}");
}
