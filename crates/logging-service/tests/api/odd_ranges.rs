//! Ranges that begin and end within five minutes: which predictions each answer is about, and which range it names.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::service::{RunningService, fresh};
use crate::store_support::{Fixture, on_each_engine};

on_each_engine! {
    answers_are_about_the_very_range_or_name_theirs,
}

/// A range that is asked for, in seconds after a begin of five minutes.
struct AskedRange {
    since: i64,
    until: i64,
}

/// Whole minutes, half ones, single seconds, within five minutes and across them.
const RANGES: [AskedRange; 12] = [
    AskedRange { since: 0, until: 1200 },
    AskedRange { since: 60, until: 240 },
    AskedRange { since: 120, until: 420 },
    AskedRange { since: 150, until: 450 },
    AskedRange { since: 299, until: 301 },
    AskedRange { since: 300, until: 600 },
    AskedRange { since: 1, until: 300 },
    AskedRange { since: 300, until: 301 },
    AskedRange { since: 61, until: 62 },
    AskedRange { since: 420, until: 1140 },
    AskedRange { since: 899, until: 901 },
    AskedRange { since: 7, until: 1193 },
];

fn at(second: i64) -> String {
    let begin: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    (begin + SignedDuration::from_secs(second)).to_string()
}

fn region(second: i64) -> &'static str {
    if second % 20 == 0 { "eu" } else { "us" }
}

/// How many predictions of a region, or of all, lie in a range.
fn count(range: &AskedRange, of: Option<&str>) -> usize {
    let is_within = |second: &i64| (range.since..range.until).contains(second);
    SECONDS.into_iter().filter(is_within).filter(|second| of.is_none_or(|of| region(*second) == of)).count()
}

/// One prediction each ten seconds of twenty minutes.
const SECONDS: [i64; 120] = {
    let mut seconds = [0; 120];
    let mut index = 0;
    while index < 120 {
        seconds[index] = 10 * index as i64;
        index += 1;
    }
    seconds
};

/// The whole five minutes that cover a range.
fn cover(range: &AskedRange) -> AskedRange {
    AskedRange { since: range.since / 300 * 300, until: (range.until + 299) / 300 * 300 }
}

/// Since, until and the number of predictions of each answer of a route.
async fn ask(service: &RunningService, route: &str, range: &AskedRange, filter: &str) -> Vec<Value> {
    let (since, until) = (at(range.since), at(range.until));
    let answer = service.get(&format!("{route}?model=m&since={since}&until={until}{filter}")).await;
    assert_eq!(answer.status, 200, "{route}: {answer:?}");
    let of_model = |model: &Value| {
        let count = if route == "/drift" { &model["drift"]["samples"] } else { &model["quality"]["predictions"] };
        json!([model["since"], model["until"], model["segment"]["value"], count])
    };
    answer.json()["models"].as_array().unwrap().iter().map(of_model).collect()
}

/// The answer about a range, or none where it has no predictions.
fn expected(range: &AskedRange, of: Option<&str>) -> Option<Value> {
    let found = count(range, of);
    (found > 0).then(|| json!([at(range.since), at(range.until), of, found]))
}

async fn answers_are_about_the_very_range_or_name_theirs(fixture: Fixture) {
    let service = fresh(&fixture, &[]).await;
    let tags = json!({ "tags": { "region": ["eu", "us"] } });
    assert_eq!(service.put("/models/m", &tags).await.status, 200);
    let row = |second: i64| {
        json!({
            "model": "m", "label": if second % 30 == 0 { "a" } else { "b" }, "confidence": 0.5,
            "occurred_at": at(second), "tags": { "region": region(second) },
        })
    };
    service.store(&SECONDS.map(row)).await;
    let whole = json!({ "model": "m", "since": at(0), "until": at(1200) });
    assert_eq!(service.post("/drift/reference", &whole).await.status, 200);
    for range in &RANGES {
        let name = format!("{} to {}", range.since, range.until);
        for route in ["/quality", "/drift"] {
            let found = ask(&service, route, range, "").await;
            assert_eq!(found, Vec::from_iter(expected(range, None)), "{route} {name}");
            // Segments are counted by whole five minutes, and say so.
            let cover = cover(range);
            let of = |region| expected(&cover, Some(region));
            let found = ask(&service, route, range, "&by=tag.region").await;
            assert_eq!(found, Vec::from_iter(of("eu").into_iter().chain(of("us"))), "{route} by region, {name}");
            let found = ask(&service, route, range, "&tag.region=us").await;
            assert_eq!(found, Vec::from_iter(of("us")), "{route} of a region, {name}");
        }
        // Rows, statistics and exports are filtered one by one, whatever the tag.
        for region in [None, Some("eu"), Some("us")] {
            let filter = region.map(|region| format!("&tag.region={region}")).unwrap_or_default();
            let query = format!("?since={}&until={}&limit=1000{filter}", at(range.since), at(range.until));
            assert_eq!(service.predictions(&query).await.len(), count(range, region), "{query}");
            let query = query.replace("&limit=1000", "");
            let stats = service.get(&format!("/stats{query}")).await.json();
            assert_eq!(stats["total"]["predictions"], json!(count(range, region)), "{query}");
            let lines = service.get(&format!("/export{query}")).await.text.lines().count();
            assert_eq!(lines, count(range, region), "{query}");
        }
    }
}
