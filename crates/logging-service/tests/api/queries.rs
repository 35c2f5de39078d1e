//! The questions: filters, pages, single predictions, and questions that make no sense.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    each_filter_keeps_what_it_says_newest_first,
    pages_show_everything_once_whatever_their_size,
    what_arrives_between_two_pages_does_not_disturb_them,
    a_page_has_a_hundred_unless_asked_otherwise,
    one_prediction_by_its_id,
    questions_that_make_no_sense_are_refused,
}

/// Twenty-four predictions, one an hour from midnight, whose `hour` comes back as an unknown field.
async fn a_day(service: &RunningService) {
    let record = |hour: u32| {
        let failed = hour % 6 == 5;
        let model = ["cifar10", "surface"][hour as usize % 2];
        let mut record = json!({
            "model": model,
            "version": if hour < 12 { "1" } else { "2" },
            "occurred_at": format!("2026-03-01T{hour:02}:00:00Z"),
            "request_id": format!("request-{}", hour / 2),
            "defect": hour % 4 == 1,
            "hour": hour,
        });
        if failed {
            (record["status"], record["error_type"]) = (json!("error"), json!("internal"));
        } else {
            (record["label"], record["confidence"]) =
                (json!(["cat", "dog", "frog"][hour as usize % 3]), json!(f64::from(hour) / 24.0));
        }
        record
    };
    // Not in the order of their times: the log is.
    let mut records: Vec<Value> = (0..24).map(record).collect();
    records.rotate_left(7);
    service.store(&records).await;
}

fn hours(predictions: &[Value]) -> Vec<u32> {
    predictions.iter().map(|prediction| u32::try_from(prediction["hour"].as_u64().unwrap()).unwrap()).collect()
}

async fn each_filter_keeps_what_it_says_newest_first(fixture: Fixture) {
    type HourFilter = fn(u32) -> bool;
    let succeeded: HourFilter = |hour| hour % 6 != 5;
    let cases: [(&str, HourFilter); 24] = [
        ("", |_| true),
        ("?model=cifar10", |hour| hour % 2 == 0),
        ("?model=surface", |hour| hour % 2 == 1),
        ("?model=nowhere", |_| false),
        ("?version=2", |hour| hour >= 12),
        ("?label=dog", |hour| hour % 3 == 1 && hour % 6 != 5),
        ("?label=d%6Fg", |hour| hour % 3 == 1 && hour % 6 != 5),
        ("?label=DOG", |_| false),
        ("?label=%25", |_| false),
        ("?label=x'%20OR%201=1--", |_| false),
        ("?status=success", succeeded),
        ("?status=error", |hour| hour % 6 == 5),
        ("?defect=true", |hour| hour % 4 == 1),
        ("?defect=false", |hour| hour % 4 != 1),
        ("?since=2026-03-01T20:00:00Z", |hour| hour >= 20),
        ("?until=2026-03-01T20:00:00Z", |hour| hour < 20),
        ("?since=2026-03-01T21:00:00.5%2B01:00&until=2026-03-01T23:00:00Z", |hour| hour > 20 && hour < 23),
        ("?since=2026-03-01T09:00:00Z&until=2026-03-01T09:00:00Z", |_| false),
        ("?min_confidence=0.5", |hour| hour >= 12 && hour % 6 != 5),
        ("?max_confidence=0.5", |hour| hour <= 12 && hour % 6 != 5),
        ("?min_confidence=0.25&max_confidence=0.5", |hour| (6..=12).contains(&hour) && hour % 6 != 5),
        ("?request_id=request-4", |hour| hour / 2 == 4),
        ("?request_id=request-4&model=surface", |hour| hour == 9),
        ("?model=cifar10&version=1&defect=false&status=success&min_confidence=0.2", |hour| {
            hour < 12 && hour % 2 == 0 && hour > 4
        }),
    ];
    let service = fresh(&fixture, &[]).await;
    a_day(&service).await;
    for (query, keeps) in cases {
        let expected: Vec<u32> = (0..24).rev().filter(|hour| keeps(*hour)).collect();
        assert_eq!(hours(&service.predictions(query).await), expected, "{query}");
    }
}

