//! What is refused, what the refusal says, and that nothing of a refused request is stored.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::service::{JSON, NDJSON, PATIENCE, RunningService, ServiceAnswer, fresh, lines, smallest};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    a_bad_record_names_its_place_and_its_field_wherever_it_stands,
    what_is_no_record_at_all,
    bad_json_is_another_matter_than_a_bad_record,
    other_content_types,
    too_much_at_once,
    bodies_that_do_not_come_keep_no_record_out,
    slow_bodies_make_way_for_others,
}

/// The refusal that is expected.
struct ExpectedRefusal<'a> {
    status: u16,
    code: &'a str,
    /// A part of its sentence.
    says: &'a str,
}

/// Checks that the refusal has the one shape and the right content, and that nothing was stored.
async fn check(service: &RunningService, name: &str, answer: &ServiceAnswer, expected: ExpectedRefusal<'_>) {
    let ExpectedRefusal { status, code, says } = expected;
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
    assert_eq!(answer.header("x-request-id"), Some("the-request"), "{name}");
    let body = answer.json();
    let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members[..3], ["error", "code", "request_id"], "{name}");
    assert_eq!((&body["code"], &body["request_id"]), (&json!(code), &json!("the-request")), "{name}");
    let sentence = body["error"].as_str().unwrap();
    assert!(sentence.contains(says) && sentence.ends_with(['.', ')']), "{name} says: {sentence}");
    assert!(answer.text.len() < 2500, "{name} says a lot: {sentence}");
    assert_eq!(service.count().await, 0, "{name}: something was stored");
}

/// A record that differs from the smallest in these members.
fn but(members: Value) -> Value {
    let mut record = smallest();
    record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    record
}

fn without(member: &str) -> Value {
    let mut record = smallest();
    record.as_object_mut().unwrap().remove(member);
    record
}

/// A record that has to be refused.
struct BadRecord {
    record: Value,
    /// The field that the refusal names.
    field: &'static str,
    /// A part of the refusal's sentence.
    says: &'static str,
}

fn bad_records() -> Vec<BadRecord> {
    let score = |confidence: Value| json!({ "label": "cat", "confidence": confidence });
    let failed = |members: Value| {
        let mut record = json!({ "model": "m", "status": "error" });
        record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        record
    };
    let records = [
        (without("model"), "model", "is missing"),
        (without("label"), "label", "is missing"),
        (but(json!({ "model": 7 })), "model", "expected a string"),
        (but(json!({ "model": null })), "model", "expected a string"),
        (but(json!({ "model": "" })), "model", "is empty"),
        (but(json!({ "model": "a/b" })), "model", "letters"),
        (but(json!({ "model": "x".repeat(129) })), "model", "more than 128"),
        (but(json!({ "version": 1 })), "version", "expected a string"),
        (but(json!({ "version": "1 beta" })), "version", "letters"),
        (but(json!({ "label": "" })), "label", "is empty"),
        (but(json!({ "label": "a\u{0}b" })), "label", "control character"),
        (but(json!({ "label": "ä".repeat(257) })), "label", "more than 256"),
        (but(json!({ "label": ["cat"] })), "label", "expected a text"),
        (but(json!({ "confidence": 1.000_001 })), "confidence", "between 0 and 1"),
        (but(json!({ "confidence": -1e-9 })), "confidence", "between 0 and 1"),
        (but(json!({ "confidence": "0.9" })), "confidence", "0.9"),
        (but(json!({ "confidence": "9".repeat(100_000) })), "confidence", "cannot be read"),
        (but(json!({ "class": -1 })), "class", "-1"),
        (but(json!({ "class": 4_294_967_296_u64 })), "class", "4294967296"),
        (but(json!({ "defect": "no" })), "defect", "boolean"),
        (but(json!({ "status": "ok" })), "status", "success"),
        (but(json!({ "error_type": "internal" })), "error_type", "status \"error\" only"),
        (failed(json!({ "error_type": "" })), "error_type", "is empty"),
        (failed(json!({ "confidence": 2 })), "confidence", "between 0 and 1"),
        (failed(json!({ "label": "\n" })), "label", "control character"),
        (but(json!({ "event_id": "7" })), "event_id", "UUID"),
        (but(json!({ "event_id": 7 })), "event_id", "UUID"),
        (but(json!({ "request_id": "" })), "request_id", "is empty"),
        (but(json!({ "request_id": "x".repeat(129) })), "request_id", "more than 128"),
        (but(json!({ "row_index": -1 })), "row_index", "-1"),
        (but(json!({ "occurred_at": "yesterday" })), "occurred_at", "year"),
        (but(json!({ "occurred_at": 1_700_000_000 })), "occurred_at", "expected"),
        (but(json!({ "model_sha256": "AB".repeat(32) })), "model_sha256", "64 lower-case"),
        (but(json!({ "trace_id": "0".repeat(31) })), "trace_id", "32 lower-case"),
        (but(json!({ "latency_seconds": -0.001 })), "latency_seconds", "from 0 to"),
        (but(json!({ "queue_seconds": "1 ms" })), "queue_seconds", "1 ms"),
        (but(json!({ "schema_version": 1.5 })), "schema_version", "1.5"),
        (but(json!({ "top": [score(json!(1)), score(json!(1.5))] })), "top[1].confidence", "between 0 and 1"),
        (but(json!({ "top": [score(json!(1)), { "label": "", "confidence": 0 }] })), "top[1].label", "is empty"),
        (but(json!({ "top": vec![score(json!(0)); 101] })), "top", "more than 100"),
        (but(json!({ "note": "x".repeat(4096) })), "note", "4096 bytes"),
    ];
    records.into_iter().map(|(record, field, says)| BadRecord { record, field, says }).collect()
}

