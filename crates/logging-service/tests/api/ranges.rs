//! Ranges of time mean what they say: every answer is about the very range, or names the one that it is about.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::service::{RunningService, fresh, smallest};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    any_range_is_answered_to_the_second_with_its_labels,
    a_range_whose_rows_are_gone_names_the_range_that_it_answers,
    features_that_no_row_has_are_counted_with_their_whole_five_minutes,
    a_reference_is_of_the_very_range,
    a_range_that_ends_before_it_begins_is_refused_everywhere,
    offsets_are_those_of_rfc_3339,
    extreme_times_are_taken_or_told_on_every_route,
    a_number_is_one_label_however_it_is_written,
}

fn record(second: i64, label: &str) -> Value {
    json!({ "model": "m", "label": label, "confidence": 0.5, "request_id": format!("r{second}"), "occurred_at": at(second) })
}

/// So many seconds after a begin of five minutes.
fn at(second: i64) -> String {
    let begin: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    (begin + SignedDuration::from_secs(second)).to_string()
}

/// What `/quality` answers about a range: since, until, predictions, labels, right ones.
async fn quality(service: &RunningService, since: &str, until: &str) -> Value {
    let answer = service.get(&format!("/quality?model=m&since={since}&until={until}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let models = answer.json()["models"].clone();
    let Some(model) = models.get(0) else { return json!(null) };
    let quality = &model["quality"];
    json!([model["since"], model["until"], quality["predictions"], quality["labelled"], quality["accuracy"]])
}

async fn any_range_is_answered_to_the_second_with_its_labels(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    // One prediction each half minute of twenty minutes; those of even minutes are right.
    let seconds: Vec<i64> = (0..40).map(|i| 30 * i).collect();
    let rows: Vec<Value> = seconds.iter().map(|second| record(*second, "cat")).collect();
    service.store(&rows).await;
    let truth = |second: i64| if second % 60 == 0 { "cat" } else { "dog" };
    let labels: Vec<Value> = seconds
        .iter()
        .filter(|second| *second % 90 == 0)
        .map(|second| json!({ "request_id": format!("r{second}"), "label": truth(*second) }))
        .collect();
    assert_eq!(service.post("/feedback", &json!(labels)).await.status, 200);
    for (since, until) in [
        (150, 450),
        (0, 300),
        (0, 301),
        (299, 300),
        (300, 601),
        (301, 302),
        (1, 1199),
        (450, 1200),
        (600, 900),
        (90, 91),
    ] {
        let within: Vec<i64> = seconds.iter().copied().filter(|second| (since..until).contains(second)).collect();
        let labelled: Vec<i64> = within.iter().copied().filter(|second| second % 90 == 0).collect();
        let right = labelled.iter().filter(|second| **second % 60 == 0).count();
        let accuracy = (!labelled.is_empty()).then(|| right as f64 / labelled.len() as f64);
        let expected = if within.is_empty() {
            json!(null)
        } else {
            json!([at(since), at(until), within.len(), labelled.len(), accuracy])
        };
        assert_eq!(quality(&service, &at(since), &at(until)).await, expected, "{since} to {until}");
    }
    let drift = service.get(&format!("/drift?since={}&until={}", at(150), at(450))).await.json();
    assert_eq!((&drift["models"][0]["since"], &drift["models"][0]["until"]), (&json!(at(150)), &json!(at(450))));
    // A bound between two microseconds belongs to the one after it, as with the rows.
    let rows = service.predictions("?since=2026-03-01T00:00:00.0000001Z&until=2026-03-01T00:00:30.0000001Z").await;
    let counted = quality(&service, "2026-03-01T00:00:00.0000001Z", "2026-03-01T00:00:30.0000001Z").await;
    assert_eq!((rows.len(), &counted[2]), (1, &json!(1)));
}

async fn a_range_whose_rows_are_gone_names_the_range_that_it_answers(fixture: Fixture) {
    // Older than the rows are kept, and younger than their counts.
    let begin = (Timestamp::now() - SignedDuration::from_hours(24 * 40)).as_second() / 300 * 300;
    let time = |second: i64| Timestamp::from_second(begin + second).unwrap().to_string();
    let service = fresh(&fixture, &["--retention-days", "30", "--evaluate-seconds", "0.05"]).await;
    let old = |second: i64| json!({ "model": "m", "label": "x", "confidence": 0.5, "occurred_at": time(second) });
    service.store(&[old(10), old(20), old(310), old(620)]).await;
    // The newest row always stays.
    service.store(&[smallest()]).await;
    service.metrics_until("they are gone", |m| m.get("logging_retention_deleted_total{reason=\"age\"}") == 4.0).await;
    let whole = json!([time(0), time(900), 4, 0, null]);
    assert_eq!(quality(&service, &time(15), &time(630)).await, whole);
    assert_eq!(quality(&service, &time(15), &time(16)).await, json!([time(0), time(300), 2, 0, null]));
    assert_eq!(quality(&service, &time(15), &time(600)).await, json!([time(0), time(600), 3, 0, null]));
    assert_eq!(quality(&service, &time(300), &time(615)).await, json!([time(300), time(900), 2, 0, null]));
}

async fn features_that_no_row_has_are_counted_with_their_whole_five_minutes(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let counted = |second: i64| {
        let mut record = record(second, "cat");
        record["counted_features"] = json!({ "income": 5.0 });
        record
    };
    service.store(&[counted(10), counted(200)]).await;
    assert_eq!(quality(&service, &at(100), &at(250)).await, json!([at(0), at(300), 2, 0, null]));
}

async fn a_reference_is_of_the_very_range(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let rows: Vec<Value> = (0..1200).map(|second| record(second, "cat")).collect();
    service.store(&rows).await;
    let range = json!({ "model": "m", "since": at(100), "until": at(1000) });
    let profile = service.post("/drift/reference", &range).await.json();
    assert_eq!(
        (&profile["since"], &profile["until"], &profile["counts"]["n"]),
        (&json!(at(100)), &json!(at(1000)), &json!(900))
    );
}

async fn a_range_that_ends_before_it_begins_is_refused_everywhere(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let (early, late) = (at(0), at(1));
    for route in ["/predictions", "/stats", "/export", "/drift", "/quality"] {
        let answer = service.get(&format!("{route}?since={late}&until={early}")).await;
        let sentence = answer.json()["error"].as_str().unwrap().to_owned();
        assert_eq!(answer.status, 400, "{route}: {answer:?}");
        assert!(sentence.contains("lies after until") && sentence.contains("exchange them"), "{route}: {sentence}");
        let same = service.get(&format!("{route}?since={early}&until={early}")).await;
        assert_eq!(same.status, 200, "{route}: a range without length is empty: {same:?}");
    }
    let range = json!({ "model": "m", "since": late, "until": early });
    let answer = service.post("/drift/reference", &range).await;
    assert!(answer.status == 422 && answer.text.contains("lies after until"), "{answer:?}");
    for route in ["/predictions", "/export"] {
        let answer = service.get(&format!("{route}?min_confidence=0.9&max_confidence=0.1")).await;
        assert!(answer.status == 400 && answer.text.contains("exchange them"), "{route}: {answer:?}");
    }
}

async fn offsets_are_those_of_rfc_3339(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    for route in ["/predictions", "/stats", "/export", "/drift", "/quality"] {
        let answer = service.get(&format!("{route}?since=2026-03-01T00:00:00%2B25:00")).await;
        assert!(answer.status == 400 && answer.text.contains("23 hours"), "{route}: {answer:?}");
        let answer = service.get(&format!("{route}?since=2026-03-01T00:00:00+01:00")).await;
        assert!(answer.status == 400 && answer.text.contains("%2B"), "{route}: {answer:?}");
        let answer = service.get(&format!("{route}?since=2026-03-01T00:00:00%2B01:00")).await;
        assert_eq!(answer.status, 200, "{route}: {answer:?}");
    }
    let wrong = "2026-03-01T00:00:00+25:00";
    let record = json!({ "model": "m", "label": "x", "confidence": 0.5, "occurred_at": wrong });
    let label = json!({ "request_id": "r", "label": "x", "labelled_at": wrong });
    let range = json!({ "model": "m", "since": wrong });
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "s", "type": "org.kubeflow.serving.inference.request", "time": wrong,
    });
    for (route, body) in [("/log", record), ("/feedback", label), ("/drift/reference", range)] {
        let answer = service.post(route, &body).await;
        assert!(answer.status == 422 && answer.text.contains("23 hours"), "{route}: {answer:?}");
    }
    let headers = [("content-type", "application/cloudevents+json")];
    let answer = service.send("/cloudevents", &headers, event.to_string()).await;
    assert!(answer.status == 422 && answer.text.contains("23 hours"), "{answer:?}");
}

