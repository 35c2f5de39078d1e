//! A database of version 0.2.0 under this version: what was counted then is taken back exactly.

use serde_json::json;

use crate::service::RunningService;
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    counted_labels_of_version_0_2_0_stay_right,
    a_confidence_that_stood_for_none_is_none,
}

async fn counted_labels_of_version_0_2_0_stay_right(fixture: Fixture) {
    match &fixture {
        Fixture::Sqlite(_) => fixture.execute(include_str!("../databases/sqlite_0_2_0.sql")),
        Fixture::Postgres(_) => fixture.execute(include_str!("../databases/postgres_0_2_0.sql")),
    }
    let service = RunningService::start(&fixture, &[]).await;
    let range = "since=2026-11-30T08:00:00Z&until=2026-11-30T09:00:00Z";
    let quality = async |model: &str| {
        let answer = service.get(&format!("/quality?model={model}&{range}")).await.json();
        answer["models"][0]["quality"].clone()
    };
    let before = quality("m").await;
    assert_eq!((&before["labelled"], &before["accuracy"]), (&json!(5), &json!(0.6)));
    let house = quality("house").await;
    assert_eq!((&house["labelled"], house.get("accuracy")), (&json!(1), None), "it was 0, of a class without a name");
    let time = "2026-11-30T08:30:00.000001Z";
    let revised = json!([
        { "request_id": "right", "label": "dog", "revision": 1, "labelled_at": time },
        { "request_id": "revised", "label": "cat", "revision": 2, "labelled_at": time },
        // It was counted for the first prediction of its request only.
        { "request_id": "twice", "label": "cat", "revision": 1, "labelled_at": time },
        { "request_id": "house", "label": 99, "revision": 1, "labelled_at": time },
        { "request_id": "number", "label": 1, "revision": 1, "labelled_at": time },
    ]);
    let answer = service.post("/feedback", &revised).await;
    assert_eq!(answer.json(), json!({ "accepted": 5, "duplicates": 0 }));
    let after = quality("m").await;
    assert_eq!((&after["labelled"], &after["accuracy"]), (&json!(5), &json!(0.2)));
    let classes: Vec<_> = after["classes"].as_array().unwrap().iter().map(|class| class["class"].clone()).collect();
    assert_eq!(classes, ["1", "cat", "dog"]);
    assert_eq!(after["lag_mean_seconds"], before["lag_mean_seconds"], "each label is counted once");
    assert_eq!(
        (quality("house").await["labelled"].clone(), quality("s").await["accuracy"].clone()),
        (json!(1), json!(1.0))
    );
    let day = "since=2026-11-30T00:00:00Z&until=2026-12-01T00:00:00Z";
    let of_day = service.get(&format!("/quality?model=m&{day}")).await.json()["models"][0]["quality"].clone();
    assert_eq!(of_day, quality("m").await, "the counts of the day were made of those of its five minutes");
    // They can be taken back to what they were.
    let again = json!([
        { "request_id": "right", "label": "cat", "revision": 3, "labelled_at": time },
        { "request_id": "revised", "label": "dog", "revision": 3, "labelled_at": time },
        { "request_id": "twice", "label": "dog", "revision": 3, "labelled_at": time },
    ]);
    assert_eq!(service.post("/feedback", &again).await.status, 200);
    assert_eq!(quality("m").await["accuracy"], json!(0.8), "and 1.0 is 1");
}

/// Version 0.2.0 gave the records of KServe's events the confidence 1.0 where the model gave none, and said so.
async fn a_confidence_that_stood_for_none_is_none(fixture: Fixture) {
    let id = match &fixture {
        Fixture::Sqlite(_) => {
            fixture.execute(include_str!("../databases/sqlite_0_2_0.sql"));
            "x'019000000000700080000000000000ff'"
        }
        Fixture::Postgres(_) => {
            fixture.execute(include_str!("../databases/postgres_0_2_0.sql"));
            "'01900000-0000-7000-8000-0000000000ff'"
        }
    };
    fixture.execute(&format!(
        "INSERT INTO predictions
             (event_id, request_id, row_index, occurred_at, recorded_at, model, status, label, confidence, defect, extra)
         VALUES ({id}, 'k', 0, 1772359200000000, 1772359200000000, 'kserve', 'success', 'rose', 1.0, 0,
             '{{\"component\":\"predictor\",\"confidence_source\":\"none\"}}')"
    ));
    let service = RunningService::start(&fixture, &[]).await;
    let rows = service.predictions("?model=kserve").await;
    assert_eq!((rows.len(), rows[0].get("confidence"), &rows[0]["component"]), (1, None, &json!("predictor")));
    assert!(service.predictions("?model=kserve&min_confidence=0.5").await.is_empty());
    let stats = service.get("/stats").await.json();
    assert_eq!(stats["models"]["kserve"]["mean_confidence"], json!(null));
    // Senders that still write it are read likewise.
    let filler = json!({ "model": "kserve", "label": "rose", "confidence": 1.0, "confidence_source": "none" });
    service.store(&[filler]).await;
    let stats = service.get("/stats").await.json();
    assert_eq!(stats["models"]["kserve"]["mean_confidence"], json!(null));
}