async fn a_bad_record_names_its_place_and_its_field_wherever_it_stands(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for BadRecord { record, field, says } in bad_records() {
        let among = [smallest(), smallest(), record.clone(), smallest()];
        for (form, content_type, body, index) in [
            ("alone", JSON, record.to_string(), 0),
            ("in an array", JSON, json!(among).to_string(), 2),
            ("in lines", NDJSON, lines(&among), 2),
        ] {
            let name = format!("{field} that {says}, {form}");
            let answer = service.log(content_type, body).await;
            check(&service, &name, &answer, ExpectedRefusal { status: 422, code: "invalid_input", says }).await;
            let body = answer.json();
            assert_eq!((&body["index"], &body["field"]), (&json!(index), &json!(field)), "{name}: {body}");
            assert!(body["error"].as_str().unwrap().contains(&format!("Record {index}")), "{name}: {body}");
        }
    }
    let counted = service.metrics().await;
    let refused = 3.0 * bad_records().len() as f64;
    assert_eq!(counted.get(r#"http_requests_total{method="POST",route="/log",status="422"}"#), refused);
    assert_eq!(counted.of("logging_predictions_total").sum() + counted.of("logging_duplicates_total").sum(), 0.0);
}

async fn what_is_no_record_at_all(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for (name, content_type, body, index) in [
        ("a number", JSON, "7".to_owned(), 0),
        ("text", JSON, "\"cat\"".to_owned(), 0),
        ("nothing", JSON, "null".to_owned(), 0),
        ("an array in an array", JSON, json!([smallest(), ["cifar10"]]).to_string(), 1),
        ("a number among lines", NDJSON, format!("{}\n7\n", smallest()), 1),
        ("an array as a line", NDJSON, json!([smallest()]).to_string(), 0),
    ] {
        let answer = service.log(content_type, body).await;
        check(&service, name, &answer, ExpectedRefusal { status: 422, code: "invalid_input", says: "" }).await;
        assert_eq!(answer.json()["index"], index, "{name}: {answer:?}");
    }
}

async fn bad_json_is_another_matter_than_a_bad_record(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let record = smallest().to_string();
    let cut = &record[..record.len() - 1];
    for (name, content_type, body, index) in [
        ("an empty body", JSON, String::new(), json!(0)),
        ("no JSON", JSON, "model=cifar10".to_owned(), json!(0)),
        ("a record that ends early", JSON, cut.to_owned(), json!(0)),
        ("two records", JSON, format!("{record}{record}"), json!(0)),
        ("lines that are called JSON", JSON, format!("{record}\n{record}\n"), json!(0)),
        ("NaN", JSON, record.replace("0.93", "NaN"), json!(0)),
        ("an array that ends early", JSON, format!("[{record},{record}"), Value::Null),
        ("an array with more behind it", JSON, format!("[{record}]]"), Value::Null),
        ("an array that is broken within", JSON, format!("[{record},{cut},{record}]"), json!(1)),
        ("a line that is broken", NDJSON, format!("{record}\n{cut}\n{record}\n"), json!(1)),
        ("two records in a line", NDJSON, format!("{record}\n{record}{record}\n"), json!(1)),
        ("bytes that are no text", NDJSON, format!("{record}\n\u{1}"), json!(1)),
    ] {
        let answer = service.log(content_type, body).await;
        check(
            &service,
            name,
            &answer,
            ExpectedRefusal { status: 400, code: "invalid_request", says: "cannot be read" },
        )
        .await;
        assert_eq!(answer.json()["index"], index, "{name}: {answer:?}");
    }
}

async fn other_content_types(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "json", "application/json-seq"] {
        let answer = service.log(content_type, smallest().to_string()).await;
        check(
            &service,
            content_type,
            &answer,
            ExpectedRefusal { status: 415, code: "unsupported_media_type", says: "application/x-ndjson" },
        )
        .await;
    }
}

async fn too_much_at_once(fixture: Fixture) {
    let service = fresh(&fixture, &["--queue-limit", "10", "--max-body-bytes", "5000"]).await;
    let (ten, eleven) = (vec![smallest(); 10], vec![smallest(); 11]);
    let large = "x".repeat(5001);
    for (name, content_type, body, says) in [
        ("an array of many", JSON, json!(eleven).to_string(), "At most 10"),
        ("many lines", NDJSON, lines(&eleven), "At most 10"),
        ("many lines, of which one is bad", NDJSON, lines(&eleven).replacen("cat", "", 1), "At most 10"),
        ("many bytes", JSON, large, "5000 bytes"),
    ] {
        let answer = service.log(content_type, body).await;
        check(&service, name, &answer, ExpectedRefusal { status: 413, code: "too_large", says }).await;
    }
    service.store(&ten).await;
    assert_eq!(service.count().await, 10);
}

/// Bytes of the smallest room.
const SMALLEST_ROOM: &str = "67108864";
const MIB: usize = 1024 * 1024;

/// Announces a body of the largest size, and sends so many bytes of it.
async fn begin_body(service: &RunningService, bytes: usize) -> TcpStream {
    let mut connection = TcpStream::connect(service.address()).await.unwrap();
    let head = "POST /log HTTP/1.1\r\nhost: log\r\ncontent-type: application/json\r\ncontent-length: 16777216\r\n\r\n";
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&vec![b' '; bytes]).await.unwrap();
    connection
}

