//! Every form in which records may come, and what comes back of them.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{JSON, NDJSON, fresh, lines, smallest};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    one_record_an_array_or_lines,
    what_the_smallest_record_lacks_is_filled_in,
    whatever_is_sent_comes_back,
    what_was_read_can_be_sent_again,
    everything_may_be_sent_twice_and_is_stored_once,
    of_two_records_with_one_id_the_first_stays,
}

fn with_ids(count: usize) -> Vec<Value> {
    let with_id = |_| {
        let mut record = smallest();
        record["event_id"] = json!(Uuid::now_v7());
        record
    };
    (0..count).map(with_id).collect()
}

async fn one_record_an_array_or_lines(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let record = smallest();
    let three = vec![record.clone(); 3];
    let mut stored = 0;
    for (name, content_type, body, accepted) in [
        ("one", JSON, record.to_string(), 1),
        ("one with space around", JSON, format!("\r\n {record} \n"), 1),
        ("one with a charset", "Application/JSON; charset=utf-8", record.to_string(), 1),
        ("an array of one", JSON, json!([record]).to_string(), 1),
        ("an array", JSON, format!(" \n{}\n", json!(three)), 3),
        ("an empty array", JSON, "[]".to_owned(), 0),
        ("lines", NDJSON, lines(&three), 3),
        ("lines by another name", "application/ndjson", lines(&three), 3),
        ("lines by a third name", "application/jsonl", lines(&three), 3),
        ("lines with a charset", "application/x-ndjson; charset=utf-8", lines(&three), 3),
        ("lines as in Windows", NDJSON, lines(&three).replace('\n', "\r\n"), 3),
        ("no line end at the end", NDJSON, lines(&three).trim_end().to_owned(), 3),
        ("empty lines between", NDJSON, lines(&three).replace('\n', "\n\n \n"), 3),
        ("one line", NDJSON, record.to_string(), 1),
        ("no line", NDJSON, String::new(), 0),
    ] {
        let answer = service.log(content_type, body).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.header("x-request-id"), Some("the-request"), "{name}");
        assert_eq!(answer.json(), json!({ "accepted": accepted, "duplicates": 0 }), "{name}");
        stored += accepted;
        assert_eq!(service.count().await, stored, "{name}: acknowledged means stored");
    }
}

async fn what_the_smallest_record_lacks_is_filled_in(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let before = Timestamp::now();
    service.store(&[smallest()]).await;
    let after = Timestamp::now();
    let stored = service.predictions("").await.remove(0);
    let text = |member: &str| stored[member].as_str().unwrap();
    let event_id: Uuid = text("event_id").parse().unwrap();
    assert_eq!(event_id.get_version_num(), 7);
    for member in ["occurred_at", "recorded_at"] {
        let time: Timestamp = text(member).parse().unwrap();
        // Stored times are whole microseconds, so this one may be cut to just before the test's.
        assert!(time.as_microsecond() >= before.as_microsecond() && time <= after, "{member}: {before} {time} {after}");
    }
    let expected = json!({
        "event_id": event_id, "request_id": event_id, "row_index": 0, "occurred_at": text("occurred_at"),
        "model": "cifar10", "status": "success", "label": "cat", "confidence": 0.93, "defect": false,
        "recorded_at": text("recorded_at"),
    });
    assert_eq!(stored, expected);
    assert_eq!(service.get(&format!("/predictions/{event_id}")).await.json(), expected);
}

async fn whatever_is_sent_comes_back(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let event_id = Uuid::now_v7();
    let mut sent = json!({
        "event_id": event_id, "request_id": "order-17", "row_index": 3, "occurred_at": "2026-02-03T04:05:06.123456Z",
        "model": "surface", "version": "2", "model_sha256": "ab".repeat(32), "status": "success", "label": "Kratzer \u{2028}\u{1f408} \"'",
        "class": 1, "confidence": 0.1 + 0.2, "defect": true,
        "top": [{ "label": "scratch", "class": 1, "confidence": 0.5 }, { "label": "ok", "confidence": 1e-300 }],
        "latency_seconds": 0.0012, "decode_seconds": 0.0, "queue_seconds": 1e-9, "inference_seconds": 0.001,
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "schema_version": 9,
        "variant": "canary", "nested": { "a": [1, 2.5, null, true, { "b": "c" }] }, "": "an empty name", "id": 7,
    });
    service.store(std::slice::from_ref(&sent)).await;
    let failed =
        json!({ "event_id": Uuid::now_v7(), "model": "unknown", "status": "error", "error_type": "invalid_input" });
    service.store(std::slice::from_ref(&failed)).await;

    let stored = service.get(&format!("/predictions/{event_id}")).await.json();
    sent["recorded_at"] = stored["recorded_at"].clone();
    assert_eq!(stored, sent);
    let stored = service.predictions("?status=error").await.remove(0);
    for member in ["event_id", "model", "status", "error_type"] {
        assert_eq!(stored[member], failed[member], "{member}");
    }
    assert!(stored.get("label").is_none() && stored.get("confidence").is_none(), "{stored}");
}

async fn what_was_read_can_be_sent_again(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&[json!({ "model": "m", "label": "x", "confidence": 1, "note": "kept" })]).await;
    let stored = service.predictions("").await;
    let another = fixture.another();
    let other = fresh(&another, &[]).await;
    other.store(&stored).await;
    let mut copied = other.predictions("").await;
    assert_ne!(copied[0]["recorded_at"], stored[0]["recorded_at"]);
    copied[0]["recorded_at"] = stored[0]["recorded_at"].clone();
    assert_eq!(copied, stored);
}

async fn everything_may_be_sent_twice_and_is_stored_once(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let bodies: Vec<(&str, String, u64)> = vec![
        (JSON, with_ids(1)[0].to_string(), 1),
        (JSON, json!(with_ids(5)).to_string(), 5),
        (NDJSON, lines(&with_ids(7)), 7),
    ];
    for round in 0..3 {
        for (content_type, body, records) in &bodies {
            let answer = service.log(content_type, body.clone()).await;
            let (accepted, duplicates) = if round == 0 { (*records, 0) } else { (0, *records) };
            assert_eq!(answer.json(), json!({ "accepted": accepted, "duplicates": duplicates }), "round {round}");
        }
        let metrics = service.metrics().await;
        assert_eq!(metrics.get(r#"logging_predictions_total{model="cifar10"}"#), 13.0);
        assert_eq!(metrics.get(r#"logging_duplicates_total{model="cifar10"}"#), 13.0 * f64::from(round));
        assert_eq!((service.count().await, service.predictions("").await.len()), (13, 13));
    }
}

async fn of_two_records_with_one_id_the_first_stays(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let first = with_ids(1).remove(0);
    let mut second = first.clone();
    second["label"] = json!("dog");
    let answer = service.log(JSON, json!([first, second, with_ids(1)[0]]).to_string()).await;
    assert_eq!(answer.json(), json!({ "accepted": 2, "duplicates": 1 }));
    let stored = service.get(&format!("/predictions/{}", first["event_id"].as_str().unwrap())).await.json();
    assert_eq!(stored["label"], "cat");
}