async fn pages_show_everything_once_whatever_their_size(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    a_day(&service).await;
    // Many at one time: the page must not end between them and lose some.
    let same = json!({ "model": "surface", "label": "ok", "confidence": 1, "occurred_at": "2026-03-01T10:00:00Z", "hour": 10 });
    service.store(&vec![same; 10]).await;
    for (filter, total) in [("", 34), ("&model=surface", 22), ("&label=nothing", 0)] {
        for limit in [1, 2, 7, 33, 34, 35, 1000] {
            let (mut ids, mut times, mut pages, mut cursor) = (BTreeSet::new(), Vec::new(), 0, String::new());
            loop {
                let page = service.get(&format!("/predictions?limit={limit}{filter}{cursor}")).await.json();
                let predictions = page["predictions"].as_array().unwrap();
                assert!(predictions.len() <= limit);
                ids.extend(predictions.iter().map(|prediction| prediction["event_id"].to_string()));
                times.extend(predictions.iter().map(|prediction| prediction["occurred_at"].to_string()));
                pages += 1;
                match &page["next_cursor"] {
                    Value::String(next) => cursor = format!("&cursor={next}"),
                    end => {
                        assert_eq!((end, page.as_object().unwrap().len()), (&Value::Null, 2), "{page}");
                        break;
                    }
                }
            }
            assert_eq!((ids.len(), times.len()), (total, total), "limit {limit}, {filter}");
            assert!(times.is_sorted_by(|newer, older| newer >= older), "limit {limit}, {filter}: {times:?}");
            assert_eq!(pages, total.div_ceil(limit).max(1), "limit {limit}, {filter}");
        }
    }
}

async fn what_arrives_between_two_pages_does_not_disturb_them(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    a_day(&service).await;
    let first = service.get("/predictions?limit=12").await.json();
    service.store(&[json!({ "model": "late", "label": "x", "confidence": 1, "hour": 99 })]).await;
    let second = service.predictions(&format!("?cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(hours(&second), (0..12).rev().collect::<Vec<_>>());
}

async fn a_page_has_a_hundred_unless_asked_otherwise(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    service.store(&vec![crate::service::smallest(); 150]).await;
    assert_eq!(service.predictions("").await.len(), 100);
    assert_eq!(service.predictions("?limit=150").await.len(), 150);
}

async fn one_prediction_by_its_id(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let id = Uuid::now_v7();
    service.store(&[json!({ "event_id": id, "model": "m", "label": "x", "confidence": 0.5 })]).await;
    for form in [id.to_string(), id.simple().to_string(), id.to_string().to_uppercase()] {
        let answer = service.get(&format!("/predictions/{form}")).await;
        assert_eq!((answer.status, &answer.json()["event_id"]), (200, &json!(id)), "{form}");
    }
    let unknown = service.get(&format!("/predictions/{}", Uuid::now_v7())).await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("not_found")), "{unknown:?}");
    for malformed in ["7", "x", "%00", "%ff", &id.to_string()[1..], &format!("{id}'--")] {
        let answer = service.get(&format!("/predictions/{malformed}")).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("invalid_request")),
            "{malformed}: {answer:?}"
        );
    }
}

async fn questions_that_make_no_sense_are_refused(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let foreign_cursor = "f".repeat(31);
    for (path, says) in [
        ("/predictions?limit=0", "between 1 and 1000"),
        ("/predictions?limit=1001", "between 1 and 1000"),
        ("/predictions?limit=-1", "limit"),
        ("/predictions?limit=many", "limit: expected a whole number"),
        ("/predictions?cursor=", "cursor"),
        ("/predictions?cursor=next", "cursor"),
        (&format!("/predictions?cursor={foreign_cursor}"), "cursor"),
        ("/predictions?since=yesterday", "since: expected a time such as"),
        ("/predictions?since=2026-03-01T00:00:00+01:00", "%2B"),
        ("/predictions?until=2026-13-01T00:00:00Z", "until"),
        ("/predictions?since=2026-03-01", "since"),
        ("/predictions?min_confidence=high", "min_confidence"),
        ("/predictions?max_confidence=NaN", "max_confidence: expected a number from 0 to 1"),
        ("/predictions?max_confidence=93", "max_confidence"),
        ("/predictions?defect=maybe", "defect"),
        ("/predictions?status=failed", "status"),
        ("/predictions?modell=cifar10", "modell"),
        ("/predictions?model=a&model=b", "model"),
        (&format!("/predictions?{}", many_tags(9)), "more than 8 tags"),
        (&format!("/stats?{}", many_tags(1_500)), "more than 8 tags"),
        ("/stats?since=today", "since"),
        ("/stats?model=cifar10", "model"),
    ] {
        let answer = service.get(path).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid_request")), "{path}: {answer:?}");
        let sentence = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(sentence.contains(says) && sentence.ends_with('.'), "{path} says: {sentence}");
        assert!(answer.json()["request_id"].is_string(), "{path}");
    }
}

fn many_tags(number: usize) -> String {
    (0..number).map(|tag| format!("tag.k{tag}=v")).collect::<Vec<_>>().join("&")
}