async fn a_number_is_one_label_however_it_is_written(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&[record(0, "1"), record(1, "1.0"), record(2, "cat"), record(3, "01"), record(4, "2")]).await;
    service
        .store(&[record(5, "1e0"), record(6, "1.00"), record(7, "10E-1"), record(8, "2.50"), record(9, "-0.0")])
        .await;
    for (label, rows) in [
        ("1", 5),
        ("1.0", 5),
        ("%221%22", 5),
        ("1e0", 5),
        ("1.00", 5),
        ("01", 1),
        ("cat", 1),
        ("2.0", 1),
        ("3", 0),
        ("2.5", 1),
        ("2.50", 1),
        ("0", 1),
        ("-0", 1),
    ] {
        assert_eq!(service.predictions(&format!("?label={label}")).await.len(), rows, "{label}");
        let lines = service.get(&format!("/export?label={label}")).await.text.lines().count();
        assert_eq!(lines, rows, "{label} in the export");
    }
}

async fn extreme_times_are_taken_or_told_on_every_route(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&[record(0, "cat")]).await;
    let routes = ["/predictions", "/stats", "/export", "/drift", "/quality"];
    let taken = [
        "since=2026-03-01T00:00:00.000000000000Z&until=2026-03-01T00:00:01.1234567890123Z",
        "since=0000-01-01T00:00:00Z&until=9999-12-30T22:00:00Z",
        "until=9999-12-30T22:00:00.999999999999Z",
    ];
    for (query, rows) in taken.iter().map(|query| (*query, 1)).chain([("since=9999-01-01T00:00:00Z", 0)]) {
        for route in routes {
            assert_eq!(service.get(&format!("{route}?{query}")).await.status, 200, "{route}?{query}");
        }
        assert_eq!(service.predictions(&format!("?{query}")).await.len(), rows, "{query}");
        let quality = service.get(&format!("/quality?{query}")).await.json();
        assert_eq!(quality["models"].as_array().unwrap().len(), rows, "{query}: {quality}");
    }
    let beyond = "9999-12-31T23:59:59Z";
    for route in routes {
        for name in ["since", "until"] {
            let answer = service.get(&format!("{route}?{name}={beyond}")).await;
            assert!(answer.status == 400 && answer.text.contains("9999-12-30T22:00:00Z"), "{route}: {answer:?}");
        }
    }
    for (route, body) in [
        ("/log", json!({ "model": "m", "label": "x", "occurred_at": beyond })),
        ("/feedback", json!({ "request_id": "r", "label": "x", "labelled_at": beyond })),
        ("/drift/reference", json!({ "model": "m", "until": beyond })),
    ] {
        let answer = service.post(route, &body).await;
        assert!(answer.status == 422 && answer.text.contains("9999-12-30T22:00:00Z"), "{route}: {answer:?}");
    }
    let range = json!({ "model": "m", "since": "9999-01-01T00:00:00Z" });
    let answer = service.post("/drift/reference", &range).await;
    assert!(answer.status == 422 && answer.text.contains("no predictions of this model"), "{answer:?}");
    let past = json!({ "model": "m", "since": "0000-01-01T00:00:00Z", "until": "9999-12-30T22:00:00Z" });
    assert_eq!(service.post("/drift/reference", &past).await.json()["counts"]["n"], 1);
}