async fn bodies_that_do_not_come_keep_no_record_out(fixture: Fixture) {
    let service = fresh(&fixture, &["--memory-room", SMALLEST_ROOM]).await;
    let mut idle = Vec::new();
    for _ in 0..64 {
        idle.push(begin_body(&service, 0).await);
        let answer = service.log(JSON, smallest().to_string()).await;
        assert_eq!(answer.status, 200, "{} bodies are announced: {answer:?}", idle.len());
    }
}

async fn slow_bodies_make_way_for_others(fixture: Fixture) {
    let service = fresh(&fixture, &["--memory-room", SMALLEST_ROOM]).await;
    let mut slow = Vec::new();
    for _ in 0..6 {
        slow.push(tokio::time::timeout(PATIENCE, begin_body(&service, 10 * MIB)).await.unwrap());
        assert_eq!(service.log(JSON, smallest().to_string()).await.status, 200, "a part is for small ones alone");
    }
    let large = format!("{}{}", " ".repeat(10 * MIB), smallest());
    assert_eq!(service.log(JSON, large).await.status, 200);
    // Whichever made way is told so.
    let mut told = JoinSet::new();
    for mut connection in slow {
        told.spawn(async move {
            let mut begin = [0; 12];
            connection.read_exact(&mut begin).await.map(|_| String::from_utf8_lossy(&begin).into_owned())
        });
    }
    let first = tokio::time::timeout(PATIENCE, told.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.unwrap(), "HTTP/1.1 429");
}
